//! What a second server on one PostgreSQL brings: one run, in which one and two take turns.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use tokio::runtime;
use tokio::task::LocalSet;

use crate::Failure;
use crate::figures::Figures;
use crate::process::Watched;
use crate::run;
use crate::table::median;

/// `load nodes`
#[derive(clap::Args)]
#[command(
    after_help = "Example, with two servers on one database and a second PBX made by `hookswitch pbx add`:\n  \
    load nodes --one URL_AT_FIRST --two URL_AT_SECOND --other OTHER_PBX_AT_SECOND --pid server=12 --pid postgres=34"
)]
pub struct Args {
    /// A PBX's URL at the first server.
    #[arg(long, value_name = "URL")]
    one: String,
    /// The same PBX's URL at the second server.
    #[arg(long, value_name = "URL")]
    two: String,
    /// Another PBX's URL at the second server.
    #[arg(long, value_name = "URL")]
    other: String,
    /// Measure this process and its children; may be repeated.
    #[arg(long, value_name = "[NAME=]PID", required = true)]
    pid: Vec<Watched>,
    /// Connections, in all.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How long each way is played in each round.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often each has its turn; medians count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Plays, measures and prints; fails where an answer is wrong.
pub fn main(args: &Args) -> Result<(), Failure> {
    let Args { one, two, other, .. } = args;
    let ways = [
        ("one server", vec![one.clone()], false),
        ("two, each with a PBX of its own", vec![one.clone(), other.clone()], false),
        ("two, calls of one PBX at either", vec![one.clone(), two.clone()], false),
        ("two, each call's events at both", vec![one.clone(), two.clone()], true),
    ];
    let mut figures: Vec<Vec<Figures>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.rounds.max(1) {
        for ((name, urls, mixed), figures) in ways.iter().zip(&mut figures) {
            let run = run::Args::of_several(urls, *mixed, args.clients, args.seconds, &args.pid);
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let got = runtime.block_on(LocalSet::new().run_until(run::measure(&run)))?;
            if got.errors > 0 {
                return Err(format!("{name}: {} wrong answers", got.errors).into());
            }
            figures.push(got);
        }
    }
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "servers",
        "events/s",
        "× one",
        "lowest – highest round",
        "p50 (ms)",
        "p99 (ms)",
        "CPU per event (µs)",
        "foreign cores",
    ]);
    for ((name, ..), these) in ways.iter().zip(&figures) {
        let ratios =
            sorted(these.iter().zip(&figures[0]).map(|(it, one)| it.events_per_s / one.events_per_s));
        let of = |figure: fn(&Figures) -> f64| median(&sorted(these.iter().map(figure)));
        table.add_row([
            (*name).to_owned(),
            format!("{:.0}", of(|it| it.events_per_s)),
            format!("{:.2}", median(&ratios)),
            format!("{:.2} – {:.2}", ratios[0], ratios[ratios.len() - 1]),
            format!("{:.1}", of(|it| it.latency.as_ref().map_or(f64::NAN, |it| it.p50_ms))),
            format!("{:.1}", of(|it| it.latency.as_ref().map_or(f64::NAN, |it| it.p99_ms))),
            format!("{:.1}", of(|it| it.cpu.processes.values().map(|process| process.cpu_us).sum())),
            format!("{:.2}", of(|it| it.cpu.foreign_cores)),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures
}
