//! A database of the first migration, with data in it, becomes one of today: everything is still there, and what went
//! on goes on.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use hookswitch::store::schema::{calls, contacts, journal, keys, pbxes};
use hookswitch::store::target::Target;
use hookswitch::store::{self, Db};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::harness::TestDatabase;
use crate::program::Program;

const DATA: &str = include_str!("../fixtures/upgrade/000001_foundation.sql");

// whose hashes are in the data
const BERLIN: &str = "upgrade-berlin-token";
const BERLIN_UNTIL_2199: &str = "upgrade-berlin-old-token";
const WIEN: &str = "upgrade-wien-token";
const ADMIN: &str = "hsk_upgrade-admin";
const WIEN_DESK: &str = "hsk_upgrade-manager";
const LOST_LAPTOP: &str = "hsk_upgrade-revoked";

/// Calls may go on for as long as this test is kept.
const PATIENT: &[&str] =
    &["--ringing-limit-s=4000000000", "--connected-limit-s=4000000000", "--intake-deadline-ms=20000"];

#[actix_web::test]
async fn what_a_server_of_the_first_migration_kept_is_still_there() {
    let database = of_the_first_migration();
    let server = Program::start(&database, PATIENT);
    let admin = Client::new(&server.url, Some(ADMIN.into()));

    let shown = admin.rows("/api/v1/calls", |_| true).await;
    assert_eq!(column(&shown, "id"), json!([16, 14, 12, 10, 7, 5, 4, 1]));
    let states = json!(["ringing", "connected", "missed", "lost", "missed", "missed", "blocked", "answered"]);
    let state =
        |call: &Value| if call["outcome"].is_null() { &call["state"] } else { &call["outcome"] }.clone();
    assert_eq!(Value::from_iter(shown.iter().map(state)), states);
    let of = |id: i64| shown.iter().find(|call| call["id"] == id).unwrap();
    assert_eq!(of(12)["incarnation"], 2);
    assert_eq!(of(7)["note"], "rang back");
    assert_eq!(json!([of(7)["done"], of(7)["done_by"]]), json!([true, "wien desk"]));
    assert_eq!(of(4)["decision"]["why"], "block rule 1: +4930999*");
    assert_eq!(json!([of(10)["dialed_from"], of(10)["decision"]["action"]]), json!(["4930231251", "dial"]));
    assert_eq!(of(16)["from"]["name"], "Jürgen Öztürk");
    let open = admin.rows("/api/v1/calls?done=false&outcome=missed", |_| true).await;
    assert_eq!(column(&open, "id"), json!([12, 5]));
    let answered = admin.get_json("/api/v1/calls/1").await;
    let told = column(answered["journal"].as_array().unwrap(), "kind");
    assert_eq!(told, json!(["newCall", "answer", "hangup"]));
    assert_eq!(json!([answered["users"], answered["queue"]]), json!([["Alice", "Bob"], "support"]));
    assert_eq!(json!([answered["waiting_ms"], answered["talking_ms"]]), json!([7149, 172_750]));
    let requests = admin.rows("/api/v1/pbxes/1/journal", |_| true).await;
    assert_eq!(requests.len(), 13);
    assert_eq!(json!([requests[0]["result"], requests[0]["status"]]), json!(["refused", 422]));
    let changes = admin.get_json("/api/v1/changes?after=0").await;
    assert_eq!(column(changes["data"].as_array().unwrap(), "id"), json!([1, 4, 5, 7, 10, 12, 14, 16]));
    assert_eq!(changes["next"], 17);

    let pbx = admin.get_json("/api/v1/pbxes/2").await;
    let told = json!([pbx["name"], pbx["region"], pbx["allowed_addresses"]]);
    assert_eq!(told, json!(["Wien", "AT", ["10.1.0.0/16"]]));
    let rules = admin.rows("/api/v1/block-rules", |_| true).await;
    assert_eq!(column(&rules, "hits"), json!([41, 0, 3]));
    assert_eq!(admin.get_json("/api/v1/caller-id-rules").await["data"][0]["note"], "Zurich shows Zurich");
    let contact = admin.get_json("/api/v1/contacts?q=spree").await;
    assert_eq!(contact["data"][0]["numbers"].as_array().unwrap().len(), 2);

    let desk = Client::new(&server.url, Some(WIEN_DESK.into()));
    let wien = desk.rows("/api/v1/calls", |_| true).await;
    assert_eq!(column(&wien, "id"), json!([7]), "a limited key is still limited");
    Client::new(&server.url, Some(LOST_LAPTOP.into())).get("/api/v1/calls").await.is(401);
    let log = server.log();
    assert_eq!(server.stop(), (String::new(), Some(0)), "no second PBX and no second key are made\n{log}");
}

#[actix_web::test]
async fn what_went_on_goes_on() {
    let database = of_the_first_migration();
    let server = Program::start(&database, PATIENT);
    let admin = Client::new(&server.url, Some(ADMIN.into()));
    let call = |id: i64| {
        let admin = &admin;
        async move { admin.get_json(&format!("/api/v1/calls/{id}")).await }
    };

    let from = ("from", "4915123456789");
    post(&server, BERLIN, &[("event", "newCall"), ("callId", "ringing-1"), from]).await.is(200);
    assert_eq!(call(16).await["change"], 16, "said again, it is no news");
    post(&server, BERLIN, &[("event", "answer"), ("callId", "ringing-1"), from, ("user", "Alice")])
        .await
        .is(200);
    let ringing = call(16).await;
    assert_eq!(json!([ringing["state"], ringing["answered_by"]]), json!(["connected", "Alice"]));
    let cause = ("cause", "normalClearing");
    post(&server, BERLIN_UNTIL_2199, &[("event", "hangup"), ("callId", "ringing-1"), from, cause])
        .await
        .is(200);
    post(&server, BERLIN, &[("event", "hangup"), ("callId", "connected-1"), cause]).await.is(200);
    for id in [16, 14] {
        assert_eq!(call(id).await["outcome"], "answered");
    }
    let changes = admin.get_json("/api/v1/changes?after=17").await;
    let told = changes["data"].as_array().unwrap();
    assert_eq!(column(told, "event"), json!(["call.ended", "call.ended"]));
    assert_eq!(column(told, "id"), json!([16, 14]), "who knew the feed up to then misses nothing");

    let robot = [("event", "newCall"), ("callId", "new-1"), ("from", "493099900000")];
    assert_eq!(
        post(&server, BERLIN, &robot).await.is(200).json(),
        json!({ "action": "reject", "reason": "busy" })
    );
    let good = [("event", "newCall"), ("callId", "new-2"), ("from", "493099912399")];
    assert_eq!(post(&server, BERLIN, &good).await.is(200).json(), json!({}), "an allow rule");
    let over = [("event", "newCall"), ("callId", "new-3"), ("from", "493088800000")];
    assert_eq!(post(&server, BERLIN, &over).await.is(200).json(), json!({}), "an expired rule");
    post(&server, WIEN, &[("event", "newCall"), ("callId", "new-4"), ("from", "1")]).await.is(403);
    post(&server, "upgrade-no-token", &good).await.is(401);

    let new = json!({ "name": "Graz", "dialect": "sipgate" });
    let made = admin.post_json("/api/v1/pbxes", &new).await.is(201).json();
    assert_eq!(made["id"], 3, "numbers of rows go on, too");
}

#[actix_web::test]
async fn each_migration_goes_down_and_up_again_and_leaves_the_other_tables_alone() {
    let database = of_the_first_migration();
    let mut db = connect(&database);
    store::migrate(&mut db).unwrap();
    let kept = |db: &mut Db| -> [i64; 5] {
        [
            calls::table.count().get_result(db).unwrap(),
            journal::table.count().get_result(db).unwrap(),
            pbxes::table.count().get_result(db).unwrap(),
            keys::table.count().get_result(db).unwrap(),
            contacts::table.count().get_result(db).unwrap(),
        ]
    };
    let all = kept(&mut db);
    assert_eq!(all, [8, 17, 2, 3, 1]);
    let applied = db.applied_migrations().unwrap().len();
    for down in 1..applied {
        for _ in 0..down {
            db.revert_last_migration(migrations(&database)).unwrap();
            assert_eq!(kept(&mut db), all);
        }
        store::migrate(&mut db).unwrap();
        assert!(store::migrations_current(&mut db).unwrap());
        assert_eq!(kept(&mut db), all, "{down} down and up again");
    }
    drop(db);
    let server = Program::start(&database, PATIENT);
    let admin = Client::new(&server.url, Some(ADMIN.into()));
    assert_eq!(admin.rows("/api/v1/calls", |_| true).await.len(), 8);
}

fn column(rows: &[Value], field: &str) -> Value {
    rows.iter().map(|row| row[field].clone()).collect()
}

/// As a server of then left it: made by the first migration alone, then filled.
fn of_the_first_migration() -> TestDatabase {
    let database = TestDatabase::new();
    let mut db = connect(&database);
    let applied = db.run_next_migration(migrations(&database)).unwrap();
    assert!(applied.to_string().ends_with("000001"), "{applied}");
    let data = match db {
        Db::Postgres(_) => DATA.replace("X'", "'\\x"),
        Db::Sqlite(_) => DATA.into(),
    };
    db.batch_execute(&data).unwrap();
    database
}

fn connect(database: &TestDatabase) -> Db {
    database.url.parse::<Target>().unwrap().open().unwrap()
}

fn migrations(database: &TestDatabase) -> FileBasedMigrations {
    let kind = if database.url.starts_with("postgres") { "postgres" } else { "sqlite" };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
    FileBasedMigrations::from_path(folder).unwrap()
}

/// As a PBX, of an inbound call.
async fn post(server: &Program, token: &str, fields: &[(&str, &str)]) -> Answer {
    let pbx = Client::new(&server.url, None);
    let fields = [&[("direction", "in"), ("to", "4930231250")], fields].concat();
    pbx.send(pbx.http.post(format!("{}/api/v1/cti/{token}", server.url)).form(&fields)).await
}
