//! The closed loop: each client plays one call after the other and waits for each answer.

use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::answer::Expect;
use crate::calls::{self, Call, CallId, Random};
use crate::connection::Connection;
use crate::figures::{Figures, Latency, Meter};
use crate::process::Watched;
use crate::words::Words;

/// After the measured time, an answer that is still owed must come within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many wrong answers are shown; the others are only counted.
const SHOWN: u64 = 5;

/// `load run`
#[derive(clap::Args)]
pub struct Args {
    /// The PBX URL that the server printed; repeated for several servers of one database, which clients share out.
    #[arg(long, required = true)]
    url: Vec<String>,
    /// Each event of a call goes to the next of the servers: all of them write the same calls.
    #[arg(long)]
    mixed: bool,
    /// Connections, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How long to play before that.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Measure this process and its children; may be repeated.
    #[arg(long, value_name = "[NAME=]PID")]
    pid: Vec<Watched>,
    /// The dialect that the PBX of this URL speaks.
    #[arg(long, value_enum, default_value = "zammad")]
    dialect: Words,
    /// Which answers are right (zammad only).
    #[arg(long, value_enum, default_value = "plain")]
    expect: Expect,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// One dialect's turn, with a second of warming up.
    pub fn of(url: &str, dialect: Words, clients: usize, seconds: f64, pid: &[Watched]) -> Self {
        let (url, pid) = (vec![url.into()], pid.to_vec());
        let (mixed, warmup, expect, json) = (false, 1.0, Expect::Plain, false);
        Self { url, mixed, dialect, clients, seconds, pid, warmup, expect, json }
    }

    /// Several servers of one database, in Zammad's words.
    pub fn of_several(url: &[String], mixed: bool, clients: usize, seconds: f64, pid: &[Watched]) -> Self {
        Self { url: url.to_vec(), mixed, ..Self::of("", Words::Zammad, clients, seconds, pid) }
    }
}

/// A server's address, as a URL names it.
pub struct Target {
    /// Where to connect.
    pub server: SocketAddr,
    host: String,
    path: String,
}

impl Target {
    /// From `http://HOST:PORT/PATH`.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: must begin with http://"))?;
        let (host, path) = rest.split_once('/').ok_or_else(|| format!("{url}: has no path"))?;
        let server = host.to_socket_addrs()?.next().ok_or_else(|| format!("{host}: unknown host"))?;
        Ok(Self { server, host: host.into(), path: format!("/{path}") })
    }

    /// All calls, rendered for this server.
    pub fn calls(&self, expect: Expect, words: Words) -> Vec<Call> {
        calls::render(&self.host, &self.path, expect, words)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    WarmingUp,
    Measuring,
    Over,
}

/// One of the servers.
struct Node {
    server: SocketAddr,
    calls: Vec<Call>,
}

/// What the clients share. They live on one thread.
struct Loop {
    nodes: Vec<Node>,
    mixed: bool,
    phase: Cell<Phase>,
    taken_us: RefCell<Vec<u32>>,
    errors: Cell<u64>,
}

impl Loop {
    /// One client.
    async fn play(self: Rc<Self>, client: usize, mut random: Random) {
        let mut request = Vec::new();
        let nodes = self.nodes_of(client);
        while self.phase.get() != Phase::Over {
            let mut connections = match open(&nodes).await {
                Ok(connections) => connections,
                Err(why) => {
                    self.wrong(&why.to_string());
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            while self.phase.get() != Phase::Over {
                let call = random.next() as usize % nodes[0].calls.len();
                let id = CallId::new(&mut random);
                if let Err(why) = self.play_call(&nodes, call, &id, &mut connections, &mut request).await {
                    self.wrong(&why.to_string());
                    break;
                }
            }
        }
    }

    /// The one that a client speaks to, or all, beginning with that one.
    fn nodes_of(&self, client: usize) -> Vec<&Node> {
        let count = if self.mixed { self.nodes.len() } else { 1 };
        self.nodes.iter().cycle().skip(client % self.nodes.len()).take(count).collect()
    }

    async fn play_call(
        &self,
        nodes: &[&Node],
        call: usize,
        id: &CallId,
        connections: &mut [Connection],
        request: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        for step in 0..nodes[0].calls[call].len() {
            let node = step % nodes.len();
            let event = &nodes[node].calls[call][step];
            event.write(id, request);
            let asked = Instant::now();
            let answer = connections[node].ask(request).await?;
            let taken = asked.elapsed();
            if answer.status != 200 || !event.expected.is(answer.body) {
                let body = String::from_utf8_lossy(answer.body);
                self.wrong(&format!("{} {body:.200}, not {:?}", answer.status, event.expected));
            }
            match self.phase.get() {
                Phase::WarmingUp => {}
                Phase::Measuring => {
                    self.taken_us.borrow_mut().push(u32::try_from(taken.as_micros()).unwrap_or(u32::MAX));
                }
                Phase::Over => break,
            }
        }
        Ok(())
    }

    fn wrong(&self, why: &str) {
        self.errors.set(self.errors.get() + 1);
        if self.errors.get() <= SHOWN {
            eprintln!("load: {why}");
        }
    }
}

async fn open(nodes: &[&Node]) -> std::io::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(nodes.len());
    for node in nodes {
        connections.push(Connection::open(node.server).await?);
    }
    Ok(connections)
}

/// Plays, measures and prints.
pub fn main(args: &Args) -> Result<(), Failure> {
    let figures = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(LocalSet::new().run_until(measure(args)))?;
    figures.print(args.json)?;
    if figures.errors > 0 {
        return Err(format!("{} wrong answers", figures.errors).into());
    }
    Ok(())
}

/// Plays and measures.
pub async fn measure(args: &Args) -> Result<Figures, Failure> {
    let node = |url: &String| {
        let target = Target::parse(url)?;
        Ok(Node { server: target.server, calls: target.calls(args.expect, args.dialect) })
    };
    let all = Rc::new(Loop {
        nodes: args.url.iter().map(node).collect::<Result<_, Failure>>()?,
        mixed: args.mixed,
        phase: Cell::new(Phase::WarmingUp),
        taken_us: RefCell::new(Vec::with_capacity(1 << 20)),
        errors: Cell::new(0),
    });
    let mut seeds = Random::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64);
    let clients: Vec<_> =
        (0..args.clients).map(|n| spawn_local(all.clone().play(n, Random::new(seeds.next())))).collect();

    sleep(Duration::from_secs_f64(args.warmup)).await;
    let meter = Meter::start(&args.pid)?;
    all.phase.set(Phase::Measuring);
    sleep(Duration::from_secs_f64(args.seconds)).await;
    all.phase.set(Phase::Over);
    let seconds = meter.elapsed().as_secs_f64();
    let events = all.taken_us.borrow().len() as u64;
    let cpu = meter.stop(events)?;

    for client in clients {
        if timeout(PATIENCE, client).await.is_err() {
            all.wrong("a request was never answered");
        }
    }
    if events == 0 {
        all.wrong("no event was answered in the measured time");
    }
    Ok(Figures {
        clients: args.clients,
        events,
        events_per_s: events as f64 / seconds,
        latency: Latency::of(all.taken_us.take()),
        errors: all.errors.get(),
        cpu,
    })
}
