//! The clock is set back and forward under a server that runs (libfaketime: the process sees another time of day, and
//! the steady clock goes on as it does when an administrator sets the real one).

use std::path::PathBuf;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::client::Client;
use crate::follower::Follower;
use crate::harness::{TestDatabase, eventually};
use crate::program::Program;
use crate::receiver::Receiver;

/// Debian: apt-get install libfaketime.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|file| file.exists());
    let needed = std::env::var("CI").as_deref() == Ok("true");
    assert!(found.is_some() || !needed, "libfaketime is missing: apt-get install libfaketime");
    found
}

/// A server whose clock can be set.
struct Clocked {
    program: Program,
    admin: Client,
    pbx_url: String,
    clock: PathBuf,
    _database: TestDatabase,
}

impl Clocked {
    fn start(flags: &[&str]) -> Option<Self> {
        let Some(library) = library() else {
            println!("skipped: there is no libfaketime");
            return None;
        };
        let database = TestDatabase::new();
        let clock = database.folder.path().join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let environment = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let mut program = Program::start_in(&environment, "127.0.0.1:0", &database, flags);
        let (pbx_url, key) = (program.told("PBX URL:"), program.told("Key:"));
        let admin = Client::new(&program.url, Some(key));
        Some(Self { program, admin, pbx_url, clock, _database: database })
    }

    /// Sets the clock: so far from the real one, as in `-2h`.
    fn set(&self, to: &str) {
        let new = self.clock.with_extension("new");
        std::fs::write(&new, to).unwrap();
        std::fs::rename(new, &self.clock).unwrap();
    }

    async fn event(&self, call_id: &str, event: &str) {
        let fields = [
            ("event", event),
            ("direction", "in"),
            ("callId", call_id),
            ("from", "493023125000"),
            ("to", "4930231250"),
            ("user[]", "Alice"),
            ("cause", "normalClearing"),
        ];
        self.admin.send(self.admin.http.post(&self.pbx_url).form(&fields)).await.is(200);
    }

    async fn now(&self) -> String {
        let stats = self.admin.get_json("/api/v1/calls/stats").await;
        stats["until"].as_str().unwrap()[..13].to_owned()
    }
}

#[actix_web::test]
async fn calls_go_on_whatever_the_clock_is_set_to() {
    let Some(server) = Clocked::start(&["--failed-tokens-per-minute=3"]) else { return };
    let mut follower = Follower::open(&server.admin, "", None).await;
    for expected in [401, 401, 401, 429] {
        guess(&server).await.is(expected);
    }
    let mut expected = Vec::new();
    let mut hours = vec![server.now().await];
    for (step, offset) in ["-2h", "+3h", "-25h", "+20d", "+0"].into_iter().enumerate() {
        let (before, after) = (format!("across-{step}"), format!("after-{step}"));
        server.event(&before, "newCall").await;
        server.event(&before, "answer").await;
        server.set(offset);
        hours.push(server.now().await);
        server.event(&before, "hangup").await;
        for event in ["newCall", "answer", "hangup"] {
            server.event(&after, event).await;
        }
        expected.extend([before.clone(), before.clone(), before, after.clone(), after.clone(), after]);
        guess(&server).await.is(429);
        server.admin.get("/readyz").await.is(200);
    }
    assert!(hours.windows(2).all(|two| two[0] != two[1]), "the server saw its clock set: {hours:?}");

    let told = follower.some(expected.len()).await;
    assert!(
        told.is_sorted_by(|one, next| one.id < next.id),
        "changes are in the order of their commits: {told:?}"
    );
    let ids: Vec<&str> = told.iter().map(|event| event.told().1).collect();
    assert_eq!(ids, expected);
    let mut again = Follower::open(&server.admin, "", Some(told[11].id)).await;
    let rest = again.some(6).await; // a call at its last change only: two for each of three steps
    assert!(rest.iter().all(|event| event.name == "call.ended" && event.id > told[11].id), "{rest:?}");

    let calls = server.admin.rows("/api/v1/calls", |_| true).await;
    let mut shown: Vec<&str> = calls.iter().map(|call| call["call_id"].as_str().unwrap()).collect();
    shown.sort_unstable();
    let mut each = expected.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!(shown, each, "each call once");
    for call in &calls {
        let long = |name: &str| call[name].as_i64().unwrap_or_else(|| panic!("{name} of {call}"));
        assert!(long("waiting_ms") >= 0 && long("talking_ms") >= 0, "{call}");
        assert_eq!((&call["state"], &call["outcome"]), (&json!("ended"), &json!("answered")), "{call}");
    }
    let stats = server
        .admin
        .get_json("/api/v1/calls/stats?since=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z")
        .await;
    assert_eq!(stats["total"]["calls"], 0);
    let log = server.program.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    assert_eq!(server.program.stop().1, Some(0));
}

async fn guess(server: &Clocked) -> crate::client::Answer {
    server
        .admin
        .send(server.admin.http.post(format!("{}x", server.pbx_url)).form(&[("event", "newCall")]))
        .await
}

#[actix_web::test]
async fn a_delivery_that_waits_does_not_wait_for_the_clock() {
    let Some(server) = Clocked::start(&["--webhook-allow=127.0.0.0/8"]) else { return };
    let receiver = Receiver::answering(|_, before| match before {
        0 => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::NoContent().finish(),
    });
    server.admin.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    server.event("1", "newCall").await;
    eventually("it was tried", async || !receiver.heard().is_empty()).await;
    let attempted = async || {
        let deliveries = server.admin.get_json("/api/v1/webhooks/1/deliveries").await;
        deliveries["data"].as_array().unwrap().iter().any(|row: &Value| row["status"] == 500)
    };
    eventually("and that it failed is written down", attempted).await;
    server.set("-5h");
    eventually("it is sent again, though it is due in five hours", async || receiver.heard().len() == 2)
        .await;
    server.event("1", "hangup").await;
    eventually("and what came later", async || receiver.heard().len() >= 3).await;
    assert!(server.program.log().contains("the clock was set back by"), "{}", server.program.log());
}

#[actix_web::test]
async fn a_session_ends_by_the_clock_and_no_sooner() {
    let Some(server) = Clocked::start(&[]) else { return };
    let browser = browser_without_redirects();
    let key = server.admin.key.as_deref().unwrap();
    let url = &server.program.url;
    let sign_in = browser.post(format!("{url}/sign-in")).header("Sec-Fetch-Site", "same-origin");
    let signed_in = sign_in.form(&[("key", key)]).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let looks = async || {
        let request = browser.get(format!("{url}/account")).header("Cookie", &cookie);
        request.send().await.unwrap().status().as_u16()
    };
    // the last: what is over by the clock may be swept at once, so a clock set back need not bring it back
    for (offset, status) in [("+0", 200), ("-2h", 200), ("+29d", 200), ("+31d", 401)] {
        server.set(offset);
        assert_eq!(looks().await, status, "{offset}");
    }
}

fn browser_without_redirects() -> reqwest::Client {
    hookswitch::outbound::client(|builder| builder.no_proxy().redirect(reqwest::redirect::Policy::none()))
        .unwrap()
}
