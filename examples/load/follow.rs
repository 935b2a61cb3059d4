//! Readers of the event stream, and calls at a steady rate for them to hear of: how long it takes from a PBX's request
//! until each reader has the event. The commit is within that time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use memchr::memmem::Finder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::Failure;
use crate::answer::Expect;
use crate::calls::{CallId, Random};
use crate::connection::Connection;
use crate::figures::{Figures, Latency, Meter};
use crate::process::Watched;
use crate::run::Target;
use crate::words::Words;

/// Connections on which the calls are played.
const LINES: u32 = 16;
/// After the measured time, what is still owed must come within this.
const PATIENCE: Duration = Duration::from_secs(3);

/// `load follow`
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  load follow --url PBX_URL --key hsk_… --readers 200 --rate 500 --seconds 10"
)]
pub struct Args {
    /// The PBX URL that the server printed.
    #[arg(long)]
    url: String,
    /// An API key.
    #[arg(long)]
    key: String,
    /// How many follow the event stream.
    #[arg(long, default_value_t = 200)]
    readers: usize,
    /// Events per second; 0 for readers that hear nothing.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long to measure.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Measure this process and its children; may be repeated.
    #[arg(long, value_name = "[NAME=]PID")]
    pid: Vec<Watched>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What readers and lines share. They live on one thread.
#[derive(Default)]
struct Shared {
    /// When each event was sent, by the call's id; with them the number of events of that call.
    sent: RefCell<HashMap<[u8; 36], Vec<Instant>>>,
    asked: Cell<u64>,
    taken_us: RefCell<Vec<u32>>,
    errors: Cell<u64>,
    over: Cell<bool>,
}

impl Shared {
    fn wrong(&self, why: &str) {
        self.errors.set(self.errors.get() + 1);
        if self.errors.get() <= 5 {
            eprintln!("load: {why}");
        }
    }
}

/// Plays, measures and prints.
pub fn main(args: &Args) -> Result<(), Failure> {
    let figures = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(LocalSet::new().run_until(measure(args)))?;
    figures.print(args.json)?;
    if figures.errors > 0 {
        return Err(format!("{} errors", figures.errors).into());
    }
    Ok(())
}

async fn measure(args: &Args) -> Result<Figures, Failure> {
    let target = Target::parse(&args.url)?;
    let all = Rc::new(Shared::default());
    for _ in 0..args.readers {
        let stream = connect(target.server, &args.key).await?;
        spawn_local(all.clone().read(stream));
    }
    sleep(Duration::from_secs(1)).await;

    let meter = Meter::start(&args.pid)?;
    let mut seeds = Random::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64);
    let calls = Rc::new(target.calls(Expect::Plain, Words::Zammad));
    if args.rate > 0 {
        for _ in 0..LINES {
            let pace = Duration::from_secs_f64(f64::from(LINES) / f64::from(args.rate));
            spawn_local(all.clone().play(target.server, calls.clone(), Random::new(seeds.next()), pace));
        }
    }
    sleep(Duration::from_secs_f64(args.seconds)).await;
    all.over.set(true);
    let seconds = meter.elapsed().as_secs_f64();
    let told = all.taken_us.borrow().len() as u64;
    let cpu = meter.stop(told.max(1))?;

    let waited = Instant::now();
    let owed = |all: &Shared| {
        let due = all.asked.get() * args.readers as u64;
        due.saturating_sub(all.taken_us.borrow().len() as u64)
    };
    while owed(&all) > 0 && waited.elapsed() < PATIENCE {
        sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..owed(&all).min(1_000) {
        all.wrong("an event did not come to a reader");
    }
    Ok(Figures {
        clients: args.readers,
        events: told,
        events_per_s: told as f64 / seconds,
        latency: Latency::of(all.taken_us.take()),
        errors: all.errors.get(),
        cpu,
    })
}

async fn connect(server: SocketAddr, key: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await?;
    let request =
        format!("GET /api/v1/stream HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    if &head != b"HTTP/1.1 200" {
        return Err(std::io::Error::other("the stream was refused"));
    }
    Ok(stream)
}

impl Shared {
    /// One line: an event each `pace`, of one call after the other.
    async fn play(
        self: Rc<Self>,
        server: SocketAddr,
        calls: Rc<Vec<crate::calls::Call>>,
        mut random: Random,
        pace: Duration,
    ) {
        let Ok(mut connection) = Connection::open(server).await else { return self.wrong("no connection") };
        let mut tick = interval(pace);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sleep(pace.mul_f64(random.next() as f64 / u64::MAX as f64)).await; // not all at once
        let mut request = Vec::new();
        loop {
            let id = CallId::new(&mut random);
            for event in &calls[random.next() as usize % calls.len()] {
                tick.tick().await;
                if self.over.get() {
                    return;
                }
                event.write(&id, &mut request);
                self.sent.borrow_mut().entry(*id.bytes()).or_default().push(Instant::now());
                self.asked.set(self.asked.get() + 1);
                match connection.ask(&request).await {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => self.wrong(&format!("answered {}", answer.status)),
                    Err(why) => return self.wrong(&why.to_string()),
                }
            }
        }
    }

    /// One reader.
    async fn read(self: Rc<Self>, mut stream: TcpStream) {
        let id = Finder::new(b"\"call_id\":\"");
        let state = Finder::new(b"\"state\":\"");
        let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
        loop {
            match stream.read(&mut buffer[filled..]).await {
                Ok(0) | Err(_) => return self.wrong("the stream ended"),
                Ok(read) => filled += read,
            }
            let now = Instant::now();
            let mut done = 0;
            while let Some(at) = id.find(&buffer[done..filled]).map(|at| done + at + 11)
                && let Some(told) = state.find(&buffer[at..filled]).map(|state| at + state + 9)
                && told < filled
            {
                let step = match buffer[told] {
                    b'r' => 0,
                    b'c' => 1,
                    _ => 2,
                };
                let call: Option<[u8; 36]> = buffer[at..at + 36].try_into().ok();
                let sent = call.and_then(|call| self.sent.borrow().get(&call)?.get(step).copied());
                match sent {
                    Some(sent) => {
                        let us = (now - sent).as_micros();
                        self.taken_us.borrow_mut().push(u32::try_from(us).unwrap_or(u32::MAX));
                    }
                    None => self.wrong("an event that nobody sent"),
                }
                done = told;
            }
            // an event may have come in parts; what is before the last that was read is not needed
            buffer.copy_within(done..filled, 0);
            filled -= done;
            if filled > 32 * 1024 {
                filled = 0;
            }
        }
    }
}
