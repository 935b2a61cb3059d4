//! `hookswitch health`: asks a running server whether it is ready, so that a container needs no other program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;

use super::print;
use crate::error::StartError;
use crate::outbound;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ask a running server whether it is ready (for container health checks)
#[derive(Debug, Args)]
#[command(after_help = "Example: hookswitch health --url http://127.0.0.1:8080")]
pub struct Health {
    /// The server [default: http:// and the address of --listen]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[arg(long, env = "HOOKSWITCH_LISTEN", hide = true, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl Health {
    /// Prints `ready`, or fails with the reason.
    pub fn run(self) -> Result<(), StartError> {
        let server = self.url.unwrap_or_else(|| format!("http://{}", reachable(self.listen)));
        let ready = actix_web::rt::System::new().block_on(ask(server.trim_end_matches('/')));
        ready.map_err(|why| StartError(format!("{server} is not ready: {why}")))?;
        print::line("ready")
    }
}

async fn ask(server: &str) -> Result<(), String> {
    let client = outbound::client(|builder| builder.no_proxy().timeout(PATIENCE)).map_err(outbound::why)?;
    let answer = client.get(format!("{server}/readyz")).send().await.map_err(outbound::why)?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(answer.text().await.unwrap_or_else(|_| status.to_string())) }
}

/// A server that listens on every address is asked at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        ip if !ip.is_unspecified() => listen,
        _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port()),
    }
}
