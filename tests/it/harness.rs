//! What every test needs: a server with a database of its own, and clients that know their way.
//!
//! ```ignore
//! let app = spawn();
//! app.post_form(&[("event", "newCall"), ...]).await.is(200);      // as the PBX
//! let calls = app.agent.get_json("/api/v1/calls").await;          // as people
//! ```

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use clap::Parser;
use diesel::prelude::*;
use hookswitch::app::{self, App};
use hookswitch::call::Call;
use hookswitch::clock;
use hookswitch::config::{Config, Database, Serve};
use hookswitch::error::StartError;
use hookswitch::metrics::Metrics;
use hookswitch::secret::{Hash, new_key, new_token};
use hookswitch::store::calls::CallRow;
use hookswitch::store::journal::Entry;
use hookswitch::store::keys::Role;
use hookswitch::store::pbxes::NewPbx;
use hookswitch::store::schema::{calls, journal};
use hookswitch::store::{self, Db, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::client::{Answer, Client};
use crate::postgres;

/// A running server. Dropped, it is stopped, and the test fails if it does not stop as it should.
pub struct TestApp {
    /// No slash at the end.
    pub base_url: String,
    /// The URL of the one PBX (Zammad's dialect, region DE), with its token.
    pub pbx_url: String,
    /// That PBX's row.
    pub pbx_id: i64,
    /// A client with an agent's key.
    pub agent: Client,
    /// With a manager's.
    pub manager: Client,
    /// With an admin's.
    pub admin: Client,
    /// Without a key.
    pub nobody: Client,
    /// What the server's handlers share: to call its steps, and to look into its database.
    pub app: Data<App>,
    /// Where its database is.
    pub database: TestDatabase,
    /// Its own files; deleted at the end.
    pub data: TempDir,
    stop: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<Result<(), StartError>>,
    thread: Option<JoinHandle<()>>,
}

/// How long a commit may take where many tests share a disk and its cores; what a PBX is told in time is not their
/// question.
const PATIENT: &str = "--intake-deadline-ms=20000";

/// A server with the default settings, but for its patience.
pub fn spawn() -> TestApp {
    spawn_with(&[])
}

/// A server started with these flags of `hookswitch serve`.
pub fn spawn_with(flags: &[&str]) -> TestApp {
    spawn_on(TestDatabase::new(), flags)
}

/// A server on a database that others may be using, too. It gets a PBX and keys of its own.
pub fn spawn_on(database: TestDatabase, flags: &[&str]) -> TestApp {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bound = listener.local_addr().unwrap();
    let own = tempfile::tempdir().unwrap();
    let data = own.path().to_str().unwrap();
    let given = ["hookswitch", "--workers=1", "--data-dir", data, "--database-url", &database.url];
    let impatient = flags.iter().any(|flag| flag.starts_with("--intake-deadline-ms"));
    let patience = (!impatient).then_some(&PATIENT);
    let flags = Flags::parse_from(given.iter().chain(patience).chain(flags));
    let config = Config::new(&flags.database, flags.serve, bound).unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let store = Store::open(&config.target, &config.spool, metrics.clone()).unwrap();
    let mut db = store.target().connect().unwrap();
    let base_url = format!("http://{bound}");
    let token = new_token();
    let pbx_id = pbx(&mut db, "Test PBX", &token);
    let client = |key: Option<String>| Client::new(&base_url, key);
    let mut client_as = |role| client(Some(key(&mut db, role)));
    let (agent, manager, admin) = (client_as(Role::Agent), client_as(Role::Manager), client_as(Role::Admin));

    let (ready, started) = mpsc::channel();
    let (stop, told) = oneshot::channel::<()>();
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let end = actix_web::rt::System::new().block_on(async move {
            let running = app::serve(config, store, metrics, listener)?;
            ready.send(running.app.clone()).unwrap();
            let stopper = running.stopper();
            actix_web::rt::spawn(async move {
                let _test_ends = told.await;
                stopper.stop().await;
            });
            running.finish().await.map_err(|e| StartError(e.to_string()))
        });
        done.send(end).unwrap();
    });
    TestApp {
        pbx_url: format!("{base_url}/api/v1/cti/{token}"),
        nobody: client(None),
        app: started.recv().expect("the server starts"),
        stop: Some(stop),
        thread: Some(thread),
        pbx_id,
        agent,
        manager,
        admin,
        base_url,
        database,
        data: own,
        ended,
    }
}

impl TestApp {
    /// As the PBX: a form.
    pub async fn post_form(&self, fields: &[(&str, &str)]) -> Answer {
        self.nobody.send(self.nobody.http.post(&self.pbx_url).form(fields)).await
    }

    /// As the PBX: these bytes, with this Content-Type or none at all.
    pub async fn post_raw(&self, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.nobody.http.post(&self.pbx_url).body(body.into());
        let typed = content_type.into_iter().fold(request, |r, value| r.header("Content-Type", value));
        self.nobody.send(typed).await
    }

    /// Runs `f` on the server's database.
    pub async fn query<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Db) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        self.app.store.query(f).await.unwrap()
    }
}

/// What is looked into, where the API would be in the way of the test.
impl TestApp {
    /// Changes PBXes, keys or rules, as the API does: the next event meets the change.
    pub async fn configure<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Db) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        App::change(&self.app, |db| Ok(f(db)?)).await.unwrap()
    }

    /// Adds a PBX; the address that its events go to.
    pub async fn add_pbx(&self, new: &serde_json::Value) -> String {
        let made = self.admin.post_json("/api/v1/pbxes", new).await.is(201).json();
        self.here(made["url"].as_str().unwrap())
    }

    /// A PBX's URL, which begins with the server's public address, as it is reached in the test.
    pub fn here(&self, url: &str) -> String {
        format!("{}{}", self.base_url, &url[url.find("/api/").unwrap()..])
    }

    /// Makes a key; a client with it, and its number.
    pub async fn add_key(&self, new: &serde_json::Value) -> (Client, i64) {
        let made = self.admin.post_json("/api/v1/keys", new).await.is(201).json();
        let secret = made["secret"].as_str().unwrap().to_owned();
        (Client::new(&self.base_url, Some(secret)), made["id"].as_i64().unwrap())
    }

    /// The newest call of that id.
    pub async fn call(&self, call_id: &str) -> Option<Call> {
        let mine = calls::pbx_id.eq(self.pbx_id).and(calls::call_id.eq(call_id.to_owned()));
        let newest = calls::table.filter(mine).order(calls::id.desc()).select(CallRow::as_select());
        self.query(move |db| newest.first::<CallRow>(db).optional()).await.map(Call::from)
    }

    /// The requests to the PBX's URL, newest first.
    pub async fn journal(&self) -> Vec<Entry> {
        let requests = journal::pbx_id.eq(self.pbx_id).and(journal::address.is_not_null());
        let newest = journal::table.filter(requests).order(journal::change.desc()).select(Entry::as_select());
        self.query(move |db| newest.load(db)).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if std::thread::panicking() {
            return; // its own message is worth more than ours
        }
        let end = self.ended.recv_timeout(Duration::from_secs(9)); // less than the server's own patience
        end.expect("the server stops when told to").expect("the server serves until then");
        self.thread.take().map(JoinHandle::join).transpose().expect("the server's thread ends well");
    }
}

/// A database that nobody else uses.
pub struct TestDatabase {
    /// As for `--database-url`.
    pub url: String,
    /// A folder of one's own; the SQLite file is in it. Deleted at the end.
    pub folder: TempDir,
}

impl TestDatabase {
    /// Empty; what `TEST_DATABASE` says: sqlite (the default) or postgres.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match std::env::var("TEST_DATABASE").as_deref() {
            Err(_) | Ok("sqlite") => format!("sqlite://{}", folder.path().join("test.db").display()),
            Ok("postgres") => postgres::shared().new_database(),
            Ok(other) => panic!("TEST_DATABASE={other}: say sqlite or postgres"),
        };
        Self { url, folder }
    }
}

/// Makes a PBX of Zammad's dialect; its row's number. A running server sees it within a second.
pub fn pbx(db: &mut Db, name: &str, token: &str) -> i64 {
    let new = NewPbx {
        name: name.into(),
        dialect: "zammad".into(),
        region: "DE".into(),
        options: "{}".into(),
        allowed_addresses: "[]".into(),
        token_hash: Hash::of(token),
    };
    store::settings::change(db, |db| store::pbxes::insert(db, &new, clock::now())).unwrap().id
}

/// Waits until `f` says so.
pub async fn eventually(what: &str, mut f: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !f().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    serve: Serve,
    #[command(flatten)]
    database: Database,
}

fn key(db: &mut Db, role: Role) -> String {
    let key = new_key();
    store::keys::insert(db, role.as_str(), role, &Hash::of(&key), None, clock::now()).unwrap();
    key
}
