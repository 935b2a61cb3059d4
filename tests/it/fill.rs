//! A made-up past (`simulate --fill`) is what the server would have made of the same events.

use std::collections::{BTreeMap, HashMap};

use actix_web::http::header::HeaderMap;
use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::call::{Call, Decision, Outcome};
use hookswitch::clock;
use hookswitch::dialect::params::Params;
use hookswitch::dialect::{self, Request, Said};
use hookswitch::number::Numbering;
use hookswitch::pbx::Options;
use hookswitch::retention::{self, Policy};
use hookswitch::store::calls::CallRow;
use hookswitch::store::changes;
use hookswitch::store::journal::{self as lines, Entry};
use hookswitch::store::retention::How;
use hookswitch::store::schema::{calls, journal, live_calls};
use hookswitch::store::writer::REACHED;

use crate::harness::{TestApp, TestDatabase, eventually, spawn};
use crate::program::{gave_up, printed, run};

const DAYS: i64 = 365;

fn fill(database: &TestDatabase, count: usize, more: &[&str]) -> String {
    let count = count.to_string();
    printed(run(database, &[&["simulate", "--fill", &count, "--seed=7"], more].concat()))
}

async fn all_calls(app: &TestApp) -> Vec<Call> {
    let rows = calls::table.order(calls::id).select(CallRow::as_select());
    app.query(move |db| rows.load::<CallRow>(db)).await.into_iter().map(Call::from).collect()
}

async fn all_lines(app: &TestApp) -> Vec<Entry> {
    app.query(|db| journal::table.order(journal::change).select(Entry::as_select()).load(db)).await
}

fn each_follows_from_its_lines(calls: &[Call], lines: &[Entry]) {
    let numbering = Numbering::new("DE", None).unwrap();
    let mut of_call: HashMap<i64, Vec<&Entry>> = HashMap::new();
    for line in lines {
        of_call.entry(line.call.unwrap()).or_default().push(line);
    }
    for call in calls {
        assert_eq!(*call, folded(&of_call[&call.id], &numbering));
    }
}

/// The call that these lines of the journal make.
fn folded(lines: &[&Entry], numbering: &Numbering) -> Call {
    let mut call = None;
    for line in lines {
        let Some(body) = &line.body else {
            let by =
                if line.kind.as_deref() == Some("reached") { REACHED } else { line.why.as_deref().unwrap() };
            call.as_mut().map(|call: &mut Call| call.tick(true, by, line.received_at)).unwrap();
            continue;
        };
        let params = Params::read("", line.content_type.as_deref(), body.as_bytes()).unwrap();
        let request = Request {
            params: &params,
            numbering,
            options: &Options::default(),
            received: line.received_at,
            tail: None,
            query: "",
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        };
        let Said::Event(event) = dialect::named("zammad").unwrap().parse(&request).unwrap() else { panic!() };
        let call = call.get_or_insert_with(|| Call::begin(line.pbx_id, 1, &event));
        call.apply(&event, Decision::Accept);
    }
    let mut call = call.unwrap();
    (call.id, call.change) = (lines[0].change, lines.last().unwrap().change);
    call
}

#[actix_web::test]
async fn every_call_is_what_its_journal_makes_of_it() {
    let app = spawn();
    let told = fill(&app.database, 2_000, &[]);
    assert!(told.starts_with("2000 calls and "), "{told}");

    let (calls, lines) = (all_calls(&app).await, all_lines(&app).await);
    assert_eq!(calls.len(), 2_000);
    assert!(told.contains(&format!("and {} lines", lines.len())), "{told}");
    let changes: Vec<i64> = lines.iter().map(|line| line.change).collect();
    assert_eq!(changes, (1..=lines.len() as i64).collect::<Vec<_>>(), "numbers without a gap");
    assert!(lines.is_sorted_by_key(|line| line.received_at));
    assert_eq!(app.query(lines::newest).await, lines.len() as i64);
    each_follows_from_its_lines(&calls, &lines);
    assert_eq!(app.query(|db| live_calls::table.count().get_result::<i64>(db)).await, 0);

    let mut outcomes: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for call in &calls {
        *outcomes.entry(call.outcome.map(Outcome::as_str)).or_default() += 1;
    }
    for (outcome, least, most) in [
        ("answered", 1_100, 1_500),
        ("missed", 200, 600),
        ("voicemail", 30, 100),
        ("blocked", 20, 90),
        ("cancelled", 10, 60),
        ("busy", 10, 120),
        ("forwarded", 15, 80),
        ("failed", 10, 60),
    ] {
        let count = outcomes[&Some(outcome)];
        assert!((least..=most).contains(&count), "{outcome}: {count}");
    }
    let ticked = |by: &str| calls.iter().filter(|call| call.done_by.as_deref() == Some(by)).count();
    assert!(ticked(REACHED) > 5, "{}", ticked(REACHED));
    let open = calls.iter().filter(|call| call.open).count();
    assert!((1..200).contains(&open), "{open}");
    let first = calls.iter().map(|call| call.started_at).min().unwrap();
    assert!((clock::now() - first - TimeDelta::days(DAYS)).abs() < TimeDelta::days(4), "{first}");
}

#[actix_web::test]
async fn the_feed_the_list_and_retention_work_on_it() {
    let app = spawn();
    fill(&app.database, 2_000, &[]);
    let calls = all_calls(&app).await;
    let newest = app.query(lines::newest).await;
    let (mut after, mut told) = (0, Vec::new());
    while after < newest {
        let stretch = app.query(move |db| changes::between(db, after, newest)).await;
        told.extend(stretch.calls.into_iter().map(|moved| moved.call.id));
        after = stretch.upto;
    }
    told.sort_unstable();
    assert_eq!(told, calls.iter().map(|call| call.id).collect::<Vec<_>>(), "each call once");

    let key = calls.iter().filter_map(Call::party).find(|key| *key != "+447700900666").unwrap().to_owned();
    let with = |call: &&Call| [&call.from_key, &call.to_key].contains(&&Some(key.clone()));
    let found = app.agent.rows(&format!("/api/v1/calls?number={}", key.replace('+', "%2B")), |_| true).await;
    assert_eq!(found.len(), calls.iter().filter(with).count());
    assert_eq!(app.agent.rows("/api/v1/calls", |_| true).await.len(), 2_000);
    // what no index knows: few rows are looked at first, then more
    let failed = calls.iter().filter(|call| call.outcome == Some(Outcome::Failed)).count();
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = app.agent.get_json(&format!("/api/v1/calls?outcome=failed&limit=3&cursor={cursor}")).await;
        let rows = page["data"].as_array().unwrap();
        assert!(rows.iter().all(|call| call["outcome"] == "failed"));
        seen += rows.len();
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
        assert_eq!(rows.len(), 3, "only the last page is short");
    }
    assert_eq!(seen, failed);
    let open = app.agent.rows("/api/v1/calls?done=false&outcome=missed", |_| true).await;
    let missed = |call: &&Call| call.open && call.outcome == Some(Outcome::Missed);
    assert_eq!(open.len(), calls.iter().filter(missed).count());

    let policy = Policy { how: How::Delete, days: DAYS / 2 };
    retention::set_policy(&app.app, Some(policy), "admin".into()).await.unwrap();
    let before = policy.before(clock::now());
    let gone = retention::run(&app.app, "test", clock::now()).await.unwrap();
    assert!((900..1_100).contains(&gone), "{gone}");
    let left = all_calls(&app).await;
    assert_eq!(left.len(), 2_000 - gone as usize);
    assert!(left.iter().all(|call| call.started_at >= before));
    let ids: Vec<i64> = left.iter().map(|call| call.id).collect();
    assert!(all_lines(&app).await.iter().all(|line| ids.contains(&line.call.unwrap())));
}

#[actix_web::test]
async fn a_server_that_runs_meanwhile_stays_right() {
    let app = spawn();
    let missed = |id: &'static str, from: &'static str| {
        [("event", "newCall"), ("direction", "in"), ("callId", id), ("from", from), ("to", "4930")]
    };
    let event = async |kind: &str, id: &str| {
        let call =
            [("event", kind), ("direction", "in"), ("callId", id), ("from", "493023125001"), ("to", "4930")];
        app.post_form(&[&call[..], &[("user", "Alice"), ("cause", "cancel")]].concat()).await.is(200);
    };
    // one that waits for a person, from a number that calls again in that past: the past does not answer it
    app.post_form(&missed("waits", "447700900100")).await.is(200);
    event("hangup", "waits").await;
    event("newCall", "goes on").await;

    let database = TestDatabase { url: app.database.url.clone(), folder: tempfile::tempdir().unwrap() };
    let filling = std::thread::spawn(move || fill(&database, 6_000, &["--yes"]));
    let mut played = 0;
    while !filling.is_finished() || played < 3 {
        for kind in ["newCall", "answer", "hangup"] {
            event(kind, &format!("meanwhile {played}")).await;
        }
        played += 1;
    }
    filling.join().unwrap();
    event("hangup", "goes on").await;

    assert_eq!(app.call("waits").await.unwrap().outcome, Some(Outcome::Missed));
    assert!(app.call("waits").await.unwrap().open);
    let calls = all_calls(&app).await;
    assert_eq!(calls.len(), 6_000 + 2 + played);
    let lines = all_lines(&app).await;
    each_follows_from_its_lines(&calls, &lines);
    // and its feed goes on behind all that
    let newest = app.query(lines::newest).await;
    let next = app.agent.get_json("/api/v1/changes").await["next"].clone();
    assert_eq!(next.as_i64().unwrap(), newest);
    eventually("the live calls are none", async || {
        app.query(|db| live_calls::table.count().get_result::<i64>(db)).await == 0
    })
    .await;
}

#[actix_web::test]
async fn nothing_is_made_up_by_accident() {
    let database = TestDatabase::new();
    let line = gave_up(run(&database, &["simulate", "--fill=5"]));
    assert!(line.contains("hookswitch pbx add"), "{line}");
    printed(run(&database, &["pbx", "add", "--name=Trial", "--public-url=https://calls.example.org"]));
    assert!(fill(&database, 5, &[]).starts_with("5 calls and "));
    let line = gave_up(run(&database, &["simulate", "--fill=5"]));
    assert!(line.starts_with("there are calls in the ") && line.contains("--yes"), "{line}");
    let line = gave_up(run(&database, &["simulate", "--fill=5", "--yes", "--seed=7"]));
    assert_eq!(line, "these calls are there already: choose another --seed");
    assert!(printed(run(&database, &["simulate", "--fill=5", "--yes", "--seed=8"])).starts_with("5 calls"));
    let line = gave_up(run(&database, &["simulate", "--fill=5", "--yes", "--pbx=9"]));
    assert_eq!(line, "there is no PBX 9; `hookswitch pbx list` shows those that there are");
}
