//! The bounds that the figures must keep.

use std::fmt;

const RATE: &str = "/events_per_s";
const P50: &str = "/p50_ms";
const P99: &str = "/p99_ms";
const SERVER: &str = "/processes/server/cpu_us";
const POSTGRES: &str = "/processes/postgres/cpu_us";
const PEAK: &str = "/processes/server/peak_mib";
const START: &str = "/start_ms";

/// A figure and what it must be.
pub struct Bound {
    /// In words.
    pub what: String,
    /// Where it comes from.
    pub measure: Measure,
    /// What it must be.
    pub limit: Limit,
}

/// Names cells, and a figure in them as a JSON pointer.
pub enum Measure {
    /// The figure itself.
    Of(String, &'static str),
    /// The first cell's by the second's.
    Ratio(String, String, &'static str),
    /// The highest of several cells.
    Highest(Vec<String>, &'static str),
}

/// What is good enough.
pub enum Limit {
    /// Not more than.
    AtMost(f64),
    /// Not less than.
    AtLeast(f64),
}

impl Limit {
    /// Is `value`?
    pub fn holds(&self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= *most,
            Self::AtLeast(least) => value >= *least,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
            Self::AtLeast(least) => write!(f, "≥ {least:.2}"),
        }
    }
}

use Limit::{AtLeast, AtMost};

/// All of them. Cells are named store/clients/fsync in µs. `fsync_ms` tells how long such an fsync takes.
pub fn all(fsync_ms: impl Fn(u32) -> f64) -> Vec<Bound> {
    let mut all = vec![
        ratio(
            "Server CPU per event ÷ no-op's, PostgreSQL, 64 clients",
            "postgres/64/0",
            "noop/64",
            SERVER,
            AtMost(1.6),
        ),
        ratio(
            "PostgreSQL: events/s ÷ pgbench's, 64 clients",
            "postgres/64/0",
            "pgbench/64/0",
            RATE,
            AtLeast(1.8),
        ),
        ratio("the same, fsync 1 ms", "postgres/64/1000", "pgbench/64/1000", RATE, AtLeast(1.05)),
        ratio("the same, 16 clients", "postgres/16/1000", "pgbench/16/1000", RATE, AtLeast(1.25)),
        ratio(
            "PostgreSQL's own CPU per event ÷ pgbench's",
            "postgres/64/0",
            "pgbench/64/0",
            POSTGRES,
            AtMost(0.35),
        ),
        ratio("SQLite: events/s ÷ no-op's, 64 clients", "sqlite/64/0", "noop/64", RATE, AtLeast(0.20)),
        ratio("the same, fsync 1 ms", "sqlite/64/1000", "noop/64", RATE, AtLeast(0.10)),
        ratio(
            "Server CPU per event with 10,000 + 1,000 rules ÷ without",
            "postgres-rules/64/0",
            "postgres/64/0",
            SERVER,
            AtMost(1.1),
        ),
    ];
    for store in ["postgres", "sqlite"] {
        for fsync_us in [0, 1000] {
            let ms = fsync_ms(fsync_us);
            let one = format!("{store}/1/{fsync_us}");
            let many = format!("{store}/64/{fsync_us}");
            all.push(of(format!("{store}, fsync {ms:.2} ms, 1 client, p50 ms"), &one, P50, AtMost(ms + 0.6)));
            all.push(of(
                format!("{store}, fsync {ms:.2} ms, 64 clients, p50 ms"),
                &many,
                P50,
                AtMost(1.1 * ms + 2.5),
            ));
            all.push(of(
                format!("{store}, fsync {ms:.2} ms, 64 clients, p99 ms"),
                &many,
                P99,
                AtMost(2.1 * ms + 6.0),
            ));
        }
        let (one, many) = (format!("{store}/1/50000"), format!("{store}/64/50000"));
        all.push(of(format!("{store}, fsync 50 ms, 1 client, p50 ms (durable)"), &one, P50, AtLeast(50.0)));
        all.push(of(format!("{store}, fsync 50 ms, 64 clients, p99 ms (groups)"), &many, P99, AtMost(120.0)));
    }
    all.push(Bound {
        what: "Peak resident memory of the server, MiB, any cell".into(),
        measure: Measure::Highest(cells_of_the_server(), PEAK),
        limit: AtMost(64.0),
    });
    for (what, cell) in [
        ("Start to first answer, new SQLite database, ms", "start/new"),
        ("Start to first answer, SQLite database of before, ms", "start/again"),
        ("Start to first answer, empty actix server, ms (to compare)", "start/empty"),
    ] {
        all.push(of(what.into(), cell, START, AtMost(500.0)));
    }
    all
}

fn cells_of_the_server() -> Vec<String> {
    let stores = ["postgres", "sqlite", "postgres-rules"];
    let each = |store| [1, 64].map(|clients| [0, 1000, 50_000].map(|us| format!("{store}/{clients}/{us}")));
    stores.into_iter().flat_map(each).flatten().collect()
}

fn of(what: String, cell: &str, name: &'static str, limit: Limit) -> Bound {
    Bound { what, measure: Measure::Of(cell.into(), name), limit }
}

fn ratio(what: &str, cell: &str, over: &str, name: &'static str, limit: Limit) -> Bound {
    Bound { what: what.into(), measure: Measure::Ratio(cell.into(), over.into(), name), limit }
}
