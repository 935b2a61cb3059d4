//! The program from outside: what it says when it starts, why it refuses to, and how it stops.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::client::Client;
use crate::harness::TestDatabase;
use crate::postgres;
use crate::program::{Program, gave_up, hookswitch, printed, run};

#[actix_web::test]
async fn the_first_start_says_what_is_needed_and_the_next_does_not_repeat_it() {
    let database = TestDatabase::new();
    let mut program = Program::start(&database, &[]);
    let (url, key) = (program.told("PBX URL:"), program.told("Key:"));
    let page = program.told("Page:");
    assert!(page.starts_with(&format!("{}/sign-in/", program.url)), "{page}");

    let pbx = Client::new(&program.url, None);
    let call = [("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "493023125000")];
    let answer = pbx.send(pbx.http.post(&url).form(&call)).await.is(200);
    assert_eq!(answer.body, "{}");
    let admin = Client::new(&program.url, Some(key.clone()));
    assert_eq!(admin.get_json("/api/v1/keys").await["data"][0]["role"], "admin");
    assert_eq!(admin.get_json("/readyz").await, json!({ "status": "ok" }));
    let log = program.log();
    let (rest, code) = program.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!rest.contains(&key), "the key is said once");

    let again = Program::start(&database, &[]);
    let admin = Client::new(&again.url, Some(key));
    admin.get_json("/api/v1/keys").await;
    assert_eq!(again.stop(), (String::new(), Some(0)));
}

#[actix_web::test]
async fn it_warns_where_it_does_not_know_the_address_that_others_reach_it_at() {
    for (flags, warns) in [([].as_slice(), true), (&["--public-url=http://calls.lan"], false)] {
        let database = TestDatabase::new();
        let program = Program::start_at("0.0.0.0:0", &database, flags);
        assert_eq!(program.stop().1, Some(0));
        let log = std::fs::read_to_string(database.folder.path().join("log")).unwrap();
        assert_eq!(log.contains("nobody can reach http://0.0.0.0:"), warns, "{log}");
        assert_eq!(log.contains("--public-url"), warns, "{log}");
    }
}

#[actix_web::test]
async fn the_data_folder_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    printed(hookswitch(folder.path(), &["pbx", "add", "--name=x"]).output().unwrap());
    let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    assert_eq!(mode("data/hookswitch.db"), 0o600);
}

#[actix_web::test]
async fn it_says_in_one_line_why_it_cannot_start() {
    let wrong_password = if std::env::var("TEST_DATABASE").as_deref() == Ok("postgres") {
        format!("postgres://postgres:wr0ng@127.0.0.1:{}/postgres", postgres::shared().port)
    } else {
        "postgres://postgres:wr0ng@127.0.0.1:1/postgres".into() // nobody is there: unreachable, too
    };
    for (url, reason) in [
        ("mysql://localhost/calls", "only postgres:// and sqlite:// are known"),
        ("calls.db", "say postgres://user:password@host/name or sqlite://path/to/file.db"),
        ("sqlite://:memory:", "the database must be a file"),
        ("sqlite:///proc/none/calls.db", "cannot write the SQLite file /proc/none/calls.db"),
        ("postgres://postgres:wr0ng@127.0.0.1:1/calls", "cannot open PostgreSQL at 127.0.0.1:1/calls"),
        ("postgres://postgres@127.0.0.1:1/calls?sslmode=require", "cannot"),
        (&wrong_password, "cannot open PostgreSQL"),
    ] {
        let mut database = TestDatabase::new();
        database.url = url.into();
        let line = gave_up(run(&database, &["--listen=127.0.0.1:0"]));
        let tls_lacks = url.contains("sslmode") && line.contains("--features pg-tls");
        assert!(line.contains(reason) || tls_lacks, "{url}: {line}");
        assert!(!line.contains("wr0ng"), "no password is shown: {line}");
    }
}

#[actix_web::test]
async fn what_cannot_be_said_is_not_made() {
    let database = TestDatabase::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut first = hookswitch(database.folder.path(), &["--listen=127.0.0.1:0"]);
    let line = gave_up(first.env("DATABASE_URL", &database.url).stdout(full).output().unwrap());
    assert!(line.starts_with("cannot print: "), "{line}");
    let mut again = Program::start(&database, &[]);
    again.told("PBX URL:");
    again.told("Key:");
}

#[actix_web::test]
async fn a_line_of_the_settings_file_is_not_repeated() {
    let database = TestDatabase::new();
    let text = "RUST_LOG=info\nHOOKSWITCH_REGION=AT\nPASSWORD=top secret\n";
    std::fs::write(database.folder.path().join(".env"), text).unwrap();
    let line = gave_up(run(&database, &["pbx", "list"]));
    assert!(line.starts_with("./.env, line 3: ") && !line.contains("secret"), "{line}");
    assert!(printed(run(&database, &["--help"])).contains("Usage:"));
}

#[actix_web::test]
async fn flags_that_cannot_work_are_refused_before_anything_is_made() {
    let database = TestDatabase::new();
    for flag in [
        "workers",
        "intake-deadline-ms",
        "ringing-limit-s",
        "connected-limit-s",
        "failed-tokens-per-minute",
        "max-connections",
        "max-connections-per-address",
        "client-timeout-s",
        "keep-alive-s",
        "shutdown-timeout-s",
    ] {
        let refused = run(&database, &[&format!("--{flag}=0")]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{flag}: {said}");
        assert!(said.contains(&format!("--{flag}")) && refused.stdout.is_empty(), "{said}");
    }
    let lone = ["--trusted-proxies=10.0.0.5,192.168.0.0/16", "--webhook-allow=10.0.0.5"];
    assert_eq!(Program::start(&database, &lone).stop().1, Some(0));
    let refused = run(&database, &["--trusted-proxies=proxy"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("must be an address or a network"));
}

#[actix_web::test]
async fn it_says_when_the_address_is_taken_or_a_flag_is_wrong() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let database = TestDatabase::new();
    let line = gave_up(run(&database, &["--listen", &address]));
    assert!(line.starts_with(&format!("cannot listen on {address}")), "{line}");
    assert!(line.ends_with("choose another with --listen"), "{line}");
    let line = gave_up(run(&database, &["--listen=127.0.0.1:0", "--region=Mars"]));
    assert!(line.starts_with("--region: "), "{line}");
    let line = gave_up(run(&database, &["--listen=127.0.0.1:0", "--public-url=calls.example.org"]));
    assert!(line.contains("must begin with http:// or https://"), "{line}");
    let line = gave_up(run(&database, &["--listen=127.0.0.1:0", "--screen-pop=javascript:alert(1)"]));
    assert_eq!(line, "--screen-pop: must begin with https:// or http://");
}

#[actix_web::test]
async fn an_origin_that_no_browser_sends_is_refused_before_anything_is_made() {
    let database = TestDatabase::new();
    let start = |origins: &str| run(&database, &["--listen=127.0.0.1:0", "--cors-origins", origins]);
    for (origins, wrong, right) in [
        ("*", "*", "https://board.example.org"),
        ("a.example", "a.example", "https://board.example.org"),
        ("https://b.example,https://a.example/", "https://a.example/", "https://a.example"),
        ("https://a.example:443", "https://a.example:443", "https://a.example"),
        ("https://A.example/x", "https://A.example/x", "https://a.example"),
    ] {
        let told = format!("--cors-origins {wrong:?}: write each origin as browsers send it, as in {right}");
        assert_eq!(gave_up(start(origins)), told);
    }
    let program = Program::start(&database, &["--cors-origins=https://a.example:8443,http://[::1]:8080"]);
    drop(program);
}

#[actix_web::test]
async fn what_is_set_to_nothing_is_not_set() {
    let database = TestDatabase::new();
    let blank =
        ["HOOKSWITCH_CORS_ORIGINS", "HOOKSWITCH_PUBLIC_URL", "HOOKSWITCH_TRUSTED_PROXIES", "RUST_LOG"];
    let program = Program::start_in(&blank.map(|name| (name, "")), "127.0.0.1:0", &database, &[]);
    assert!(program.url.starts_with("http://127.0.0.1:"), "{}", program.url);
    let client = Client::new(&program.url, None);
    client.get("/healthz").await.is(200);
}

#[actix_web::test]
async fn a_level_that_there_is_not_is_refused_where_it_was_meant_for_us() {
    let database = TestDatabase::new();
    for (given, wrong) in [("wran", "wran"), ("info,hookswitch=debgu", "hookswitch=debgu")] {
        let line = gave_up(run(&database, &["pbx", "list", "--log-level", given]));
        let told = format!("--log-level {wrong:?}: the levels are off, error, warn, info, debug, trace;");
        assert!(line.starts_with(&told), "{line}");
    }
    printed(run(&database, &["pbx", "add", "--name=x"]));
    for fine in ["hookswitch=debug,info", "WARN", "off", "info,actix_http=error/x"] {
        printed(run(&database, &["pbx", "list", "--log-level", fine]));
    }
    let program = Program::start_in(&[("RUST_LOG", "other_program=x")], "127.0.0.1:0", &database, &[]);
    assert_eq!(program.stop().1, Some(0));
}
