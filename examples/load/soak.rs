//! A long look at a server under steady load: does anything grow that should not? `scripts/soak` plays the calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hookswitch::outbound;
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime;
use tokio::time::sleep;

use crate::Failure;
use crate::process::Watched;

/// Between two samples.
const PACE: Duration = Duration::from_secs(5);
/// So many look at pages at once in the first half of the warm-up, so that each connection to the database that there
/// may be is there.
const CROWD: usize = 16;
/// Memory may grow by so much, in KiB per minute: less than the noise of a run of 20 minutes.
const SLOPE: f64 = 64.0;
/// Files that come and go: connections of pages, of the pool, and of webhooks (up to 32 at once to each).
const FILES: f64 = 64.0;
/// Events that wait for the writer, at most.
const QUEUED: f64 = 2_000.0;
/// The write-ahead log of SQLite, in MiB.
const LOG: f64 = 64.0;
/// Deliveries may be late by so many seconds.
const LATE: f64 = 30.0;

/// `load soak`
#[derive(clap::Args)]
#[command(
    after_help = "Example, while calls are played:\n  load soak --url http://127.0.0.1:8080 --key hsk_… --pid 1234 \
    --minutes 20 --wal data/hookswitch.db-wal"
)]
pub struct Args {
    /// The server.
    #[arg(long)]
    url: String,
    /// An admin's API key.
    #[arg(long)]
    key: String,
    /// The server's process.
    #[arg(long)]
    pid: Watched,
    /// SQLite's write-ahead log.
    #[arg(long)]
    wal: Option<PathBuf>,
    /// How long to look, after the warm-up.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// How long to wait before what is seen counts, in minutes.
    #[arg(long, default_value_t = 8.0)]
    warmup: f64,
}

/// What was seen at one moment.
#[derive(Clone, Default)]
struct Sample {
    minute: f64,
    events: f64,
    rss_kib: f64,
    files: f64,
    threads: f64,
    queued: f64,
    untold: f64,
    late_s: f64,
    delivered: f64,
    wal_mib: f64,
}

/// Looks, prints a line each minute, and judges.
pub fn main(args: &Args) -> Result<(), Failure> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(look(args))
}

async fn look(args: &Args) -> Result<(), Failure> {
    let http = outbound::client(|builder| {
        builder.no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(30))
    })?;
    let reader = Reader::sign_in(&http, args).await?;
    let (begun, all_minutes) = (Instant::now(), args.warmup + args.minutes);
    let mut samples: Vec<Sample> = Vec::new();
    println!(
        "| minute | events/s | RSS KiB | files | threads | queued | untold | webhooks/s | late s | log MiB |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut last = Sample::default();
    loop {
        let minute = begun.elapsed().as_secs_f64() / 60.0;
        let now = reader.sample(args, minute).await?;
        if last.events == 0.0 {
            last = now.clone();
        } else if now.minute - last.minute >= 1.0 {
            now.print(&last);
            last = now.clone();
        }
        samples.push(now);
        if minute >= all_minutes {
            break;
        }
        let readers = if minute < args.warmup / 2.0 { CROWD } else { 1 };
        try_join_all((0..readers).map(|_| reader.look())).await?;
        sleep(PACE).await;
    }
    samples.retain(|sample| sample.minute >= args.warmup);
    judge(&samples)
}

/// Somebody who is signed in and looks at pages.
struct Reader {
    http: Client,
    url: String,
    key: String,
    cookie: String,
}

impl Reader {
    async fn sign_in(http: &Client, args: &Args) -> Result<Self, Failure> {
        let form = [("key", args.key.as_str())];
        let request =
            http.post(format!("{}/sign-in", args.url)).header("Sec-Fetch-Site", "same-origin").form(&form);
        let answer = request.send().await?;
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
        Ok(Self { http: http.clone(), url: args.url.clone(), key: args.key.clone(), cookie })
    }

    async fn look(&self) -> Result<(), Failure> {
        for path in ["/", "/figures", "/contacts", "/api/v1/calls?done=false", "/api/v1/calls/stats?by=hour"]
        {
            self.read(path).await?;
        }
        Ok(())
    }

    async fn read(&self, path: &str) -> Result<String, Failure> {
        let request = self.http.get(format!("{}{path}", self.url));
        let request = if path.starts_with("/api") {
            request.bearer_auth(&self.key)
        } else {
            request.header("Cookie", &self.cookie)
        };
        let answer = request.send().await?;
        if !answer.status().is_success() {
            return Err(format!("{path} was answered {}", answer.status()).into());
        }
        Ok(answer.text().await?)
    }

    async fn sample(&self, args: &Args, minute: f64) -> Result<Sample, Failure> {
        let page = self.read("/metrics").await?;
        let metrics = Metrics::read(&page);
        let pid = args.pid.pid;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
        };
        let wal = args.wal.as_ref().and_then(|path| fs::metadata(path).ok()).map_or(0, |file| file.len());
        Ok(Sample {
            minute,
            events: metrics.sum("hookswitch_events_total"),
            rss_kib: of("VmRSS:"),
            files: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64,
            threads: of("Threads:"),
            queued: metrics.sum("hookswitch_queued_jobs"),
            untold: metrics.sum("hookswitch_feed_untold_changes"),
            late_s: metrics.sum("hookswitch_oldest_due_delivery_seconds"),
            delivered: metrics.sum("hookswitch_deliveries_total{result=\"delivered\"}"),
            wal_mib: wal as f64 / 1_048_576.0,
        })
    }
}

impl Sample {
    fn print(&self, before: &Self) {
        let seconds = (self.minute - before.minute) * 60.0;
        let Self { minute, rss_kib, files, threads, queued, untold, late_s, wal_mib, .. } = self;
        let (events, delivered) =
            ((self.events - before.events) / seconds, (self.delivered - before.delivered) / seconds);
        println!(
            "| {minute:.1} | {events:.0} | {rss_kib:.0} | {files} | {threads} | {queued} | {untold} | {delivered:.0} | \
             {late_s:.1} | {wal_mib:.1} |"
        );
    }
}

/// The lines of /metrics: name with labels, and value.
struct Metrics<'a>(BTreeMap<&'a str, f64>);

impl<'a> Metrics<'a> {
    fn read(text: &'a str) -> Self {
        let value = |line: &'a str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name, value.parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect())
    }

    fn sum(&self, name: &str) -> f64 {
        self.0.iter().filter(|(known, _)| known.starts_with(name)).map(|(_, value)| value).sum()
    }
}

fn judge(samples: &[Sample]) -> Result<(), Failure> {
    let of = |what: fn(&Sample) -> f64| samples.iter().map(what).collect::<Vec<f64>>();
    let most = |what| of(what).into_iter().fold(f64::MIN, f64::max);
    let range = |what| most(what) - of(what).into_iter().fold(f64::MAX, f64::min);
    let slope = slope(&samples.iter().map(|sample| (sample.minute, sample.rss_kib)).collect::<Vec<_>>());
    let mut missed = 0;
    println!("\n| figure | is | at most | |\n| --- | ---: | ---: | --- |");
    for (name, is, bound) in [
        ("resident memory, KiB per minute (least squares)", slope, SLOPE),
        ("open files, most minus fewest", range(|it| it.files), FILES),
        ("threads, most minus fewest", range(|it| it.threads), 4.0),
        ("events that waited for the writer", most(|it| it.queued), QUEUED),
        ("seconds that a delivery was late", most(|it| it.late_s), LATE),
        ("write-ahead log, MiB", most(|it| it.wal_mib), LOG),
    ] {
        missed += usize::from(is > bound);
        println!("| {name} | {is:.1} | {bound} | {} |", if is > bound { "**missed**" } else { "met" });
    }
    if missed > 0 { Err(format!("{missed} bounds were missed").into()) } else { Ok(()) }
}

/// How much y grows with each x, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    both / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_found_through_noise() {
        let points: Vec<_> =
            (0..100).map(|n| (f64::from(n), f64::from(n) * 3.0 + f64::from(n % 2))).collect();
        assert!((slope(&points) - 3.0).abs() < 0.01);
    }

    #[test]
    fn metrics_are_added_up() {
        let metrics = Metrics::read("# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 3.5\nb 1\n");
        assert!((metrics.sum("a") - 5.5).abs() < 1e-9 && (metrics.sum("a{x=\"2\"}") - 3.5).abs() < 1e-9);
    }
}
