//! What `/metrics` shows (Prometheus text). One set for each server, so that tests do not share counters.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::dialect;
use crate::spool::Figures;
use crate::store::claims::Verdict;
use crate::store::journal;
use crate::words::words;

/// Kinds of events as labels; "other" is what makes no call.
const KINDS: [&str; 4] = ["newCall", "answer", "hangup", "other"];

words! {
    /// How somebody waits for calls to change.
    Reading { Stream = "stream", Changes = "changes", Noojee = "noojee" }
}

/// Counts one reader while it lives.
pub struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Handles to the counters of the hot path, made once.
pub struct Metrics {
    page: PrometheusHandle,
    events: Vec<Counter>,
    unknown_tokens: Counter,
    limited: Counter,
    decision: Histogram,
    commit: Histogram,
    batch: Histogram,
    queue: Gauge,
    live: Gauge,
    readers: Vec<Gauge>,
    dropped_readers: Counter,
    telling: Histogram,
    untold: Gauge,
    unheard: Gauge,
    deliveries: [Counter; 3],
    oldest_delivery: Gauge,
    /// Of the spool.
    pub spool: SpoolMetrics,
}

/// What happens to events while the database does not take them.
#[derive(Clone)]
pub struct SpoolMetrics {
    spooling: Gauge,
    bytes: Gauge,
    records: Gauge,
    oldest: Gauge,
    /// The database got them.
    pub replayed: Counter,
    /// The database will never take them.
    pub rejected: Counter,
    /// There was no room for them, or no disk.
    pub refused: Counter,
}

impl SpoolMetrics {
    fn new() -> Self {
        Self {
            spooling: gauge!("hookswitch_spooling"),
            bytes: gauge!("hookswitch_spool_bytes"),
            records: gauge!("hookswitch_spool_events"),
            oldest: gauge!("hookswitch_spool_oldest_seconds"),
            replayed: counter!("hookswitch_spool_replayed_total"),
            rejected: counter!("hookswitch_spool_rejected_total"),
            refused: counter!("hookswitch_spool_refused_total"),
        }
    }

    /// What is in it now, and whether new events go there.
    pub fn show(&self, spooling: bool, figures: Figures) {
        self.spooling.set(f64::from(u8::from(spooling)));
        self.bytes.set(figures.bytes as f64);
        self.records.set(figures.records as f64);
    }

    /// Before a page is rendered: how old the oldest event in it is, in seconds.
    pub fn oldest(&self, seconds: f64) {
        self.oldest.set(seconds);
    }
}

impl Metrics {
    /// A fresh set, all zero.
    ///
    /// # Errors
    /// Never with the buckets below; the library asks.
    pub fn new() -> Result<Self, BuildError> {
        let seconds: Vec<f64> = (0..14).map(|i| 0.000_05 * 2_f64.powi(i)).collect(); // 50 µs to 0.4 s
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)?
            .set_buckets_for_metric(
                Matcher::Suffix("_size".into()),
                &[1., 2., 4., 8., 16., 32., 64., 128., 256., 512.],
            )?
            .build_recorder();
        Ok(with_local_recorder(&recorder, || {
            Self {
            page: recorder.handle(),
            events: labels()
                .map(|(dialect, kind, result)| {
                    counter!("hookswitch_events_total", "dialect" => dialect, "kind" => kind, "result" => result)
                })
                .collect(),
            unknown_tokens: counter!("hookswitch_unknown_tokens_total"),
            limited: counter!("hookswitch_limited_requests_total"),
            decision: histogram!("hookswitch_decision_seconds"),
            commit: histogram!("hookswitch_commit_seconds"),
            batch: histogram!("hookswitch_batch_size"),
            queue: gauge!("hookswitch_queued_jobs"),
            live: gauge!("hookswitch_live_calls"),
            readers: Reading::ALL
                .iter()
                .map(|kind| gauge!("hookswitch_readers", "kind" => kind.as_str()))
                .collect(),
            dropped_readers: counter!("hookswitch_dropped_readers_total"),
            telling: histogram!("hookswitch_feed_seconds"),
            untold: gauge!("hookswitch_feed_untold_changes"),
            unheard: gauge!("hookswitch_feed_unheard"),
            deliveries: ["delivered", "failed", "parked"]
                .map(|result| counter!("hookswitch_deliveries_total", "result" => result)),
            oldest_delivery: gauge!("hookswitch_oldest_due_delivery_seconds"),
            spool: SpoolMetrics::new(),
        }
        }))
    }

    /// One request to a PBX's URL was answered.
    pub fn event(&self, dialect: &str, kind: Option<&str>, verdict: journal::Verdict) {
        let kind = KINDS.iter().position(|known| Some(*known) == kind).unwrap_or(KINDS.len() - 1);
        let dialect = dialect::ALL.iter().position(|known| known.name() == dialect).unwrap_or_default();
        self.events[(dialect * KINDS.len() + kind) * journal::Verdict::ALL.len() + verdict as usize]
            .increment(1);
    }

    /// From the whole request to the rules' word.
    pub fn decided(&self, took: Duration) {
        self.decision.record(took);
    }

    /// One transaction.
    pub fn committed(&self, events: usize, took: Duration) {
        self.commit.record(took);
        self.batch.record(events as f64);
    }

    /// A request with a token that nobody has; `limited` if it was answered 429.
    pub fn unknown_token(&self, limited: bool) {
        self.unknown_tokens.increment(1);
        self.limited.increment(u64::from(limited));
    }

    /// Before a page is rendered.
    pub fn gauges(&self, queued: usize, live: i64) {
        self.queue.set(queued as f64);
        self.live.set(live as f64);
    }

    /// Somebody waits for calls to change, until the answer is dropped.
    pub fn reader(&self, kind: Reading) -> Counted {
        let gauge = self.readers[kind as usize].clone();
        gauge.increment(1.0);
        Counted(gauge)
    }

    /// A reader was sent away because it was too slow.
    pub fn dropped_reader(&self) {
        self.dropped_readers.increment(1);
    }

    /// From a commit until readers were told of it.
    pub fn told(&self, took: Duration) {
        self.telling.record(took);
    }

    /// Before a page is rendered: changes that readers were not told of, tellings that the slowest has not taken.
    pub fn feed(&self, untold: i64, unheard: usize) {
        self.untold.set(untold as f64);
        self.unheard.set(unheard as f64);
    }

    /// What came of attempts to tell webhooks.
    pub fn deliveries(&self, verdicts: impl Iterator<Item = Verdict>) {
        for verdict in verdicts {
            let result = match verdict {
                Verdict::Delivered => 0,
                Verdict::Again(..) => 1,
                Verdict::Parked | Verdict::Gone => 2,
            };
            self.deliveries[result].increment(1);
        }
    }

    /// Before a page is rendered: for how long the oldest delivery is due, in seconds.
    pub fn oldest_delivery(&self, seconds: f64) {
        self.oldest_delivery.set(seconds);
    }

    /// The page.
    pub fn render(&self) -> String {
        self.page.render()
    }

    /// Folds the histograms' samples: without it they pile up until somebody looks.
    pub fn upkeep(&self) {
        self.page.run_upkeep();
    }
}

fn labels() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    dialect::ALL.iter().flat_map(|dialect| {
        KINDS.iter().flat_map(|kind| {
            journal::Verdict::ALL.iter().map(|verdict| (dialect.name(), *kind, verdict.as_str()))
        })
    })
}
