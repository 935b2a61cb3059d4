//! The yardstick: what an actix handler costs that does the least which a receiver of call events can do.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use actix_web::web::{Bytes, Data, Form, Path};
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

use crate::Failure;
use crate::answer::YARDSTICK;

const TOKEN: &str = "ZnJvbS1sb2FkLXByb2dyYW0tb25seQ";
const NUMBERS: usize = 10_200;

/// `load noop`
#[derive(clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Threads; actix takes one per core.
    #[arg(long)]
    workers: Option<usize>,
    /// Parse nothing, look nothing up: only for the time that an actix server needs to start.
    #[arg(long)]
    empty: bool,
}

/// The fields that a receiver needs at the least. `Form` reads them with serde_urlencoded and passes over the others.
#[derive(Deserialize)]
struct Event {
    event: String,
    from: String,
    #[serde(rename = "callId")]
    call_id: String,
}

/// What requests are looked up in.
struct Known {
    pbxes: HashMap<String, u32>,
    numbers: HashSet<String>,
}

impl Known {
    fn new() -> Self {
        Self {
            pbxes: HashMap::from([(TOKEN.into(), 1)]),
            numbers: (0..NUMBERS).map(|n| format!("49160{:07}", 1_000_000 + n * 773)).collect(),
        }
    }
}

async fn receive(known: Data<Known>, token: Path<String>, event: Form<Event>) -> HttpResponse {
    if !known.pbxes.contains_key(token.as_str()) {
        return HttpResponse::Unauthorized().finish();
    }
    let understood = !event.call_id.is_empty() && matches!(&*event.event, "newCall" | "answer" | "hangup");
    if !understood || known.numbers.contains(&event.from) {
        return HttpResponse::UnprocessableEntity().finish();
    }
    HttpResponse::Ok().content_type("application/json").body(YARDSTICK)
}

async fn receive_blindly(_: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body("{}")
}

/// Serves until it is stopped.
#[actix_web::main]
pub async fn main(args: &Args) -> Result<(), Failure> {
    let known = Data::new(Known::new());
    let empty = args.empty;
    let mut server = HttpServer::new(move || {
        let post = if empty { web::post().to(receive_blindly) } else { web::post().to(receive) };
        App::new().app_data(known.clone()).route("/api/v1/cti/{token}", post)
    });
    if let Some(workers) = args.workers {
        server = server.workers(workers);
    }
    let server = server.bind(args.listen)?;
    for address in server.addrs() {
        println!("PBX URL: http://{address}/api/v1/cti/{TOKEN}");
    }
    Ok(server.run().await?)
}
