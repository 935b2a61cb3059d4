//! A copy that is made while calls come in: what was answered before it began is in it, and a server works on it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use hookswitch::store::target::Target;
use serde_json::json;

use crate::client::Client;
use crate::crash::durable;
use crate::crash::load::{Answered, load};
use crate::crash::written;
use crate::harness::TestDatabase;
use crate::postgres::{self, Cluster};
use crate::program::{Program, gave_up, printed, run};

/// Calls that are there before, so that a copy takes its time.
const OLD: i64 = 40_000;
/// What is answered before the copy begins.
const FIRST: usize = 300;

#[actix_web::test]
async fn a_copy_made_under_load_holds_all_that_was_answered_before() {
    let (database, cluster) = durable();
    let mut program = Program::start(&database, &["--intake-deadline-ms=20000"]);
    let (url, key) = (program.told("PBX URL:"), program.told("Key:"));
    let path = url.strip_prefix(&program.url).unwrap().to_owned();
    fill(&database, OLD);

    let mut before = Answered::new();
    let mut copied = None;
    let answered = load(&url, 1, FIRST, async |until_now| {
        before = until_now;
        copied = Some(
            actix_web::web::block(move || (copy(&database, cluster.as_ref()), database, cluster))
                .await
                .unwrap(),
        );
        program.kill();
    })
    .await;
    let (copy, _database, _cluster) = copied.unwrap();
    let meanwhile = count(&answered) - count(&before);
    assert!(meanwhile > 10, "calls came in while it was made: {meanwhile} events");

    sound(&copy);
    written::in_the_tables(&copy.url).unwrap();
    let mut again = Program::start(&copy, &[]);
    let admin = Client::new(&again.url, Some(key));
    let newest = written::through_the_api(&admin, 1, &before, OLD).await.unwrap();
    assert!(newest < OLD + count(&answered) as i64 + 1, "{newest}: no number from nowhere");
    post(&again, &path, "after").await;
    let next = admin.get_json(&format!("/api/v1/changes?after={newest}")).await;
    assert_eq!((&next["data"][0]["call_id"], &next["next"]), (&json!("after"), &json!(newest + 1)));
    again.kill();
    println!("{} events were answered before, {meanwhile} while it was copied", count(&before));
}

#[actix_web::test]
async fn the_copy_is_its_owners_alone_and_overwrites_nothing() {
    let database = TestDatabase::new();
    if database.url.starts_with("postgres") {
        return; // says so: see the next test
    }
    printed(run(&database, &["key", "add", "--name=x", "--role=agent"]));
    assert_eq!(
        printed(run(&database, &["backup", "copy.db"])).split(':').next().unwrap(),
        "copy.db holds everything up to change 0"
    );
    let file = database.folder.path().join("copy.db");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let held = std::fs::read(&file).unwrap();
    let line = gave_up(run(&database, &["backup", "copy.db"]));
    assert_eq!(line, "cannot write copy.db: entity already exists");
    assert_eq!(std::fs::read(&file).unwrap(), held);
    let line = gave_up(run(&database, &["backup", "nowhere/copy.db"]));
    assert!(line.starts_with("cannot write nowhere/copy.db: "), "{line}");
    let line = gave_up(run(&database, &["backup", "other.db", "--database-url=sqlite://none.db"]));
    assert!(line.starts_with("cannot read the SQLite file none.db: "), "{line}");
    let mut names: Vec<_> =
        std::fs::read_dir(database.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert!(
        !names.iter().any(|name| name == "none.db" || name.to_string_lossy().contains("backup")),
        "{names:?}"
    );
}

#[actix_web::test]
async fn the_way_back_that_the_manual_prints_works_each_time() {
    let mut database = TestDatabase::new();
    if database.url.starts_with("postgres") {
        return; // a new database each time
    }
    let folder = database.folder.path().to_owned();
    database.url = format!("sqlite://{}/data/hookswitch.db", folder.display());
    let log = folder.join("data/hookswitch.db-wal");
    let mut program = Program::start(&database, &[]);
    let url = program.told("PBX URL:");
    let (path, key) = (url.strip_prefix(&program.url).unwrap().to_owned(), program.told("Key:"));
    post(&program, &path, "kept").await;
    printed(run(&database, &["backup", "copy.db"]));
    for end in ["TERM", "KILL"] {
        post(&program, &path, "later").await;
        program.signal(end);
        program.code();
        assert_eq!(log.metadata().unwrap().len() == 0, end == "TERM", "a clean stop leaves the file whole");
        let commands = way_back().replace("/backup/hookswitch-2026-11-21.db", "copy.db");
        well(Command::new("sh").args(["-ec", &commands]).current_dir(&folder).output().unwrap());
        program = Program::start(&database, &[]);
        let calls = Client::new(&program.url, Some(key.clone())).rows("/api/v1/calls", |_| true).await;
        assert_eq!(calls.iter().map(|call| &call["call_id"]).collect::<Vec<_>>(), ["kept"], "after {end}");
        std::thread::sleep(Duration::from_secs(1)); // the folder's name holds the second
    }
}

/// The commands of docs/operation.md between stopping and starting the server.
fn way_back() -> String {
    let manual = include_str!("../../docs/operation.md").lines();
    let behind = manual.skip_while(|line| !line.starts_with("    systemctl stop")).skip(1);
    behind.take_while(|line| !line.contains("systemctl")).collect::<Vec<_>>().join("\n")
}

async fn post(program: &Program, path: &str, call_id: &str) {
    let pbx = Client::new(&program.url, None);
    let call = [("event", "newCall"), ("direction", "in"), ("callId", call_id), ("from", "493023125000")];
    pbx.send(pbx.http.post(format!("{}{path}", program.url)).form(&call)).await.is(200);
}

#[actix_web::test]
async fn of_postgresql_it_says_how_without_the_password() {
    let mut database = TestDatabase::new();
    database.url =
        "postgres://calls:s3cret@db.example.org,db2.example.org/calls?target_session_attrs=read-write".into();
    let line = gave_up(run(&database, &["backup", "it's.dump"]));
    let command = "pg_dump --format=custom --file='it'\\''s.dump' \
        'postgres://calls@db.example.org,db2.example.org/calls?target_session_attrs=read-write'";
    assert!(line.contains(command) && !line.contains("s3cret"), "{line}");
}

/// By the commands of docs/operation.md.
fn copy(database: &TestDatabase, cluster: Option<&Cluster>) -> TestDatabase {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let Some(cluster) = cluster else {
        let told = printed(run(database, &["backup", file.to_str().unwrap()]));
        assert!(told.contains("holds everything up to change"), "{told}");
        return TestDatabase { url: format!("sqlite://{}", file.display()), folder };
    };
    let made = ["--format=custom", "--file", file.to_str().unwrap(), &database.url];
    well(postgres::command("pg_dump").args(made).output().unwrap());
    let url = cluster.new_database();
    let restored = ["--no-owner", "--exit-on-error", "--dbname", &url, file.to_str().unwrap()];
    well(postgres::command("pg_restore").args(restored).output().unwrap());
    TestDatabase { url, folder }
}

/// Puts so many calls into an empty log as if a PBX had told of them, long ago.
pub fn fill(database: &TestDatabase, calls: i64) {
    let mut db = database.url.parse::<Target>().unwrap().connect().unwrap();
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {calls})"
    );
    db.batch_execute(&format!(
        "INSERT INTO calls (id, pbx_id, call_id, leg_id, incarnation, direction, from_number, from_key, users, state,
                            outcome, started_at, ended_at, internal, done, open, change)
         {numbers} SELECT n, 1, 'old ' || n, '', 1, 'in', '493023125001', '+493023125001', '[]', 'ended', 'missed',
                          '2026-11-20 10:00:00.000', '2026-11-20 10:00:30.000', FALSE, TRUE, FALSE, n FROM numbers;
         INSERT INTO journal (change, pbx_id, call, received_at, kind, result, address, body, status)
         {numbers} SELECT n, 1, n, '2026-11-20 10:00:30.000', 'hangup', 'applied', '127.0.0.1', 'callId=old ' || n, 200
         FROM numbers;
         UPDATE feed SET change = {calls};"
    ))
    .unwrap();
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// What the database itself says of its pages and indexes. PostgreSQL's are made by the restore.
fn sound(copy: &TestDatabase) {
    if let Some(file) = copy.url.strip_prefix("sqlite://") {
        assert_eq!(Path::new(file).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let mut db = copy.url.parse::<Target>().unwrap().connect().unwrap();
        let said: Vec<Verdict> = diesel::sql_query("PRAGMA integrity_check").load(&mut db).unwrap();
        assert_eq!(said.iter().map(|line| &*line.integrity_check).collect::<Vec<_>>(), ["ok"]);
    }
}

fn count(answered: &Answered) -> usize {
    answered.values().sum()
}

fn well(output: Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
