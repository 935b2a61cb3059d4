//! `hookswitch simulate`: plays realistic calls against a PBX's URL, for trying out and for demonstrations; or writes
//! a past of them into the database (`fill`).

mod calendar;
mod cast;
mod chance;
mod fill;
mod script;
mod tally;

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep_until;

use super::print;
use crate::config::Database;
use crate::error::StartError;
use crate::outbound;
use cast::Cast;
use chance::Chance;
use fill::Fill;
use script::{Fields, Script};
use tally::{Answer, Tally};

/// How long an answer may take before it counts as failed. PBXes wait no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The people whom played calls ring, and how many others call them.
const COLLEAGUES: usize = 6;
const CALLERS: u64 = 40;

/// Play realistic calls against a PBX's URL, or fill the database with a past of them
///
/// Some are answered, some missed; there are busy and queued ones, outbound ones, withheld callers, a nuisance
/// caller worth blocking (44 7700 900…). All numbers are fictitious: set aside for films by the regulators.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: hookswitch simulate --url http://127.0.0.1:8080/api/v1/cti/TOKEN --rate 5 --seconds 60\n\
        Example, a year's log in a new file: export DATABASE_URL=sqlite://trial/hookswitch.db; \
        hookswitch pbx add --name Trial; hookswitch simulate --fill 100000"
)]
pub struct Simulate {
    /// The URL of a PBX, as `hookswitch` printed it on its first start or `hookswitch pbx add` prints it
    #[arg(long, value_name = "URL", required_unless_present = "fill")]
    url: Option<reqwest::Url>,
    /// New calls per second, on average
    #[arg(long, value_name = "CALLS", default_value_t = 2.0, value_parser = positive)]
    rate: f64,
    /// How many calls
    #[arg(long, value_name = "COUNT", default_value_t = 100, conflicts_with_all = ["seconds", "fill"])]
    calls: u32,
    /// How long new calls come, instead of how many
    #[arg(long, conflicts_with = "fill")]
    seconds: Option<u32>,
    /// How many times faster than life people ring and talk; 1 is life
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0, value_parser = positive)]
    speed: f64,
    /// Plays the same calls again [default: by chance]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    fill: Fill,
}

/// What the calls under way share.
struct Stage {
    client: reqwest::Client,
    url: reqwest::Url,
    speed: f64,
    tally: RefCell<Tally>,
    progress: ProgressBar,
}

impl Simulate {
    /// Plays or writes them all, then tells how it went. An error if any request failed.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
        let Some(url) = self.url.clone() else { return self.fill.run(database, seed) };
        if !url.path().contains("/cti/") {
            let why =
                "these calls are told as Zammad's CTI push tells them, to URLs with /cti/ in their path";
            return Err(StartError(format!("--url: {why}; `hookswitch pbx add --name Trial` makes one")));
        }
        let client = outbound::client(|builder| builder.timeout(PATIENCE))
            .map_err(|e| StartError(format!("cannot make requests: {}", outbound::why(e))))?;
        actix_web::rt::System::new().block_on(self.play(client, url, seed))
    }

    async fn play(self, client: reqwest::Client, url: reqwest::Url, seed: u64) -> Result<(), StartError> {
        let (cast, mut chance) = (Cast::new(COLLEAGUES, CALLERS), Chance::new(seed));
        let stage = Rc::new(Stage {
            progress: progress(
                self.seconds.map_or(u64::from(self.calls), |s| (f64::from(s) * self.rate) as u64),
            ),
            client,
            url,
            speed: self.speed,
            tally: RefCell::default(),
        });
        let begun = Instant::now();
        let until = self.seconds.map(|seconds| begun + Duration::from_secs(seconds.into()));
        let mut next = begun;
        let mut calls = Vec::new();
        while until.map_or(calls.len() < self.calls as usize, |until| next < until) {
            sleep_until(next.into()).await;
            if stage.tally.borrow().is_hopeless() {
                break;
            }
            let script = Script::new(&cast, &mut chance, &format!("sim-{seed}-{}", calls.len() + 1));
            calls.push(rt::spawn(stage.clone().play(script)));
            next += Duration::from_secs_f64(chance.pause(self.rate));
        }
        let played = calls.len();
        for call in calls {
            call.await.map_err(|e| StartError(format!("a call broke off: {e}")))?;
        }
        stage.progress.finish_and_clear();
        let tally = stage.tally.borrow();
        if tally.is_hopeless() {
            return tally.verdict();
        }
        print::line(&tally.summary(played, begun.elapsed(), seed))?;
        tally.verdict()
    }
}

impl Stage {
    /// One call, from newCall to hangup; it ends early where the server turns it away.
    async fn play(self: Rc<Self>, script: Script) {
        for step in script.steps {
            rt::time::sleep(Duration::from_secs_f64(step.after_s / self.speed)).await;
            match self.post(&step.fields).await {
                Ok(Answer::Reject) => break,
                Ok(_) => {}
                Err(()) => break,
            }
        }
        self.progress.inc(1);
    }

    async fn post(&self, fields: &Fields) -> Result<Answer, ()> {
        let begun = Instant::now();
        let answer = match self.client.post(self.url.clone()).form(fields).send().await {
            Ok(response) => {
                let status = response.status();
                response.text().await.map_err(outbound::why).and_then(|body| Answer::read(status, &body))
            }
            Err(e) => Err(outbound::why(e)),
        };
        let mut tally = self.tally.borrow_mut();
        tally.note(&answer, begun.elapsed());
        self.progress.set_message(tally.in_short());
        answer.map_err(drop)
    }
}

/// A line that moves, where there is a terminal.
fn progress(calls: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} calls ended · {msg} · {elapsed}");
    ProgressBar::new(calls).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 10_000.0 => Ok(number),
        _ => Err("must be a number over 0, 10000 at most".into()),
    }
}
