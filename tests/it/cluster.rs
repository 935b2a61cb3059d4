//! Two servers behind a real load balancer, on a PostgreSQL with a synchronous standby, as `examples/cluster/run` sets them
//! up: a server is killed, then the database that leads, twice, in the middle of load. Takes HAProxy; run with
//! `cargo test --test it cluster -- --ignored --nocapture`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use actix_web::web::block;
use hookswitch::secret::new_token;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::crash::load::STORY;
use crate::follower::Follower;
use crate::harness::eventually;
use crate::live::nodes::Stored;
use crate::postgres;

const CLIENTS: usize = 12;
/// Answers between one accident and the next.
const BETWEEN: usize = 1_000;
const LAST: &str = "the last call";

#[actix_web::test]
#[ignore = "takes HAProxy"]
async fn what_was_answered_outlives_a_server_and_two_databases() {
    let cluster = Arc::new(Cluster::start());
    let url = cluster.told("PBX URL:");
    let people = || Client::new(&cluster.url, Some(cluster.told("Key:")));
    let readers = [spawn(follow(people())), spawn(poll(people()))];
    let load = Rc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS).map(|client| spawn(load.clone().play(url.clone(), client))).collect();

    load.goes_on().await;
    cluster.does(&["kill-node", "1"]).await;
    load.goes_on().await;
    cluster.does(&["start-node", "1"]).await;
    load.goes_on().await;
    for _ in 0..2 {
        let killed = Instant::now();
        cluster.does(&["kill-primary"]).await;
        cluster.does(&["promote"]).await;
        println!("the standby leads {:?} after the primary was killed", killed.elapsed());
        load.goes_on().await;
        cluster.does(&["rejoin"]).await;
        load.goes_on().await;
    }
    load.over.set(true);
    for client in clients {
        client.await.unwrap();
    }
    println!("{}", load.told());

    let answered = load.answered.take();
    let stored = Rc::new(RefCell::new(Journal::default()));
    eventually("what was answered is in the log", async || {
        *stored.borrow_mut() = Journal::read(&people()).await;
        answered.iter().all(|event| stored.borrow().lines.contains_key(event))
    })
    .await;
    stored.borrow().each_call_is_there_once();
    let last = [("event", "newCall"), ("direction", "in"), ("callId", LAST)];
    let pbx = Client::new(&cluster.url, None);
    pbx.send(pbx.http.post(&url).form(&last)).await.is(200);
    let tables = Stored::read(&cluster.database_url());
    for reader in readers {
        tables.were_told(&reader.await.unwrap());
    }
}

/// What `examples/cluster/run` started. It ends when this is dropped.
struct Cluster {
    url: String,
    port: u16,
    folder: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let port = five_free_ports();
        let folder =
            tempfile::Builder::new().prefix("hookswitch-cluster-").tempdir_in(postgres::roomy()).unwrap();
        // PostgreSQL's own user must get through
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let cluster = Self { url: format!("http://127.0.0.1:{port}"), port, folder };
        cluster.run(&["start"]);
        cluster
    }

    /// One of the documented commands, while the load goes on.
    async fn does(self: &Arc<Self>, command: &'static [&'static str]) {
        let cluster = self.clone();
        block(move || cluster.run(command)).await.unwrap();
    }

    fn run(&self, command: &[&str]) {
        let built =
            std::env::var_os("TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookswitch").into());
        let said = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster/run"))
            .args(command)
            .env("CLUSTER_DIR", self.folder.path().join("data"))
            .env("CLUSTER_PORT", self.port.to_string())
            .env("HOOKSWITCH", built)
            .output()
            .unwrap();
        assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
    }

    /// What stands behind `label` in what the first server said at its first start.
    fn told(&self, label: &str) -> String {
        let said = std::fs::read_to_string(self.folder.path().join("data/node1/said")).unwrap();
        said.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim().into()
    }

    fn database_url(&self) -> String {
        let (a, b) = (self.port + 3, self.port + 4);
        format!("postgres://postgres@127.0.0.1:{a},127.0.0.1:{b}/hookswitch")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(&["stop", "--delete"]);
    }
}

fn five_free_ports() -> u16 {
    let free = |port: &u16| (*port..port + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (20_000..30_000).step_by(5).find(free).expect("ports")
}

/// PBXes that never say anything twice: what was not answered is not sent again.
#[derive(Default)]
struct Load {
    /// Event and call.
    answered: RefCell<BTreeSet<(String, String)>>,
    refused: RefCell<BTreeMap<String, usize>>,
    over: Cell<bool>,
}

impl Load {
    async fn play(self: Rc<Self>, url: String, client: usize) {
        let http = Client::new("", None).http;
        for number in 0.. {
            let call_id = format!("c{client}-{number}-{}", new_token());
            for (event, cause) in STORY {
                if self.over.get() {
                    return;
                }
                let fields = [
                    ("event", event),
                    ("direction", "in"),
                    ("callId", &call_id),
                    ("from", "493023125001"),
                    ("cause", cause),
                ];
                match http.post(&url).form(&fields).send().await {
                    Ok(answer) if answer.status() == 200 => {
                        self.answered.borrow_mut().insert((event.into(), call_id.clone()));
                    }
                    other => {
                        let why = other.map_or_else(|e| e.to_string(), |answer| answer.status().to_string());
                        *self.refused.borrow_mut().entry(why).or_default() += 1;
                        tokio::time::sleep(Duration::from_millis(10)).await; // a PBX has its own pace
                    }
                }
            }
        }
    }

    /// So many more answers.
    async fn goes_on(&self) {
        let until = self.answered.borrow().len() + BETWEEN;
        let begun = Instant::now();
        while self.answered.borrow().len() < until {
            assert!(begun.elapsed() < Duration::from_secs(30), "no answers any more: {}", self.told());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn told(&self) -> String {
        format!("{} events answered; not answered: {:?}", self.answered.borrow().len(), self.refused.borrow())
    }
}

/// What the log holds of the PBX's requests.
#[derive(Default)]
struct Journal {
    /// What came of each event of each call.
    lines: BTreeMap<(String, String), Vec<String>>,
    /// The calls' own ids, as listed.
    calls: Vec<String>,
}

impl Journal {
    async fn read(people: &Client) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in people.rows("/api/v1/pbxes/1/journal", |_| true).await {
            let event = (text(&line["kind"]), text(&line["params"]["callId"]));
            lines.entry(event).or_default().push(text(&line["result"]));
        }
        let calls = people.rows("/api/v1/calls", |_| true).await;
        Self { lines, calls: calls.iter().map(|call| text(&call["call_id"])).collect() }
    }

    /// What the balancer sent to the other server, too, after the first had died behind its commit, is a repeat.
    fn each_call_is_there_once(&self) {
        for (event, results) in &self.lines {
            let applied = results.iter().filter(|result| *result == "applied").count();
            assert!(
                applied == 1 && results.iter().all(|it| it == "applied" || it == "repeat"),
                "{event:?}: {results:?}"
            );
        }
        let once: BTreeSet<_> = self.calls.iter().collect();
        assert_eq!(once.len(), self.calls.len(), "no call twice");
    }
}

/// Change and call of all that an event stream tells, up to the last call. Where it ends it is asked for again.
async fn follow(people: Client) -> Vec<(i64, i64)> {
    let (mut told, mut cursor) = (Vec::new(), 0);
    loop {
        if let Some(mut open) = Follower::try_open(&people, "", Some(cursor)).await {
            while let Some(event) = open.next().await.filter(|event| event.name != "dropped") {
                told.push((event.id, event.data["id"].as_i64().unwrap()));
                if event.data["call_id"] == LAST {
                    return told;
                }
            }
            cursor = open.cursor;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The same, of one who polls.
async fn poll(people: Client) -> Vec<(i64, i64)> {
    let (mut told, mut cursor) = (Vec::new(), 0);
    loop {
        let asked = people.request(Method::GET, &format!("/api/v1/changes?wait=5&after={cursor}"));
        let answer = asked.send().await.and_then(reqwest::Response::error_for_status);
        let Ok(answer) = answer else {
            tokio::time::sleep(Duration::from_millis(100)).await; // the server that was asked is gone
            continue;
        };
        let changes: Value = answer.json().await.unwrap();
        for change in changes["data"].as_array().unwrap() {
            told.push((change["change"].as_i64().unwrap(), change["id"].as_i64().unwrap()));
            if change["call_id"] == LAST {
                return told;
            }
        }
        cursor = changes["next"].as_i64().unwrap();
    }
}
