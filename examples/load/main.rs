//! The load program: plays a PBX against Hookswitch (or against its own no-op yardstick) and measures what comes
//! back. `scripts/bench` calls it for each figure in docs/benchmarks.md.

mod answer;
mod calls;
mod connection;
mod dialects;
mod figures;
mod follow;
mod fsync;
mod nodes;
mod noop;
mod process;
mod rules;
mod run;
mod soak;
mod start;
mod table;
mod watch;
mod words;

use clap::{Parser, Subcommand};

/// What a mode fails with: a line for whoever ran it.
pub type Failure = Box<dyn std::error::Error>;

/// Plays real calls against a server and measures it.
#[derive(Parser)]
#[command(
    name = "load",
    after_help = "Example, in two terminals:\n  \
        cargo run --release --example load -- noop --listen 127.0.0.1:9090\n  \
        cargo run --release --example load -- run --url URL_IT_PRINTED --clients 64 --seconds 5 --expect yardstick"
)]
struct Args {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Plays calls in a closed loop and prints rate, latency, CPU and memory; exit code 1 if an answer was wrong.
    Run(run::Args),
    /// Serves the yardstick: an actix handler that parses, looks up, answers and stores nothing.
    Noop(noop::Args),
    /// Prints the rule set (10,000 block rules, 1,000 caller-ID rules) that `run --expect rules` expects.
    Rules,
    /// Starts a server, prints how long it took to its first answer, and kills it.
    Start(start::Args),
    /// Follows the event stream with many readers while calls are played at a steady rate.
    Follow(follow::Args),
    /// Measures how long an fsync takes.
    Fsync(fsync::Args),
    /// Plays each dialect in turn and prints what an event costs, as multiples of Zammad's; exit code 1 above 1.3.
    Dialects(dialects::Args),
    /// Plays against one server and against two of one database in turn, and prints what the second one brings.
    Nodes(nodes::Args),
    /// Runs pgbench and prints the same figures as `run` does.
    Watch(watch::Args),
    /// Looks at a server under load for a while; exit code 1 if its memory, files, threads or queues grow.
    Soak(soak::Args),
    /// Turns the figures that scripts/bench gathered into Markdown; exit code 1 if a bound was missed.
    Table(table::Args),
}

fn main() -> Result<(), Failure> {
    match Args::parse().mode {
        Mode::Run(args) => run::main(&args),
        Mode::Noop(args) => noop::main(&args),
        Mode::Rules => rules::main(),
        Mode::Start(args) => start::main(&args),
        Mode::Follow(args) => follow::main(&args),
        Mode::Fsync(args) => fsync::main(&args),
        Mode::Dialects(args) => dialects::main(&args),
        Mode::Nodes(args) => nodes::main(&args),
        Mode::Watch(args) => watch::main(&args),
        Mode::Soak(args) => soak::main(&args),
        Mode::Table(args) => table::main(&args),
    }
}
