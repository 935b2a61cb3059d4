//! The commands beside `serve`, on a database that a server may be using.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::client::Client;
use crate::harness::{TestDatabase, eventually, spawn};
use crate::program::{Program, gave_up, hookswitch, printed, run};

#[actix_web::test]
async fn a_running_server_follows_what_is_changed_beside_it() {
    let app = spawn();
    let base = app.base_url.as_str();
    let made = printed(run(&app.database, &["pbx", "add", "--name=Hamburg", "--public-url", base]));
    let url = made.lines().find_map(|line| line.strip_prefix("PBX URL: ")).unwrap().to_owned();
    assert!(url.starts_with(&format!("{base}/api/v1/cti/")), "{url}");
    let post = async || {
        let fields = [("event", "newCall"), ("direction", "in"), ("callId", "1")];
        app.nobody.send(app.nobody.http.post(&url).form(&fields)).await.status
    };
    eventually("the new PBX's URL is good", async || post().await == 200).await;

    printed(run(&app.database, &["pbx", "disable", "2"]));
    eventually("a disabled PBX is refused", async || post().await == 422).await;
    printed(run(&app.database, &["pbx", "enable", "2"]));
    eventually("an enabled PBX is taken again", async || post().await == 200).await;
    printed(run(&app.database, &["pbx", "rotate", "2", "--grace-s=0"]));
    eventually("the old URL ended", async || post().await == 401).await;

    let made = printed(run(&app.database, &["key", "add", "--name=wallboard", "--role=admin"]));
    let key = made.lines().find_map(|line| line.strip_prefix("Key: ")).unwrap();
    let wallboard = Client::new(base, Some(key.into()));
    eventually("the new key is good", async || wallboard.get("/api/v1/keys").await.status == 200).await;
    printed(run(&app.database, &["key", "revoke", "4"]));
    eventually("the key ended", async || wallboard.get("/api/v1/keys").await.status == 401).await;
}

#[actix_web::test]
async fn lists_are_tables_or_what_the_api_answers() {
    let app = spawn();
    let table = printed(run(&app.database, &["pbx", "list"]));
    assert!(table.contains("Test PBX") && table.contains("anywhere"), "{table}");
    let keys: Value = serde_json::from_str(&printed(run(&app.database, &["key", "list", "--json"]))).unwrap();
    assert_eq!(keys, app.admin.get_json("/api/v1/keys").await);
    assert_eq!(keys["data"].as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn errors_say_what_to_do_next() {
    let app = spawn();
    for (args, line) in [
        (&["pbx", "rotate", "7"][..], "there is no PBX 7; `hookswitch pbx list` shows those that there are"),
        (&["key", "revoke", "7"], "there is no key 7; `hookswitch key list` shows those that there are"),
        (
            &["key", "add", "--name=x", "--pbx=7"],
            "there is no PBX 7; `hookswitch pbx list` shows those that there are",
        ),
        (
            &["key", "revoke", "3"],
            "key 3 is the last admin key: make another first, with `hookswitch key add --name NAME --role admin`",
        ),
        (&["--listen=127.0.0.1:1", "pbx", "list"], "--listen is a flag of `serve`: put it behind that word"),
    ] {
        assert_eq!(gave_up(run(&app.database, args)), line, "{args:?}");
    }
}

#[actix_web::test]
async fn every_command_explains_itself_with_an_example() {
    let database = TestDatabase::new();
    for command in [
        &[][..],
        &["pbx", "add"],
        &["pbx", "list"],
        &["pbx", "rotate"],
        &["pbx", "disable"],
        &["pbx", "enable"],
        &["key", "add"],
        &["key", "list"],
        &["key", "revoke"],
        &["webhook", "add"],
        &["webhook", "list"],
        &["webhook", "edit"],
        &["webhook", "remove"],
        &["webhook", "deliveries"],
        &["webhook", "redeliver"],
        &["webhook", "preview"],
        &["simulate"],
        &["health"],
    ] {
        let help = printed(run(&database, &[command, &["--help"]].concat()));
        assert!(help.contains("Example: hookswitch"), "{command:?}: {help}");
    }
}

#[actix_web::test]
async fn who_is_told_a_guessed_address_is_told_that_it_is_one() {
    let database = TestDatabase::new();
    let guessed = |args: &[&str]| {
        let told = run(&database, args);
        assert!(told.status.success() && String::from_utf8_lossy(&told.stdout).contains("://"), "{args:?}");
        String::from_utf8_lossy(&told.stderr).contains("is a guess")
    };
    assert!(guessed(&["pbx", "add", "--name=Berlin"]));
    assert!(guessed(&["pbx", "rotate", "1"]));
    assert!(!guessed(&["pbx", "rotate", "1", "--grace-s=0", "--public-url=https://calls.example.org"]));
}

#[actix_web::test]
async fn exported_rules_are_their_owners_alone() {
    let database = TestDatabase::new();
    let file = database.folder.path().join("rules.json");
    std::fs::write(&file, "an older one that everybody may read").unwrap();
    printed(run(&database, &["pbx", "add", "--name=x"]));
    printed(run(&database, &["rules", "export", "rules.json"]));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    printed(run(&database, &["rules", "import", "rules.json"]));
}

#[actix_web::test]
async fn simulated_calls_are_calls() {
    let database = TestDatabase::new();
    let mut program = Program::start(&database, &[]);
    let url = program.told("PBX URL:");
    let quick = ["--rate=200", "--speed=1000", "--calls=40", "--seed=1"];
    let told = printed(run(&database, &[&["simulate", "--url", &url][..], &quick].concat()));
    assert!(told.starts_with("40 calls, ") && told.contains("; 0 failed\n"), "{told}");
    assert!(told.contains("time to answer: p50 "), "{told}");
    let line = gave_up(run(&database, &["simulate", "--url", &format!("{url}x")]));
    assert!(line.contains("HTTP 401") && line.contains("check the URL"), "{line}");
    assert_eq!(printed(run(&database, &["health", "--url", &program.url])), "ready\n");
    let gone = program.url.clone();
    assert_eq!(program.stop().1, Some(0));
    let line = gave_up(run(&database, &["health", "--url", &gone]));
    assert!(line.starts_with(&format!("{gone} is not ready: ")), "{line}");
}

#[actix_web::test]
async fn who_is_in_the_wrong_folder_is_told_so_and_makes_no_database_there() {
    let nowhere = tempfile::tempdir().unwrap();
    for args in
        [&["calls"][..], &["key", "list"], &["rules", "export"], &["webhook", "list"], &["backup", "x"]]
    {
        let line = gave_up(hookswitch(nowhere.path(), args).output().unwrap());
        assert!(
            line.starts_with("cannot read the SQLite file") && line.ends_with("say which by --data-dir"),
            "{line}"
        );
    }
    assert_eq!(nowhere.path().read_dir().unwrap().count(), 0);
    let url = "--url=http://127.0.0.1:9/api/v1/sipgate/token";
    let line = gave_up(hookswitch(nowhere.path(), &["simulate", url]).output().unwrap());
    assert!(line.starts_with("--url: these calls are told as Zammad's CTI push tells them"), "{line}");
}

#[actix_web::test]
async fn a_mistyped_variable_is_told() {
    let database = TestDatabase::new();
    let listed = hookswitch(database.folder.path(), &["pbx", "add", "--name=x"])
        .env("DATABASE_URL", &database.url)
        .env("HOOKSWITCH_PUBLICURL", "https://calls.example.org")
        .env("HOOKSWITCH_LISTEN", "127.0.0.1:8080")
        .output()
        .unwrap();
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(said.contains("HOOKSWITCH_PUBLICURL is set and is no setting"), "{said}");
    assert!(!said.contains("HOOKSWITCH_LISTEN"), "{said}");
}

#[actix_web::test]
async fn contacts_can_be_piped_in() {
    let database = TestDatabase::new();
    std::fs::write(database.folder.path().join("contacts.csv"), "name,number\nAlice,0171 3920055\n").unwrap();
    for said in ["1 contacts created, 0 updated, 0 unchanged.", "0 contacts created, 0 updated, 1 unchanged."]
    {
        let piped = std::fs::File::open(database.folder.path().join("contacts.csv")).unwrap();
        let mut import = hookswitch(database.folder.path(), &["contacts", "import", "-"]);
        let done = import.env("DATABASE_URL", &database.url).stdin(piped).output().unwrap();
        assert_eq!(printed(done).trim_end(), said);
    }
}
