//! What an event costs in each dialect, as multiples of Zammad's: one run, in which they take turns.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use tokio::runtime;
use tokio::task::LocalSet;

use crate::Failure;
use crate::process::Watched;
use crate::run;
use crate::table::median;
use crate::words::Words;

/// No dialect may cost more than so many times what Zammad's costs.
const BOUND: f64 = 1.3;

/// `load dialects`
#[derive(clap::Args)]
#[command(after_help = "Example, with PBXes made by `hookswitch pbx add --dialect …` on one server:\n  \
    load dialects --pid 1234 --url zammad=URL --url sipgate=URL --url focalscope=URL")]
pub struct Args {
    /// A PBX of that dialect; zammad must be among them.
    #[arg(long, value_name = "DIALECT=URL", required = true)]
    url: Vec<Spoken>,
    /// Measure this process and its children; may be repeated.
    #[arg(long, value_name = "[NAME=]PID", required = true)]
    pid: Vec<Watched>,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How long each dialect plays in each round.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// How often each has its turn; medians count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[derive(Debug, Clone)]
struct Spoken {
    words: Words,
    url: String,
}

impl FromStr for Spoken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text.split_once('=').ok_or("must be DIALECT=URL")?;
        Ok(Self { words: Words::from_str(name, true)?, url: url.into() })
    }
}

/// Plays, measures and prints; fails where the bound is missed or an answer is wrong.
pub fn main(args: &Args) -> Result<(), Failure> {
    let mut costs = BTreeMap::<String, Vec<f64>>::new();
    for _ in 0..args.rounds {
        for spoken in &args.url {
            let cost = cost(args, spoken)?;
            costs.entry(spoken.words.name()).or_default().push(cost);
        }
    }
    let zammad = costs.get("zammad").ok_or("zammad is not among the dialects")?.clone();
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "dialect",
        "CPU per event (µs)",
        "× zammad",
        "lowest – highest round",
    ]);
    let mut missed = false;
    for (name, costs) in &costs {
        let mut ratios: Vec<f64> = costs.iter().zip(&zammad).map(|(cost, zammad)| cost / zammad).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let mut costs = costs.clone();
        costs.sort_unstable_by(f64::total_cmp);
        let ratio = median(&ratios);
        missed |= ratio > BOUND;
        let (lowest, highest) = (ratios.first().unwrap_or(&ratio), ratios.last().unwrap_or(&ratio));
        table.add_row([
            name.clone(),
            format!("{:.1}", median(&costs)),
            format!("{ratio:.2}"),
            format!("{lowest:.2} – {highest:.2}"),
        ]);
    }
    println!("{table}");
    if missed { Err(format!("a dialect costs more than {BOUND} times zammad's").into()) } else { Ok(()) }
}

/// Of all watched processes, per event, in µs.
fn cost(args: &Args, spoken: &Spoken) -> Result<f64, Failure> {
    let run = run::Args::of(&spoken.url, spoken.words, args.clients, args.seconds, &args.pid);
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(LocalSet::new().run_until(run::measure(&run)))?;
    if figures.errors > 0 {
        return Err(format!("{}: {} wrong answers", spoken.words.name(), figures.errors).into());
    }
    Ok(figures.cpu.processes.values().map(|process| process.cpu_us).sum())
}
