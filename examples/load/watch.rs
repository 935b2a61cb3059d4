//! pgbench, measured in the same way as a server: over a window in which all its clients are connected.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::Failure;
use crate::figures::{Figures, Meter};
use crate::process::Watched;

/// `load watch`
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  load watch --pid postgres=1234 --seconds 5 --events-per-transaction 3 --clients 64 -- \
    pgbench -n -M prepared -c 64 -j 2 -P 1 -T 8 -f scripts/pgbench_event.sql DATABASE"
)]
pub struct Args {
    /// How long to measure; the command must run longer than this and the warm-up.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// How long to wait before that.
    #[arg(long, default_value_t = 1)]
    warmup: u32,
    /// Measure this process and its children; may be repeated.
    #[arg(long, value_name = "[NAME=]PID")]
    pid: Vec<Watched>,
    /// How many events one run of pgbench's script is.
    #[arg(long, default_value_t = 1)]
    events_per_transaction: u32,
    /// As told to pgbench.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// pgbench and its arguments, among them `-P 1`.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Runs, measures and prints.
pub fn main(args: &Args) -> Result<(), Failure> {
    let [program, arguments @ ..] = args.command.as_slice() else { return Err("no command".into()) };
    let mut pgbench =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let lines = BufReader::new(pgbench.stderr.take().ok_or("no output")?).lines();

    sleep(Duration::from_secs(args.warmup.into()));
    let meter = Meter::start(&args.pid)?;
    sleep(Duration::from_secs(args.seconds.into()));
    // The rate is known when pgbench has ended; its CPU must be read before.
    let seconds = meter.elapsed().as_secs_f64();
    let cpu = meter.stop(1)?;

    let mut rates = Vec::new();
    for line in lines {
        let line = line?;
        match progress(&line) {
            Some((at, rate)) if at > f64::from(args.warmup) => rates.push(rate),
            Some(_) => {}
            None => eprintln!("pgbench: {line}"),
        }
    }
    if !pgbench.wait()?.success() {
        return Err("pgbench failed".into());
    }
    rates.truncate(args.seconds as usize);
    if rates.is_empty() {
        return Err("pgbench told no rate: it needs -P 1 and more time".into());
    }
    let rate = rates.iter().sum::<f64>() / rates.len() as f64 * f64::from(args.events_per_transaction);
    let events = (rate * seconds) as u64;
    let figures = Figures {
        clients: args.clients,
        events,
        events_per_s: rate,
        latency: None,
        errors: 0,
        cpu: cpu.per(events),
    };
    figures.print(args.json)
}

/// `progress: 3.0 s, 9876.5 tps, …`
fn progress(line: &str) -> Option<(f64, f64)> {
    let mut words = line.strip_prefix("progress: ")?.split(' ');
    let at = words.next()?.parse().ok()?;
    let rate = words.nth(1)?.parse().ok()?;
    Some((at, rate))
}

#[cfg(test)]
mod tests {
    #[test]
    fn progress_is_read() {
        let line = "progress: 3.0 s, 9876.5 tps, lat 6.4 ms stddev 2.1, 0 failed";
        assert_eq!(super::progress(line), Some((3.0, 9876.5)));
        assert_eq!(super::progress("pgbench (15.18)"), None);
    }
}
