//! PBXes that go on whatever happens to the database, and what they were told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::{spawn, task::JoinHandle, time::interval};

use crate::client::Client;
use crate::crash::load::{Answered, STORY};

/// At once, each with an event in this time.
const CLIENTS: usize = 8;
const PACE: Duration = Duration::from_millis(10);
/// At once, where each speaks again as soon as it is answered.
const BUSY: usize = 32;

/// Every so many calls of a client come from this number.
const EVERY: usize = 4;
/// Whoever calls from it is to be turned away.
pub const BLOCKED: &str = "442079460123";

/// What they heard.
#[derive(Default)]
pub struct Heard {
    /// How many events of each call were answered 200, with what the rules say.
    pub answered: Answered,
    /// How many calls were turned away.
    pub rejected: usize,
    /// How long each answer took.
    pub waits: Vec<Duration>,
    /// Everything else.
    pub others: Vec<String>,
}

impl Heard {
    /// 99 of 100 waited for less; the longest.
    pub fn worst(&self) -> (Duration, Duration) {
        let mut waits = self.waits.clone();
        waits.sort();
        (waits[waits.len() * 99 / 100], waits[waits.len() - 1])
    }

    /// How many events were answered.
    pub fn events(&self) -> usize {
        self.answered.values().sum()
    }
}

/// Load that goes on.
pub struct Load {
    stop: Rc<Cell<bool>>,
    heard: Rc<RefCell<Heard>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins it. The calls' queue is named for the round.
    pub fn start(url: &str, round: usize) -> Self {
        Self::begin(url, round, CLIENTS, PACE)
    }

    /// As much as the server takes.
    pub fn busy(url: &str) -> Self {
        Self::begin(url, 1, BUSY, Duration::from_micros(1))
    }

    fn begin(url: &str, round: usize, clients: usize, pace: Duration) -> Self {
        let (stop, heard) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Heard::default())));
        let http = Client::new("", None).http;
        let clients = (0..clients)
            .map(|client| {
                let pbx = Pbx {
                    http: http.clone(),
                    url: url.into(),
                    round,
                    client,
                    pace,
                    heard: heard.clone(),
                    stop: stop.clone(),
                };
                spawn(pbx.calls())
            })
            .collect();
        Self { stop, heard, clients }
    }

    /// Waits for that many more answers.
    pub async fn more(&self, answers: usize) {
        let enough = self.heard.borrow().waits.len() + answers;
        let (begun, mut tick) = (Instant::now(), interval(Duration::from_millis(5)));
        while self.heard.borrow().waits.len() < enough {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no answers: {:?}",
                self.heard.borrow().others
            );
            tick.tick().await;
        }
    }

    /// Goes on for so long.
    pub async fn lasts(&self, time: Duration) {
        actix_web::rt::time::sleep(time).await;
    }

    /// Ends it.
    pub async fn finish(self) -> Heard {
        self.stop.set(true);
        for client in self.clients {
            client.await.unwrap();
        }
        self.heard.take()
    }
}

struct Pbx {
    http: reqwest::Client,
    url: String,
    round: usize,
    client: usize,
    pace: Duration,
    heard: Rc<RefCell<Heard>>,
    stop: Rc<Cell<bool>>,
}

impl Pbx {
    async fn calls(self) {
        let mut pace = interval(self.pace);
        for number in 0.. {
            let call_id = format!("r{}-c{}-{number}", self.round, self.client);
            let blocked = number % EVERY == EVERY - 1;
            let story = if blocked { &STORY[..1] } else { &STORY[..] };
            for (event, cause) in story {
                pace.tick().await;
                if self.stop.get() {
                    return;
                }
                if !self.tells(&call_id, event, cause, blocked).await {
                    break;
                }
            }
        }
    }

    /// Was it answered as it should be?
    async fn tells(&self, call_id: &str, event: &str, cause: &str, blocked: bool) -> bool {
        let from = if blocked { BLOCKED.into() } else { format!("4930{:07}", self.client + 1) };
        let fields = [
            ("event", event),
            ("direction", "in"),
            ("callId", call_id),
            ("from", &from),
            ("to", "4930231250"),
            ("queue", &format!("r{}", self.round)),
            ("cause", cause),
        ];
        let begun = Instant::now();
        let answer = self.http.post(&self.url).form(&fields).send().await;
        let wait = begun.elapsed();
        let told = match answer {
            Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(e) => (0, e.to_string()),
        };
        let mut heard = self.heard.borrow_mut();
        let right = if blocked { r#"{"action":"reject","reason":"busy"}"# } else { "{}" };
        if told != (200, right.to_owned()) {
            heard.others.push(format!("{} {} after {wait:?}", told.0, told.1));
            return false;
        }
        heard.waits.push(wait);
        heard.rejected += usize::from(blocked);
        *heard.answered.entry(call_id.into()).or_default() += 1;
        true
    }
}
