//! How long calls are kept, and erasing one number: nothing else goes, and events go on.

use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::call::ERASED;
use hookswitch::clock;
use hookswitch::number::Numbering;
use hookswitch::retention::{self, Policy};
use hookswitch::store::audit;
use hookswitch::store::erase::{self, Found, From};
use hookswitch::store::retention::How;
use hookswitch::store::schema::{calls, deliveries, journal, stories};
use hookswitch::store::sought::Sought;
use serde_json::json;

use crate::backup::fill;
use crate::harness::{TestApp, eventually, spawn, spawn_with};
use crate::receiver::Receiver;

const CALLER: &str = "493023125001";
/// So many old calls do not go in a moment.
const MANY: i64 = 10_000;

async fn event(app: &TestApp, kind: &str, id: &str, (direction, from, to): (&str, &str, &str)) {
    let call = [("event", kind), ("direction", direction), ("callId", id), ("from", from), ("to", to)];
    app.post_form(&[&call[..], &[("user", "Alice"), ("cause", "cancel")]].concat()).await.is(200);
}

async fn ended(app: &TestApp, id: &str, ends: (&str, &str, &str)) {
    event(app, "newCall", id, ends).await;
    event(app, "hangup", id, ends).await;
}

/// That many days pass for what is there.
async fn days_pass(app: &TestApp, days: i64) {
    app.query(move |db| {
        let all: Vec<(i64, chrono::NaiveDateTime)> =
            calls::table.select((calls::id, calls::started_at)).load(db)?;
        for (id, at) in all {
            let then = at - TimeDelta::days(days);
            diesel::update(calls::table.find(id)).set(calls::started_at.eq(then)).execute(db)?;
        }
        let all: Vec<(i64, chrono::NaiveDateTime)> =
            journal::table.select((journal::change, journal::received_at)).load(db)?;
        for (change, at) in all {
            let then = at - TimeDelta::days(days);
            diesel::update(journal::table.find(change)).set(journal::received_at.eq(then)).execute(db)?;
        }
        Ok(())
    })
    .await;
}

/// A call that tells part of another one's story.
async fn names_another(app: &TestApp, call: i64) {
    let row = (stories::pbx_id.eq(app.pbx_id), stories::story.eq("another"), stories::call.eq(call));
    app.query(move |db| diesel::insert_into(stories::table).values(row).execute(db)).await;
}

async fn naming(app: &TestApp) -> Vec<i64> {
    app.query(|db| stories::table.select(stories::call).load(db)).await
}

async fn set(app: &TestApp, how: How, days: i64) -> i64 {
    let policy = Policy { how, days };
    let counted = retention::count(&app.app, policy, clock::now()).await.unwrap();
    retention::set_policy(&app.app, Some(policy), "admin".into()).await.unwrap();
    assert_eq!(retention::policy(&app.app).await.unwrap(), Some(policy));
    counted
}

#[actix_web::test]
async fn old_calls_go_with_what_was_sent_and_newer_ones_stay() {
    // a year: else the server's own sweep may end the call that goes on
    let app = spawn_with(&["--ringing-limit-s=31536000"]);
    for id in 0..450 {
        ended(&app, &format!("old {id}"), ("in", CALLER, "4930")).await;
    }
    event(&app, "newCall", "goes on", ("in", CALLER, "4930")).await;
    app.post_form(&[("event", "nonsense"), ("from", CALLER)]).await.is(422);
    days_pass(&app, 40).await;
    ended(&app, "new", ("in", CALLER, "4930")).await;
    let new = app.call("new").await.unwrap().id;
    names_another(&app, app.call("old 7").await.unwrap().id).await;
    names_another(&app, new).await;

    assert_eq!(
        retention::run(&app.app, "test", clock::now()).await.unwrap(),
        0,
        "without a policy calls are kept"
    );
    assert_eq!(set(&app, How::Delete, 30).await, 450);
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 450, "in more than one step");
    let left = app.query(|db| calls::table.order(calls::id).select(calls::call_id).load::<String>(db)).await;
    assert_eq!(left, ["goes on", "new"]);
    let kept = app.journal().await;
    assert_eq!(kept.len(), 2, "the new call's lines alone");
    assert_eq!(set(&app, How::Delete, 30).await, 0);
    assert_eq!(naming(&app).await, [new]);

    // the writer remembers what is gone, and goes on all the same
    event(&app, "hangup", "old 449", ("in", CALLER, "4930")).await;
    event(&app, "hangup", "goes on", ("in", CALLER, "4930")).await;
    assert!(app.call("goes on").await.unwrap().ended_at.is_some());
    let log = app.query(|db| audit::newest(db, 10)).await;
    let told: Vec<_> =
        log.iter().map(|line| (line.who.as_str(), line.action.as_str(), line.affected)).collect();
    assert_eq!(told[1], ("test", "delete", 450));
    assert_eq!(told[2], ("admin", "retention was set", 0));
}

#[actix_web::test]
async fn of_an_id_that_was_used_again_the_calls_that_are_left_begin_at_one() {
    let app = spawn();
    ended(&app, "0", ("in", CALLER, "4930")).await;
    ended(&app, "once", ("in", CALLER, "4930")).await;
    days_pass(&app, 40).await;
    for caller in ["493023125002", "493023125003"] {
        ended(&app, "0", ("in", caller, "4930")).await;
    }
    set(&app, How::Delete, 30).await;
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 2);
    ended(&app, "0", ("in", "493023125004", "4930")).await;
    let left = app.query(|db| calls::table.order(calls::id).select(calls::incarnation).load::<i32>(db)).await;
    assert_eq!(left, [1, 3, 4], "so that a server that knows none of them finds the id in use");
}

#[actix_web::test]
async fn lines_of_a_clock_that_was_ahead_hide_no_old_ones() {
    let app = spawn();
    let refused = [("event", "nonsense"), ("from", CALLER)];
    for _ in 0..120 {
        app.post_form(&refused).await.is(422);
    }
    days_pass(&app, -40).await;
    app.post_form(&refused).await.is(422);
    days_pass(&app, 40).await; // those 120 are of now again
    days_pass(&app, -1).await;
    set(&app, How::Delete, 30).await;
    retention::run(&app.app, "test", clock::now()).await.unwrap();
    assert_eq!(app.journal().await.len(), 120, "the old one behind them is gone");
}

#[actix_web::test]
async fn what_is_to_be_kept_from_now_on_stays_though_a_sweep_is_under_way() {
    for how in [How::Delete, How::Anonymise] {
        let app = spawn();
        fill(&app.database, MANY);
        set(&app, how, 1).await;
        let policy = Policy { how, days: 1 };
        let due = async || retention::count(&app.app, policy, clock::now()).await.unwrap();
        let run = async || retention::run(&app.app, "test", clock::now()).await.unwrap();
        let stop = async {
            eventually("some are gone", async || due().await < MANY).await;
            retention::set_policy(&app.app, None, "admin".into()).await.unwrap();
        };
        let (gone, ()) = futures_util::future::join(run(), stop).await;
        assert!(0 < gone && gone < MANY, "{gone}");
        assert_eq!(due().await, MANY - gone);
        let lines = app.query(|db| journal::table.count().get_result::<i64>(db)).await;
        assert_eq!(lines, MANY - gone, "what was sent about the others stays, too");

        set(&app, how, 1).await;
        assert_eq!(run().await, MANY - gone, "asked again, it goes on where it stood");
        assert_eq!(due().await, 0);
    }
}

#[actix_web::test]
async fn anonymous_calls_are_still_counted_and_found_by_what_is_left() {
    let app = spawn();
    ended(&app, "in", ("in", CALLER, "493055")).await;
    ended(&app, "out", ("out", "21", CALLER)).await;
    let id = app.call("in").await.unwrap().id;
    app.agent
        .json(reqwest::Method::PATCH, &format!("/api/v1/calls/{id}"), &json!({ "note": "Maria" }))
        .await
        .is(200);
    names_another(&app, id).await;
    days_pass(&app, 40).await;
    assert_eq!(set(&app, How::Anonymise, 30).await, 2);
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 2);
    let (inbound, outbound) = (app.call("in").await.unwrap(), app.call("out").await.unwrap());
    let erased = Some(ERASED.to_owned());
    assert_eq!((inbound.from_number, &inbound.from_key, inbound.note), (None, &erased, None));
    assert_eq!(inbound.to_number.as_deref(), Some("493055"), "our own side stays");
    assert_eq!((outbound.to_number, outbound.to_key), (None, erased));
    assert_eq!(outbound.from_number.as_deref(), Some("21"));
    assert_eq!(app.journal().await.len(), 0);
    assert_eq!(naming(&app).await, [0; 0], "what it named");
    assert_eq!(set(&app, How::Anonymise, 30).await, 0);
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 0, "done is done");
    app.agent.get(&format!("/api/v1/calls/{id}")).await.is(200);
    let since = "since=2020-01-01T00:00:00Z&until=2020-12-31T00:00:00Z";
    app.agent.get(&format!("/api/v1/calls/stats?by=waiting&{since}")).await.is(200);
}

#[actix_web::test]
async fn one_number_is_erased_everywhere_and_others_stay() {
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    let receiver = Receiver::start();
    app.manager.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    let contact = |name: &str, numbers: &[&str]| json!({ "name": name, "numbers": numbers });
    app.manager.post_json("/api/v1/contacts", &contact("Maria", &["030 23125001"])).await.is(201);
    app.manager
        .post_json("/api/v1/contacts", &contact("Firm", &["030 23125001", "030 23125002"]))
        .await
        .is(201);
    app.manager
        .post_json("/api/v1/block-rules", &json!({ "pattern": "+49 30 23125001", "action": "allow" }))
        .await
        .is(201);
    app.manager
        .post_json("/api/v1/block-rules", &json!({ "pattern": "+4930*", "action": "allow" }))
        .await
        .is(201);
    ended(&app, "in", ("in", "030 23125001", "493055")).await;
    ended(&app, "out", ("out", "493055", CALLER)).await;
    ended(&app, "other", ("in", "493023125002", "493055")).await;
    event(&app, "newCall", "goes on", ("in", CALLER, "493055")).await;
    app.post_form(&[("event", "nonsense"), ("direction", "in"), ("from", "+49 (30) 23125001")]).await.is(422);
    app.post_form(&[("event", "nonsense"), ("direction", "in"), ("from", "+49 (30) 23125002")]).await.is(422);

    names_another(&app, app.call("in").await.unwrap().id).await;
    let number = Numbering::new("DE", None).unwrap().read("0049 30 23125001").unwrap();
    let expected = Found { calls: 2, under_way: 1, contacts: 2, rules: 1 };
    assert_eq!(retention::find(&app.app, &number).await.unwrap(), expected);
    let done = retention::erase(&app.app, &number, "admin".into()).await.unwrap();
    assert_eq!(done, Found { under_way: 0, ..expected });

    let after = retention::find(&app.app, &number).await.unwrap();
    assert_eq!(after, Found { under_way: 1, ..Found::default() });
    let (inbound, outbound) = (app.call("in").await.unwrap(), app.call("out").await.unwrap());
    assert_eq!((inbound.from_number, inbound.to_number.as_deref()), (None, Some("493055")));
    assert_eq!((outbound.to_number, outbound.from_number.as_deref()), (None, Some("493055")));
    assert!(app.call("other").await.unwrap().from_number.is_some());
    let names = app.agent.get_json("/api/v1/contacts").await;
    assert_eq!(names["data"].as_array().unwrap().len(), 1, "who has another number stays");
    let bodies: Vec<String> = app.journal().await.into_iter().filter_map(|entry| entry.body).collect();
    assert_eq!(bodies.iter().filter(|body| body.contains("nonsense")).count(), 1);
    assert_eq!(
        bodies.iter().filter(|body| body.contains("25001")).count(),
        1,
        "the call that goes on: {bodies:?}"
    );
    let (inbound_id, outbound_id) = (inbound.id, outbound.id);
    let told = move |db: &mut hookswitch::store::Db| {
        deliveries::table
            .filter(deliveries::call.eq_any([inbound_id, outbound_id]))
            .count()
            .get_result::<i64>(db)
    };
    assert_eq!(app.query(told).await, 0);
    assert_eq!(naming(&app).await, [] as [i64; 0]);

    // a late event of a call that the writer remembers brings nothing back
    event(&app, "hangup", "in", ("in", CALLER, "493055")).await;
    assert_eq!(app.call("in").await.unwrap().from_number, None);
    event(&app, "hangup", "goes on", ("in", CALLER, "493055")).await;
    assert_eq!(retention::erase(&app.app, &number, "admin".into()).await.unwrap().calls, 1);
    let log = app.query(|db| audit::newest(db, 10)).await;
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|line| !line.detail.contains("23125001")), "{log:?}");
    assert_eq!(log[1].detail, "2 calls, 2 contacts, 1 rules, 1 other requests");
}

#[actix_web::test]
async fn an_erasure_that_was_cut_off_can_be_asked_for_again() {
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    let receiver = Receiver::start();
    app.manager.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    for id in 0..3 {
        ended(&app, &id.to_string(), ("in", CALLER, "493055")).await;
    }
    // its first step; then the server is killed
    let sought = Sought::new(&format!("+{CALLER}"), &app.app.config.numbering);
    app.query(move |db| erase::calls(db, &From::Ends(2), &sought, "admin", clock::now())).await;
    let number = Numbering::new("DE", None).unwrap().read(CALLER).unwrap();
    assert_eq!(retention::erase(&app.app, &number, "admin".into()).await.unwrap().calls, 1);
    let holds = deliveries::snapshot.like(format!("%{CALLER}%"));
    assert_eq!(app.query(|db| deliveries::table.filter(holds).count().get_result::<i64>(db)).await, 0);
}

/// Where that number stands in the columns of calls or in what webhooks are told.
async fn traces(app: &TestApp, number: &str) -> (i64, i64) {
    let holds = format!("%{number}%");
    app.query(move |db| {
        let in_calls = calls::from_number.like(holds.clone()).or(calls::extra.like(holds.clone()));
        let told = deliveries::snapshot.like(holds);
        Ok((
            calls::table.filter(in_calls).count().get_result(db)?,
            deliveries::table.filter(told).count().get_result(db)?,
        ))
    })
    .await
}

#[actix_web::test]
async fn what_webhooks_were_told_of_a_call_goes_with_it() {
    for how in [How::Delete, How::Anonymise] {
        let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
        let receiver = Receiver::start();
        app.manager.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
        ended(&app, "old", ("in", CALLER, "493055")).await;
        days_pass(&app, 40).await; // not for the deliveries: an admin may say one day
        ended(&app, "new", ("in", "493023125002", "493055")).await;
        assert_eq!(traces(&app, CALLER).await.0, 1);
        set(&app, how, 30).await;
        assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 1);
        assert_eq!(traces(&app, CALLER).await, (0, 0));
        assert_ne!(traces(&app, "493023125002").await.1, 0);
    }
}

#[actix_web::test]
async fn a_late_event_brings_no_number_back_to_an_anonymous_call() {
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    let receiver = Receiver::start();
    app.manager.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    ended(&app, "late", ("in", CALLER, "493055")).await;
    days_pass(&app, 40).await;
    set(&app, How::Anonymise, 30).await;
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 1);
    // the writer remembers it as it was
    for kind in ["answer", "hangup"] {
        event(&app, kind, "late", ("in", CALLER, "493055")).await;
    }
    let late = app.call("late").await.unwrap();
    assert_eq!((late.from_number, late.from_key.as_deref()), (None, Some(ERASED)));
    assert_eq!(late.answered_at, None);
    assert_eq!(traces(&app, CALLER).await, (0, 0));
}

#[actix_web::test]
async fn a_number_that_is_no_end_of_a_call_is_erased_all_the_same() {
    const MOBILE: &str = "4915112345678";
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    let receiver = Receiver::start();
    app.manager.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    let ends = [("direction", "in"), ("from", CALLER), ("to", "493055"), ("cause", "normalClearing")];
    for (id, taken_by) in [("forwarded", "0151 12345678"), ("other", "0151 12345679")] {
        for kind in ["newCall", "answer", "hangup"] {
            let more = [("event", kind), ("callId", id), ("user[]", taken_by), ("user[]", "Alice")];
            let at = [("answeringNumber", taken_by)];
            app.post_form(&[&ends[..], &more, &at].concat()).await.is(200);
        }
    }
    // in what was sent of a call alone
    let unknown = [("event", "newCall"), ("callId", "sent"), ("x", "+49 151 12345678")];
    app.post_form(&[&ends[..], &unknown].concat()).await.is(200);
    app.post_form(&[&ends[..], &[("event", "hangup"), ("callId", "sent")]].concat()).await.is(200);

    let number = Numbering::new("DE", None).unwrap().read(MOBILE).unwrap();
    assert_eq!(retention::find(&app.app, &number).await.unwrap().calls, 1);
    assert_eq!(retention::erase(&app.app, &number, "admin".into()).await.unwrap().calls, 1);
    let (call, other) = (app.call("forwarded").await.unwrap(), app.call("other").await.unwrap());
    assert_eq!((call.users, call.answering_number), (vec!["Alice".to_owned()], None));
    assert_eq!(call.answered_by.as_deref(), Some("Alice"));
    assert_eq!(call.from_number.as_deref(), Some(CALLER), "its ends stay");
    assert_eq!(other.answering_number.as_deref(), Some("0151 12345679"));
    let bodies: Vec<String> = app.journal().await.into_iter().filter_map(|entry| entry.body).collect();
    assert!(bodies.iter().all(|body| !body.contains("12345678")), "{bodies:?}");
    assert_eq!(bodies.len(), 4, "what is about others stays");
    let holds = deliveries::snapshot.like("%12345678%");
    assert_eq!(app.query(move |db| deliveries::table.filter(holds).count().get_result::<i64>(db)).await, 0);
}

#[actix_web::test]
async fn what_is_said_later_of_a_call_that_is_anonymous_goes_within_a_day() {
    let app = spawn();
    ended(&app, "old", ("in", CALLER, "493055")).await;
    days_pass(&app, 40).await;
    set(&app, How::Anonymise, 30).await;
    let run = async |later| retention::run(&app.app, "test", clock::now() + later).await.unwrap();
    assert_eq!(run(TimeDelta::zero()).await, 1);
    let path = format!("/api/v1/calls/{}", app.call("old").await.unwrap().id);
    app.agent.json(reqwest::Method::PATCH, &path, &json!({ "note": "Maria" })).await.is(200);
    assert_eq!(run(TimeDelta::hours(1)).await, 0);
    assert_eq!(run(TimeDelta::hours(25)).await, 1);
    assert_eq!(app.call("old").await.unwrap().note, None);
}

#[actix_web::test]
async fn what_is_deleted_is_not_left_in_the_file_of_sqlite() {
    let app = spawn();
    let Some(file) = app.database.url.strip_prefix("sqlite://").map(str::to_owned) else { return };
    for id in 0..50 {
        ended(&app, &id.to_string(), ("in", CALLER, "493055")).await;
    }
    let stands = async || {
        app.query(|db| diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").execute(db)).await;
        let bytes = std::fs::read(&file).unwrap();
        bytes.windows(CALLER.len()).any(|some| some == CALLER.as_bytes())
    };
    assert!(stands().await);
    let number = Numbering::new("DE", None).unwrap().read(CALLER).unwrap();
    assert_eq!(retention::erase(&app.app, &number, "admin".into()).await.unwrap().calls, 50);
    assert!(!stands().await);
}

#[actix_web::test]
async fn what_its_id_was_counted_anew_to_is_not_written_over() {
    let app = spawn_with(&["--ringing-limit-s=31536000"]);
    ended(&app, "0", ("in", CALLER, "4930")).await;
    days_pass(&app, 40).await;
    let other = "493023125002";
    event(&app, "newCall", "0", ("in", other, "4930")).await;
    set(&app, How::Delete, 30).await;
    assert_eq!(retention::run(&app.app, "test", clock::now()).await.unwrap(), 1);
    let said = [("event", "newCall"), ("direction", "in"), ("callId", "0"), ("from", other)];
    app.post_form(&[&said[..], &[("queue", "support")]].concat()).await.is(200); // a column that hangups leave alone
    let told = app.call("0").await.unwrap();
    assert_eq!((told.incarnation, told.queue.as_deref()), (1, Some("support")));
}

#[actix_web::test]
async fn a_clock_that_leapt_takes_nothing_away_for_a_day() {
    let app = spawn();
    let leapt = async |hours: i64| {
        let at = clock::now() + TimeDelta::hours(hours);
        app.query(move |db| retention::has_leapt(db, at)).await
    };
    assert!(!leapt(0).await, "a first look");
    assert!(!leapt(1).await);
    assert!(leapt(365 * 24).await, "a year ahead");
    assert!(leapt(365 * 24 + 20).await, "it may still be mended");
    assert!(!leapt(2).await, "it was");
    assert!(leapt(100).await);
    assert!(!leapt(100 + 25).await, "nobody ran for some days");
}
