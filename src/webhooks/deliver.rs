//! One delivery: from its row to what came of the attempt.

use std::time::Instant;

use chrono::TimeDelta;
use reqwest::{Client, RequestBuilder, Response, Url, header};

use super::address::Forbidden;
use super::payload::{Message, Told};
use super::{Allowed, Method, Payload, sign, template};
use crate::api::{CallView, call_views};
use crate::call::Call;
use crate::store::Db;
use crate::store::claims::{Attempt, Claimed, Verdict};
use crate::store::deliveries::DeliveryRow;
use crate::{clock, outbound};

/// After so long a delivery is given up.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// The longest time between two attempts.
const LONGEST: TimeDelta = TimeDelta::hours(6);
/// The same with its jitter: nothing waits longer.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(6 * 72);
/// The longest time that a failing receiver is left alone.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// How much of an answer is kept, in bytes.
const KEPT: usize = 1024;

/// A delivery that is ready to be sent.
pub struct Ready {
    claimed: Claimed,
    /// Or why there is none.
    message: Result<Message, &'static str>,
}

impl Ready {
    /// Renders what is sent, with the names that numbers have now.
    ///
    /// # Errors
    /// What the database says.
    pub fn all(db: &mut Db, claimed: Vec<Claimed>) -> diesel::QueryResult<Vec<Self>> {
        let calls: Vec<Option<Call>> = claimed.iter().map(|claimed| read(&claimed.delivery)).collect();
        let mut views = call_views(db, calls.iter().flatten().cloned().collect())?.into_iter();
        let ready = claimed.into_iter().zip(calls).map(|(claimed, call)| {
            let shown = call.and_then(|call| Some((call, views.next()?)));
            let message = match shown {
                None => Err("what was to be told cannot be read"),
                // it was limited since: who says where it goes now may not see this call
                Some((call, _)) if claimed.webhook.pbx_id.is_some_and(|pbx_id| pbx_id != call.pbx_id) => {
                    Err("the call is of another PBX than the webhook")
                }
                Some((call, view)) => Ok(message(&claimed, &call, &view)),
            };
            Self { claimed, message }
        });
        Ok(ready.collect())
    }

    /// Of which webhook.
    pub fn webhook_id(&self) -> i64 {
        self.claimed.webhook.id
    }

    /// Sends it. Takes as long as the client's time-out at most.
    pub async fn send(&self, client: &Client, allowed: &Allowed) -> Attempt {
        let begun = Instant::now();
        let said = match &self.message {
            Ok(message) => self.ask(client, allowed, message).await,
            Err(why) => Said::never(*why),
        };
        let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let verdict = self.verdict(&said);
        let Said { status, answer, error, .. } = said;
        let delivery = &self.claimed.delivery;
        Attempt {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            url: self.claimed.webhook.url.clone(),
            call: delivery.call,
            number: delivery.attempts,
            failures: self.claimed.webhook.failures,
            failing_since: self.claimed.webhook.failing_since,
            verdict,
            status,
            took_ms,
            answer,
            error,
        }
    }

    async fn ask(&self, client: &Client, allowed: &Allowed, message: &Message) -> Said {
        let url = match message.url.parse::<Url>() {
            Ok(url) => url,
            Err(e) => return Said::never(format!("no URL came of it: {e}")),
        };
        let webhook = &self.claimed.webhook;
        if webhook.payload == Payload::Template && template::climbs(&webhook.url, &message.url) {
            return Said::never("no URL came of it: a part of its path would be . or ..");
        }
        if let Err(e) = allowed.check_literal(&url) {
            return Said::never(e.to_string());
        }
        match self.request(client, url, message).send().await {
            Ok(answer) => Said::by(answer).await,
            Err(e) => match forbidden(&e) {
                Some(forbidden) => Said::never(forbidden.to_string()),
                None => Said { error: Some(outbound::why(e)), ..Said::default() },
            },
        }
    }

    fn request(&self, client: &Client, url: Url, message: &Message) -> RequestBuilder {
        let request = match message.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url).body(message.body.clone()),
        };
        let id = format!("msg_{}", self.claimed.delivery.id);
        let timestamp = clock::now().and_utc().timestamp();
        let signature = sign::signature(&self.claimed.webhook.secret, &id, timestamp, &message.body);
        let request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature);
        message
            .content_type
            .into_iter()
            .fold(request, |request, kind| request.header(header::CONTENT_TYPE, kind))
    }

    fn verdict(&self, said: &Said) -> Verdict {
        match said.status {
            Some(200..=299) => Verdict::Delivered,
            Some(410) => Verdict::Gone,
            _ if said.hopeless => Verdict::Parked,
            _ => {
                let (delivery, now) = (&self.claimed.delivery, clock::now());
                let end = delivery.first_tried_at.unwrap_or(now) + PATIENCE;
                if end <= now {
                    return Verdict::Parked;
                }
                let pause = backoff(self.claimed.webhook.failures - 1).min(LONGEST_PAUSE);
                Verdict::Again((now + backoff(delivery.attempts)).min(end), now + pause)
            }
        }
    }
}

fn read(delivery: &DeliveryRow) -> Option<Call> {
    let read = serde_json::from_str(&delivery.snapshot);
    read.inspect_err(|e| log::error!("delivery {} cannot be read: {e}", delivery.id)).ok()
}

fn message(claimed: &Claimed, call: &Call, view: &CallView) -> Message {
    let webhook = &claimed.webhook;
    let told = Told { kind: claimed.delivery.kind, call, view, extension: webhook.extension.as_deref() };
    Message::new(&webhook.url, webhook.method, webhook.payload, &told)
}

/// What a receiver said, or why it said nothing.
#[derive(Default)]
struct Said {
    status: Option<i32>,
    answer: Option<String>,
    error: Option<String>,
    /// It will be no better later.
    hopeless: bool,
}

impl Said {
    fn never(why: impl Into<String>) -> Self {
        Self { error: Some(why.into()), hopeless: true, ..Self::default() }
    }

    async fn by(mut answer: Response) -> Self {
        let status = answer.status();
        let mut kept = Vec::new();
        while kept.len() < KEPT
            && let Ok(Some(bytes)) = answer.chunk().await
        {
            kept.extend_from_slice(&bytes);
        }
        kept.truncate(KEPT);
        let text = String::from_utf8_lossy(&kept).replace('\0', "\u{FFFD}");
        let error = match status.as_u16() {
            200..=299 => None,
            300..=399 => Some(format!("HTTP {status}: redirects are not followed")),
            _ => Some(format!("HTTP {status}")),
        };
        Self {
            status: Some(status.as_u16().into()),
            answer: Some(text).filter(|text| !text.is_empty()),
            error,
            hopeless: false,
        }
    }
}

/// Was the receiver's address one that may not be asked?
fn forbidden(e: &reqwest::Error) -> Option<&Forbidden> {
    let mut causes = std::iter::successors(std::error::Error::source(e), |cause| cause.source());
    causes.find_map(|cause| cause.downcast_ref::<Forbidden>())
}

/// How long to wait after so many attempts: 2 s, 4 s, 8 s …, each a fifth longer or shorter, so that those that failed
/// together do not come back together.
fn backoff(attempts: i32) -> TimeDelta {
    let doubled = 2_000_i64 << (attempts - 1).clamp(0, 20);
    let bounded = doubled.min(LONGEST.num_milliseconds());
    let [chance] = crate::secret::random_bytes::<1>();
    TimeDelta::milliseconds(bounded * (800 + 400 * i64::from(chance) / 255) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_but_not_for_ever() {
        for (attempts, seconds) in
            [(1, 2), (2, 4), (6, 64), (13, 8192), (14, 16384), (15, 21_600), (1000, 21_600)]
        {
            let exactly = TimeDelta::seconds(seconds);
            let waits: Vec<TimeDelta> = (0..50).map(|_| backoff(attempts)).collect();
            assert!(
                waits.iter().all(|wait| *wait >= exactly * 4 / 5 && *wait <= exactly * 6 / 5),
                "{attempts}: {waits:?}"
            );
            assert!(waits.iter().any(|wait| *wait != waits[0]), "jitter");
        }
    }
}
