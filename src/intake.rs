//! The hot path: a request to a PBX's URL, from its bytes to its answer. An answer means: committed, or in the spool
//! where the database does not take it in time.

use std::borrow::Cow;
use std::fmt::Write;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use futures_util::StreamExt;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::address;
use crate::app::App;
use crate::bodies;
use crate::call::{CallEvent, Decision, Kind, Moment};
use crate::clock;
use crate::dialect::params::Params;
use crate::dialect::{self, Dialect, Refusal, Reply, Request, Said};
use crate::pbx::Pbx;
use crate::rules::Question;
use crate::snapshot::Snapshot;
use crate::store::writer::{Arrival, Hook, RuleHit, without};

/// The largest body, in bytes.
pub const BODY: usize = 64 * 1024;

/// The endpoints of every dialect.
pub fn routes(config: &mut web::ServiceConfig) {
    for &at in dialect::ALL {
        for &path in at.paths() {
            let receive = move |app: Data<App>, http: HttpRequest, payload: web::Payload| {
                receive(app, at, http, payload)
            };
            let scope = web::scope(path).guard(guard::fn_guard(move |request| is_push(request, at, path)));
            config.service(scope.default_service(web::to(receive)));
        }
    }
}

/// A request to `path` and one part more, the token; or two, where the dialect says what may follow. Not said as a
/// pattern with a method: the router's regular expression and its notes for the Allow header cost a good part of
/// what our own reading does.
fn is_push(request: &guard::GuardContext, at: &dyn Dialect, path: &str) -> bool {
    let head = request.head();
    let rest = head.uri.path().strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
    let (token, tail) = rest.map(parts).unwrap_or_default();
    let method = head.method == Method::POST || (at.by_get() && head.method == Method::GET);
    let fits = tail.is_none_or(|tail| !at.tails().is_empty() && !tail.contains('/'));
    method && !token.is_empty() && fits
}

/// The token, and what stands behind it. A slash at the end is none: people paste URLs with it.
fn parts(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('/') {
        Some((token, tail)) => (token, Some(tail).filter(|tail| !tail.is_empty())),
        None => (rest, None),
    }
}

async fn receive(
    app: Data<App>,
    at: &'static dyn Dialect,
    http: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let begun = Instant::now();
    let now = clock::now();
    let address = address::of(&http, &app.config.serve.trusted_proxies);
    let snapshot = app.snapshot();
    let (token, tail) = parts(http.match_info().unprocessed().trim_start_matches('/'));
    let Some(pbx) = snapshot.pbx(token, now) else {
        return bodies::hold(stranger(&app, at, address), payload.into_inner());
    };
    let mut payload = payload.into_inner();
    let body = match read(&app, &mut payload).await {
        Ok(body) => body,
        Err(refusal) => return bodies::hold(answer(at.refuse(&refusal)), payload),
    };
    let said = admit(&app, pbx, at, address)
        .and_then(|()| understand(pbx, &http, tail, &body, now))
        .map(|said| decide(&snapshot, pbx, said, now));
    let (said, rule) = match said {
        Ok((said, rule)) => (Ok(said), rule),
        Err(refusal) => (Err(refusal), None),
    };
    let decided = Instant::now();
    app.metrics.decided(decided - begun);
    // on the heap before the wait: what a waiting request holds is small
    let arrival = Arc::new(Arrival {
        pbx: pbx.clone(),
        received_at: now,
        address: text_of(address),
        content_type: content_type(&http).map(common),
        query: Some(http.query_string())
            .filter(|query| !query.is_empty())
            .map(|query| without(token, query).into()),
        body: without(token, &printable(&body)).into_owned(),
        hook: at.wants_hook().then(|| Hook {
            url: format!("{}{}/{token}", app.config.public_url, at.path()),
            token: token.into(),
        }),
        said,
        rule,
        given_up: false.into(),
    });
    drop(body); // the connection reads its next request into the same buffer
    record(&app, at, arrival, decided).await
}

/// A token that nobody has. Guessing is slowed down by address; a good token is never held up, since it is
/// looked up first.
fn stranger(app: &App, at: &dyn Dialect, address: std::net::IpAddr) -> HttpResponse {
    let limited = app.guesses_too_often(address);
    app.metrics.unknown_token(limited);
    if limited {
        let reply = at.refuse(&Refusal {
            status: 429,
            why: "too many wrong tokens from your address; wait a minute".into(),
        });
        return answer_with(reply, Some("60"));
    }
    log::warn!("a request with an unknown token came from {address}");
    answer(at.refuse(&Refusal { status: 401, why: "Invalid token, please contact your admin!".into() }))
}

/// The body, within its limit of size and time.
async fn read(app: &App, payload: &mut Payload) -> Result<Bytes, Refusal> {
    let late = |_| Refusal { status: 408, why: "body: did not arrive in time".into() };
    promptly(app.config.client_timeout(), whole(payload)).await.map_err(late)?
}

/// Nearly always it comes in one piece, which is not copied.
async fn whole(payload: &mut Payload) -> Result<Bytes, Refusal> {
    let (mut whole, mut more) = (Bytes::new(), Vec::new());
    while let Some(part) = payload.next().await {
        let part = part.map_err(|e| Refusal { status: 400, why: format!("body: {e}") })?;
        if whole.len() + more.len() + part.len() > BODY {
            return Err(Refusal::unprocessable(format!("body: more than {BODY} bytes; send less")));
        }
        if whole.is_empty() {
            whole = part;
        } else {
            more.extend_from_slice(&part);
        }
    }
    Ok(if more.is_empty() { whole } else { [&whole[..], &more].concat().into() })
}

/// Like tokio's `timeout`, but sets no timer for what is there when it is looked for a second time: a body mostly
/// comes with its head, which the server reads first.
async fn promptly<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut again = false;
    let at_once = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if again => Poll::Ready(None),
        Poll::Pending => {
            again = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    });
    match at_once.await {
        Some(output) => Ok(output),
        None => timeout(limit, future).await,
    }
}

/// May this PBX speak, here and from there?
fn admit(app: &App, pbx: &Pbx, at: &dyn Dialect, address: std::net::IpAddr) -> Result<(), Refusal> {
    if !pbx.enabled {
        return Err(Refusal::unprocessable("Feature not configured, please contact your admin!"));
    }
    if pbx.dialect.name() != at.name() {
        let (name, right) = (pbx.dialect.name(), pbx.dialect.path());
        let why =
            format!("this token's PBX speaks {name}: its URL is {}{right}/{{token}}", app.config.public_url);
        return Err(Refusal { status: 404, why });
    }
    if !pbx.allows(address) {
        let why = format!("the address {address} is not among this PBX's allowed addresses");
        return Err(Refusal { status: 403, why });
    }
    Ok(())
}

fn understand(
    pbx: &Pbx,
    http: &HttpRequest,
    tail: Option<&str>,
    body: &[u8],
    now: Moment,
) -> Result<Said, Refusal> {
    if let Some(tail) = tail.filter(|tail| !pbx.dialect.tails().contains(tail)) {
        let known = pbx.dialect.tails().join(", ");
        let shown: String = tail.chars().take(40).collect();
        let why =
            format!("the URL ends with {shown:?}; behind the token there may be nothing, or one of {known}");
        return Err(Refusal { status: 404, why });
    }
    let params = Params::read(http.query_string(), content_type(http), body)
        .map_err(|e| Refusal { status: 400, why: e.to_string() })?;
    pbx.dialect.parse(&Request {
        params: &params,
        numbering: &pbx.numbering,
        options: &pbx.options,
        received: now,
        tail,
        query: http.query_string(),
        headers: http.headers(),
        body,
    })
}

/// What is said with its decision, and the rule that made it.
fn decide(snapshot: &Snapshot, pbx: &Pbx, said: Said, now: Moment) -> ((Said, Decision), Option<RuleHit>) {
    let (decision, rule) = match &said {
        Said::Event(CallEvent {
            kind: Kind::NewCall,
            direction: Some(direction),
            from,
            to,
            queue,
            users,
            ..
        }) if pbx.dialect.is_steered(&pbx.options) => {
            let question = Question {
                pbx_id: pbx.id,
                direction: *direction,
                from: from.as_ref(),
                to: to.as_ref(),
                queue: queue.as_deref(),
                users,
                at: now,
            };
            let rule = snapshot.rules.rule(&question);
            (rule.map_or(Decision::Accept, |rule| rule.decision(&question)), rule.map(RuleHit::from))
        }
        _ => (Decision::Accept, None),
    };
    ((said, decision), rule)
}

/// Waits for the commit, but no longer than leaves time for the spool.
async fn record(app: &App, at: &dyn Dialect, arrival: Arc<Arrival>, decided: Instant) -> HttpResponse {
    let spooling = app.store.spool.is_filling()
        && Box::pin(app.store.spool.takes_new(app.config.intake_deadline() / 5)).await;
    if spooling {
        return Box::pin(spool(app, at, &arrival, None, decided)).await;
    }
    let before = app.store.writer.mark();
    let committed = timeout(app.config.commit_deadline(), app.store.writer.record(arrival.clone())).await;
    let Ok(Ok(recorded)) = committed else {
        return Box::pin(spool(app, at, &arrival, Some(before), decided)).await;
    };
    app.metrics.event(at.name(), recorded.kind.map(Kind::as_str), recorded.verdict);
    if let Some(rule) = recorded.rule_hit {
        app.hits.note(rule);
    }
    answer(recorded.reply)
}

/// Waits until the event is on the disk, within what is left of the PBX's patience, and answers from memory. `before`
/// is of one that the writer may have written: a change before which it was not.
async fn spool(
    app: &App,
    at: &dyn Dialect,
    arrival: &Arrival,
    before: Option<i64>,
    decided: Instant,
) -> HttpResponse {
    const SLOW: &str = "neither the database nor the spool is quick enough; try again shortly";
    if !arrival.give_up() {
        return unavailable(at, SLOW); // the writer took us for gone at this very moment, and brings it there
    }
    let spool = &app.store.spool;
    let reply = spool.reply(arrival);
    let deadline = app.config.intake_deadline();
    // where the disk is that busy a late answer is still better than none
    let left = deadline.saturating_sub(decided.elapsed()).max(deadline / 2);
    match timeout(left, spool.put(arrival, before)).await {
        Ok(Ok(())) => answer(reply),
        Ok(Err(refused)) => unavailable(at, &refused.to_string()),
        Err(_elapsed) => unavailable(at, SLOW),
    }
}

fn unavailable(at: &dyn Dialect, why: &str) -> HttpResponse {
    let reply = at.refuse(&Refusal { status: 503, why: why.into() });
    answer_with(reply, Some("1"))
}

fn answer(reply: Reply) -> HttpResponse {
    answer_with(reply, None)
}

fn answer_with(reply: Reply, retry_after_s: Option<&'static str>) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type)));
    if let Some(seconds) = retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    match reply.body {
        Cow::Borrowed(body) => response.body(body),
        Cow::Owned(body) => response.body(body),
    }
}

fn content_type(http: &HttpRequest) -> Option<&str> {
    http.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// Without growing bit by bit, as `to_string` does.
fn text_of(address: std::net::IpAddr) -> String {
    let mut text = String::with_capacity(40);
    let _never_fails = write!(text, "{address}");
    text
}

/// Nearly all say the same.
fn common(content_type: &str) -> Cow<'static, str> {
    const FORM: &str = "application/x-www-form-urlencoded";
    if content_type == FORM { FORM.into() } else { content_type.to_owned().into() }
}

/// For the journal: what PostgreSQL's text can hold.
fn printable(body: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if memchr::memchr(0, text.as_bytes()).is_some() { text.replace('\0', "\u{FFFD}").into() } else { text }
}
