//! How long a server takes from the start of its process to its first answer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::time::sleep;

use crate::Failure;
use crate::answer::Expect;
use crate::calls::{Call, CallId, Random};
use crate::connection::Connection;
use crate::run::Target;
use crate::words::Words;

const PATIENCE: Duration = Duration::from_secs(30);

/// `load start`
#[derive(clap::Args)]
pub struct Args {
    /// The PBX URL; without it, the server must print it (`PBX URL: …`), as it does when it starts first.
    #[arg(long)]
    url: Option<String>,
    /// The server and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Starts, asks until it answers, kills, prints.
pub fn main(args: &Args) -> Result<(), Failure> {
    let [program, arguments @ ..] = args.command.as_slice() else { return Err("no command".into()) };
    let began = Instant::now();
    let mut server = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
    let answered = answer(&mut server, args.url.as_deref()).map(|url| (url, began.elapsed()));
    server.kill()?;
    server.wait()?;
    let (url, taken) = answered?;
    println!("{}", serde_json::json!({"start_ms": taken.as_secs_f64() * 1000.0, "url": url}));
    Ok(())
}

/// Waits for the first answer. Returns the URL at which it came.
fn answer(server: &mut Child, url: Option<&str>) -> Result<String, Failure> {
    let mut lines = BufReader::new(server.stdout.take().ok_or("no output")?).lines();
    let url = match url {
        Some(url) => url.to_owned(),
        None => loop {
            let line = lines.next().ok_or("the server ended without printing its PBX URL")??;
            if let Some(url) = line.strip_prefix("PBX URL:") {
                break url.trim().to_owned();
            }
        },
    };
    thread::spawn(move || lines.for_each(drop)); // a full pipe would stop the server
    let target = Target::parse(&url)?;
    let calls = target.calls(Expect::Plain, Words::Zammad);
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(ask(&target, &calls))?;
    Ok(url)
}

async fn ask(target: &Target, calls: &[Call]) -> Result<(), Failure> {
    let mut request = Vec::new();
    let first = calls.iter().flatten().next().ok_or("no calls")?;
    first.write(&CallId::new(&mut Random::new(0)), &mut request);
    let began = Instant::now();
    loop {
        match Connection::open(target.server).await {
            Ok(mut connection) => {
                let answer = connection.ask(&request).await?;
                let right = answer.status == 200 && first.expected.is(answer.body);
                return if right { Ok(()) } else { Err(format!("answered {}", answer.status).into()) };
            }
            Err(_) if began.elapsed() < PATIENCE => sleep(Duration::from_micros(500)).await,
            Err(why) => return Err(why.into()),
        }
    }
}
