//! What a measurement yields, and how it is printed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Failure;
use crate::process::{Watched, machine_cpu_us};

/// One measurement. `scripts/bench` keeps it as JSON; `table` reads it by these names.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// How many connections asked at once.
    pub clients: usize,
    /// Events answered.
    pub events: u64,
    /// Per second of the measured time.
    pub events_per_s: f64,
    /// Half of the answers came within.
    #[serde(flatten)]
    pub latency: Option<Latency>,
    /// Wrong answers, and connections that broke.
    pub errors: u64,
    /// By the watched processes.
    #[serde(flatten)]
    pub cpu: Cpu,
}

/// How long answers took, in ms.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Half of them at most.
    pub p50_ms: f64,
    /// Nine of ten.
    pub p90_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    /// From the time that each answer took, in µs.
    pub fn of(mut taken_us: Vec<u32>) -> Option<Self> {
        taken_us.sort_unstable();
        let last = taken_us.len().checked_sub(1)?;
        let at = |share: f64| f64::from(taken_us[(last as f64 * share).round() as usize]) / 1000.0;
        Some(Self { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: at(1.0) })
    }
}

/// CPU while it was measured.
#[derive(Debug, Serialize)]
pub struct Cpu {
    /// Of this program itself, per event, in µs.
    pub client_cpu_us: f64,
    /// Cores' worth of everything that is not watched: above 0.1 the figures are disturbed.
    pub foreign_cores: f64,
    /// The watched ones by name.
    pub processes: BTreeMap<String, ProcessFigures>,
}

/// One watched process with all that descend from it.
#[derive(Debug, Serialize)]
pub struct ProcessFigures {
    /// User and system time per event, in µs.
    pub cpu_us: f64,
    /// Resident memory of the process itself at the end.
    pub rss_mib: f64,
    /// And at its peak.
    pub peak_mib: f64,
}

/// Readings at the beginning of a measurement.
pub struct Meter {
    watched: Vec<Watched>,
    began: Instant,
    machine_us: u64,
    each_us: Vec<u64>,
}

impl Meter {
    /// Reads the clocks of `watched` and of this program.
    pub fn start(watched: &[Watched]) -> Result<Self, Failure> {
        let mut watched = watched.to_vec();
        watched.push(Watched { name: "client".into(), pid: std::process::id() });
        let each_us = watched.iter().map(Watched::cpu_us).collect::<Result<_, _>>()?;
        Ok(Self { machine_us: machine_cpu_us()?, each_us, watched, began: Instant::now() })
    }

    /// How long it has been.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reads them again: what was used since, per event.
    pub fn stop(self, events: u64) -> Result<Cpu, Failure> {
        let seconds = self.elapsed().as_secs_f64();
        let machine_us = machine_cpu_us()?.saturating_sub(self.machine_us);
        let mut used_us = Vec::new();
        for (watched, before) in self.watched.iter().zip(&self.each_us) {
            used_us.push(watched.cpu_us()?.saturating_sub(*before));
        }
        let foreign_us = machine_us.saturating_sub(used_us.iter().sum());
        let per_event = |us: u64| us as f64 / events.max(1) as f64;
        let mut processes = BTreeMap::new();
        let others = self.watched.len() - 1; // the last one is this program
        for (watched, us) in self.watched.iter().zip(&used_us).take(others) {
            let (rss_mib, peak_mib) = watched.memory_mib()?;
            let figures = ProcessFigures { cpu_us: per_event(*us), rss_mib, peak_mib };
            processes.insert(watched.name.clone(), figures);
        }
        Ok(Cpu {
            client_cpu_us: per_event(used_us[others]),
            foreign_cores: foreign_us as f64 / 1e6 / seconds,
            processes,
        })
    }
}

impl Cpu {
    /// Spreads what was measured as one over `events`.
    pub fn per(mut self, events: u64) -> Self {
        let events = events.max(1) as f64;
        self.client_cpu_us /= events;
        self.processes.values_mut().for_each(|process| process.cpu_us /= events);
        self
    }
}

impl Figures {
    /// For people, or one line of JSON.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!("{:.0} events/s with {} clients ({} in all)", self.events_per_s, self.clients, self.events);
        if let Some(Latency { p50_ms, p90_ms, p99_ms, max_ms }) = self.latency {
            println!("p50 {p50_ms:.3}  p90 {p90_ms:.3}  p99 {p99_ms:.3}  max {max_ms:.3} ms");
        }
        println!("{} errors", self.errors);
        for (name, process) in &self.cpu.processes {
            let ProcessFigures { cpu_us, rss_mib, peak_mib } = process;
            println!("{name}: {cpu_us:.1} µs CPU per event, {rss_mib:.1} MiB resident (peak {peak_mib:.1})");
        }
        println!(
            "this program: {:.1} µs; foreign: {:.2} cores",
            self.cpu.client_cpu_us, self.cpu.foreign_cores
        );
        Ok(())
    }
}
