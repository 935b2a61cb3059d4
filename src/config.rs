//! Everything that an operator can set: flags and environment, checked once. Nothing else reads the environment.
#![allow(rustdoc::bare_urls, reason = "these comments are also the program's own help")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use clap::Args;
use ipnet::IpNet;
use reqwest::Url;

use crate::address::network;
use crate::error::StartError;
use crate::number::Numbering;
use crate::spool;
use crate::store::target::Target;
use crate::ui::ScreenPop;
use crate::webhooks::Allowed;

/// Where the data is: for every command.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// The database: postgres://user:password@host/name or sqlite://path/to/file.db
    /// [default: sqlite, hookswitch.db in the data folder]
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    pub database_url: Option<String>,

    /// The folder for what is kept in files; made with owner-only rights
    #[arg(
        long,
        global = true,
        env = "HOOKSWITCH_DATA_DIR",
        value_name = "FOLDER",
        default_value = "./data",
        help_heading = "Everywhere"
    )]
    pub data_dir: PathBuf,

    /// The country whose numbers are written without country code (ISO 3166, two letters); a PBX may have its own
    #[arg(
        long,
        global = true,
        env = "HOOKSWITCH_REGION",
        value_name = "COUNTRY",
        default_value = "DE",
        help_heading = "Everywhere"
    )]
    pub region: String,

    /// What is logged: error, warn, info, debug, trace; or by module, as in "info,hookswitch=debug" (actix_http, which
    /// complains of clients' broken requests, only where it is named)
    #[arg(
        long,
        global = true,
        env = "RUST_LOG",
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Everywhere"
    )]
    pub log_level: String,
}

impl Database {
    /// Which database.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn target(&self) -> Result<Target, StartError> {
        match self.database_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(url) => url.parse(),
            None => Ok(Target::Sqlite(self.data_dir.join("hookswitch.db"))),
        }
    }

    /// How numbers are read where nothing else is said.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn numbering(&self) -> Result<Numbering, StartError> {
        Numbering::new(&self.region, None).map_err(|e| StartError(format!("--region: {e}")))
    }
}

/// How the server serves.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "HOOKSWITCH_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The address under which PBXes and people reach the server, as in https://calls.example.org
    /// [default: http:// and the address listened on]
    #[arg(long, env = "HOOKSWITCH_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Threads that serve HTTP [default: one fewer than cores, at least one: the writer has its own]
    #[arg(long, env = "HOOKSWITCH_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,

    /// The longest time that a PBX waits for its answer, in ms. Where the database takes longer than four fifths of it,
    /// the answer comes from memory, and the event goes to the spool
    #[arg(long, env = "HOOKSWITCH_INTAKE_DEADLINE_MS", value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub intake_deadline_ms: u32,

    /// The folder for events while the database does not take them; each server has its own
    /// [default: spool in the data folder]
    #[arg(long, env = "HOOKSWITCH_SPOOL_DIR", value_name = "FOLDER")]
    pub spool_dir: Option<PathBuf>,

    /// The most that this folder may hold, in MiB (about a thousand events each); when it is full, PBXes get 503.
    /// Events that can never be written, and damaged files, may take as much again
    #[arg(
        long,
        env = "HOOKSWITCH_SPOOL_MAX_MB",
        value_name = "MIB",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(8..=1_048_576)
    )]
    pub spool_max_mb: u32,

    /// A call that rings for longer, in seconds, gets the outcome "lost"
    #[arg(long, env = "HOOKSWITCH_RINGING_LIMIT_S", value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub ringing_limit_s: u32,

    /// A call that is connected for longer, in seconds, gets the outcome "lost"
    #[arg(long, env = "HOOKSWITCH_CONNECTED_LIMIT_S", value_name = "SECONDS", default_value_t = 43_200, value_parser = clap::value_parser!(u32).range(1..))]
    pub connected_limit_s: u32,

    /// The time zone in which Noojee's API tells when a call was taken, and in which pages show times until the
    /// browser says its own, as in Europe/Berlin
    #[arg(long, env = "HOOKSWITCH_TIME_ZONE", value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,

    /// Reverse proxies (addresses or networks, comma-separated) whose X-Forwarded-For is believed
    #[arg(long, env = "HOOKSWITCH_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Web origins that may call the API from a browser, comma-separated, as in https://board.example.org
    /// [default: none]
    #[arg(long, env = "HOOKSWITCH_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,

    /// A link that the pages show at each call, as in "https://crm.example.org/?phone={{from.e164}}" [default: none]
    #[arg(long, env = "HOOKSWITCH_SCREEN_POP", value_name = "TEMPLATE")]
    pub screen_pop: Option<String>,

    /// Wrong tokens or keys per minute and address before it is answered 429; good ones always pass
    #[arg(long, env = "HOOKSWITCH_FAILED_TOKENS_PER_MINUTE", value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub failed_tokens_per_minute: u32,

    /// The most connections at once, for each of the threads that serve HTTP
    #[arg(long, env = "HOOKSWITCH_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 25_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// The most connections at once from one address (of IPv6, from one /64 network); trusted proxies have no limit
    #[arg(
        long,
        env = "HOOKSWITCH_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "COUNT",
        default_value_t = 2_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_connections_per_address: u32,

    /// How long a client may take to send its request head, and again its body (which has 1 s more for each 64 KiB), in
    /// seconds
    #[arg(long, env = "HOOKSWITCH_CLIENT_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub client_timeout_s: u32,

    /// How long an idle connection is kept, in seconds
    #[arg(long, env = "HOOKSWITCH_KEEP_ALIVE_S", value_name = "SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_alive_s: u32,

    /// How long a stop waits for requests under way, in seconds
    #[arg(long, env = "HOOKSWITCH_SHUTDOWN_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub shutdown_timeout_s: u32,

    /// How long a webhook's receiver may take to answer, in seconds; then it is asked again later
    #[arg(long, env = "HOOKSWITCH_WEBHOOK_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub webhook_timeout_s: u32,

    /// What webhooks may be.
    #[command(flatten)]
    pub webhooks: WebhookLimits,
}

/// What webhooks may be: the server's own flags, also for commands that make webhooks.
#[derive(Debug, Clone, Args)]
pub struct WebhookLimits {
    /// Private networks or addresses (comma-separated) that webhooks may go to, as in 192.168.1.0/24
    /// [default: none, only public addresses]
    #[arg(long, env = "HOOKSWITCH_WEBHOOK_ALLOW", value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub webhook_allow: Vec<IpNet>,

    /// The most webhooks of one extension, those that are disabled included
    #[arg(long, env = "HOOKSWITCH_WEBHOOKS_PER_EXTENSION", value_name = "COUNT", default_value_t = 16)]
    pub webhooks_per_extension: u32,
}

impl WebhookLimits {
    /// Where webhooks may go.
    pub fn allowed(&self) -> Allowed {
        Allowed::new(&self.webhook_allow)
    }
}

/// The address under which the server is reached, for commands that print a URL: the server's own flags.
#[derive(Debug, Clone, Args)]
pub struct PublicUrl {
    /// The address under which PBXes reach the server, as in https://calls.example.org
    /// [default: http:// and the address that the server listens on]
    #[arg(long, env = "HOOKSWITCH_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    #[arg(long, env = "HOOKSWITCH_LISTEN", hide = true, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl PublicUrl {
    /// No slash at the end.
    ///
    /// # Errors
    /// Where it is no URL.
    pub fn get(&self) -> Result<String, StartError> {
        public_url(self.public_url.as_deref(), self.listen)
    }

    /// Says that the server may be reached elsewhere, beside what was printed: a server's flags are not known here.
    pub fn say_if_guessed(&self) {
        if self.public_url.is_none() {
            log::warn!(
                "the address is a guess: where the server was given another one, name it by --public-url or put it in \
                 the place of http://{}",
                self.listen
            );
        }
    }
}

fn public_url(given: Option<&str>, bound: SocketAddr) -> Result<String, StartError> {
    match given.map(|url| url.trim_end_matches('/')).filter(|url| !url.is_empty()) {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => Ok(url.into()),
        Some(url) => Err(StartError(format!("--public-url {url:?}: must begin with http:// or https://"))),
        None => Ok(format!("http://{bound}")),
    }
}

/// Checks that a browser could send this as the `Origin` of a page: anything else would never be met.
fn check_origin(given: &str) -> Result<(), StartError> {
    let read = given.parse::<Url>().ok();
    let origin = read.filter(Url::has_host).map(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
    });
    match origin.as_deref().unwrap_or("https://board.example.org") {
        origin if origin == given => Ok(()),
        origin => Err(StartError(format!(
            "--cors-origins {given:?}: write each origin as browsers send it, as in {origin}"
        ))),
    }
}

/// All of it, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which database.
    pub target: Target,
    /// The default country.
    pub numbering: Numbering,
    /// For those who are told local times.
    pub time_zone: Tz,
    /// As PBXes and people reach us; no slash at the end.
    pub public_url: String,
    /// The link from a call to another program.
    pub screen_pop: Option<Arc<ScreenPop>>,
    /// Where events wait for the database.
    pub spool: spool::Settings,
    /// The rest as given.
    pub serve: Serve,
}

impl Config {
    /// Checks what was given. `bound` is the address really listened on.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn new(database: &Database, mut serve: Serve, bound: SocketAddr) -> Result<Self, StartError> {
        let public_url = public_url(serve.public_url.as_deref(), bound)?;
        serve.cors_origins.retain(|origin| !origin.is_empty());
        serve.cors_origins.iter().try_for_each(|origin| check_origin(origin))?;
        let unknown =
            |_| StartError(format!("--time-zone {:?}: name one such as Europe/Berlin", serve.time_zone));
        let time_zone = serve.time_zone.parse().map_err(unknown)?;
        let template = serve.screen_pop.as_deref().filter(|template| !template.is_empty());
        let screen_pop = template
            .map(ScreenPop::read)
            .transpose()
            .map_err(|e| StartError(format!("--screen-pop: {e}")))?
            .map(Arc::new);
        let (target, numbering) = (database.target()?, database.numbering()?);
        let spool = spool::Settings {
            folder: serve.spool_dir.clone().unwrap_or_else(|| database.data_dir.join("spool")),
            limit: u64::from(serve.spool_max_mb) << 20,
        };
        Ok(Self { target, numbering, time_zone, public_url, screen_pop, spool, serve })
    }

    /// Is our own word for our address one that nobody can reach? It is where we listen on all addresses and were not told
    /// the public one.
    pub fn lacks_address(&self) -> bool {
        let given = self.serve.public_url.as_deref().is_some_and(|url| !url.is_empty());
        !given && self.serve.listen.ip().is_unspecified()
    }

    /// How long a PBX waits at most.
    pub fn intake_deadline(&self) -> Duration {
        Duration::from_millis(self.serve.intake_deadline_ms.into())
    }

    /// How long of this the database has: then there is still time to write the event to the spool.
    pub fn commit_deadline(&self) -> Duration {
        self.intake_deadline() * 4 / 5
    }

    /// How long a body may take.
    pub fn client_timeout(&self) -> Duration {
        Duration::from_secs(self.serve.client_timeout_s.into())
    }

    /// Threads that serve HTTP.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.serve.workers.map_or_else(|| cores() - 1, usize::from).max(1)
    }
}

/// Reads `.env` into the environment where there is one.
///
/// # Errors
/// Where it is there but cannot be read. The line is told by its number alone: it may hold a password.
pub fn read_dotenv(folder: &Path) -> Result<(), StartError> {
    let file = folder.join(".env");
    let refused = |what: String| StartError(format!("{}{what}", file.display()));
    match dotenvy::from_path(&file) {
        Err(dotenvy::Error::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::LineParse(bad, _)) => {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let first = bad.lines().next().unwrap_or_default(); // of the line, or of its value
            let holds = |line: &str| line.contains(first) && !line.trim_start().starts_with('#');
            let number = text.lines().position(holds).filter(|_| !first.is_empty());
            let place = number.map_or_else(String::new, |number| format!(", line {}", number + 1));
            Err(refused(format!("{place}: say NAME=value, and put a value with blanks or quotes in '…'")))
        }
        Err(e) => Err(refused(format!(": {e}"))),
        Ok(()) => Ok(()),
    }
}
