//! From the figures of all rounds to the tables of docs/benchmarks.md: each bound with its ratio, then the cells.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

mod bounds;
use bounds::Measure;

/// `load table`
#[derive(clap::Args)]
pub struct Args {
    /// One JSON object a line: `{"cell": "postgres/64/0", "round": 1, "figures": {…}}`.
    file: PathBuf,
}

/// One line of the file.
#[derive(Deserialize)]
struct Cell {
    cell: String,
    round: u32,
    figures: Value,
}

/// All cells of one round by name.
type Round = BTreeMap<String, Value>;

/// Prints both tables.
pub fn main(args: &Args) -> Result<(), Failure> {
    let rounds = read(&fs::read_to_string(&args.file)?)?;
    // an fsync that is to take so long takes a little longer
    let fsync_ms =
        |us| middle(&rounds, &format!("fsync/{us}"), "/p50_ms").unwrap_or_else(|| f64::from(us) / 1000.0);
    let mut missed = 0;
    let mut table = sheet(&["figure", "measured", "lowest – highest round", "bound", ""]);
    for bound in bounds::all(fsync_ms) {
        let values = sorted(rounds.iter().filter_map(|round| value(&bound.measure, round)));
        let (Some(lowest), Some(highest)) = (values.first(), values.last()) else { continue };
        let median = median(&values);
        let ok = bound.limit.holds(median);
        missed += usize::from(!ok);
        table.add_row([
            bound.what.clone(),
            show(median),
            format!("{} – {}", show(*lowest), show(*highest)),
            bound.limit.to_string(),
            if ok { "ok" } else { "short" }.into(),
        ]);
    }
    println!("{table}\n\n{}", cells(&rounds));
    if missed > 0 { Err(format!("{missed} bounds missed").into()) } else { Ok(()) }
}

fn read(lines: &str) -> Result<Vec<Round>, Failure> {
    let mut rounds = BTreeMap::<u32, Round>::new();
    for line in lines.lines() {
        let Cell { cell, round, figures } = serde_json::from_str(line)?;
        rounds.entry(round).or_default().insert(cell, figures);
    }
    Ok(rounds.into_values().collect())
}

/// `None` where the round has not all that it needs.
fn value(measure: &Measure, round: &Round) -> Option<f64> {
    let figure = |cell: &str, name: &str| round.get(cell)?.pointer(name)?.as_f64();
    match measure {
        Measure::Of(cell, name) => figure(cell, name),
        Measure::Ratio(cell, over, name) => Some(figure(cell, name)? / figure(over, name)?),
        Measure::Highest(cells, name) => cells.iter().filter_map(|cell| figure(cell, name)).reduce(f64::max),
    }
}

/// What was measured in each cell: medians of the rounds.
fn cells(rounds: &[Round]) -> Table {
    const COLUMNS: [(&str, &str); 10] = [
        ("events/s", "/events_per_s"),
        ("p50 ms", "/p50_ms"),
        ("p90 ms", "/p90_ms"),
        ("p99 ms", "/p99_ms"),
        ("max ms", "/max_ms"),
        ("server µs", "/processes/server/cpu_us"),
        ("PostgreSQL µs", "/processes/postgres/cpu_us"),
        ("client µs", "/client_cpu_us"),
        ("peak MiB", "/processes/server/peak_mib"),
        ("foreign cores", "/foreign_cores"),
    ];
    let names = COLUMNS.iter().map(|(name, _)| *name);
    let mut table = sheet(&["cell"].into_iter().chain(names).collect::<Vec<_>>());
    let mut seen: Vec<&String> = rounds.iter().flat_map(Round::keys).collect();
    seen.sort_unstable();
    seen.dedup();
    for cell in seen.into_iter().filter(|cell| !cell.starts_with("start/")) {
        let column = |pointer: &str| middle(rounds, cell, pointer).map_or_else(|| "–".into(), show);
        table.add_row([cell.clone()].into_iter().chain(COLUMNS.iter().map(|(_, pointer)| column(pointer))));
    }
    table
}

/// A cell's figure: the median of the rounds that have it.
fn middle(rounds: &[Round], cell: &str, pointer: &str) -> Option<f64> {
    let figure = |round: &Round| round.get(cell)?.pointer(pointer)?.as_f64();
    let values = sorted(rounds.iter().filter_map(figure));
    (!values.is_empty()).then(|| median(&values))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn sheet(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    table
}

/// Of sorted values, at least one.
pub fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

fn show(value: f64) -> String {
    match value {
        _ if value >= 1000.0 => format!("{value:.0}"),
        _ if value >= 20.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_stays_within_its_round() {
        let line = |cell, round, rate| {
            format!("{{\"cell\":\"{cell}\",\"round\":{round},\"figures\":{{\"events_per_s\":{rate}}}}}\n")
        };
        let lines =
            line("a", 1, 10) + &line("b", 1, 5) + &line("a", 2, 30) + &line("b", 2, 10) + &line("a", 3, 1);
        let rounds = read(&lines).unwrap();
        let ratio = Measure::Ratio("a".into(), "b".into(), "/events_per_s");
        let values: Vec<_> = rounds.iter().map(|round| value(&ratio, round)).collect();
        assert_eq!(values, [Some(2.0), Some(3.0), None]);
        assert!((median(&[2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
