//! Nothing is skipped and nothing is told twice: with writers on all nodes at once, and one of the nodes killed. Two
//! servers on PostgreSQL; on SQLite one, which is started again.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hookswitch::store::schema::{calls, journal};
use hookswitch::store::target::Target;

use crate::client::Client;
use crate::follower::Follower;
use crate::harness::{TestDatabase, eventually, spawn as spawn_server, spawn_on};
use crate::program::Program;

const CALLS: usize = 3_600;
const CLIENTS: usize = 12;
const LAST: &str = "the last call";

/// Where the nodes are now.
type Urls = Rc<RefCell<Vec<String>>>;

#[actix_web::test]
async fn each_change_is_told_once_though_a_node_is_killed() {
    let database = TestDatabase::new();
    let mut first = Program::start(&database, &[]);
    let pbx = first.told("PBX URL:").strip_prefix(&first.url).unwrap().to_owned();
    let key = first.told("Key:");
    let beside = TestDatabase { url: database.url.clone(), folder: tempfile::tempdir().unwrap() };
    let second = database.url.starts_with("postgres").then(|| Program::start(&beside, &[]));
    let urls = [Some(&first), second.as_ref()].into_iter().flatten().map(|node| node.url.clone()).collect();
    let urls: Urls = Rc::new(RefCell::new(urls));

    let mut readers = Vec::new();
    let nodes = urls.borrow().len();
    for node in 0..nodes {
        let open = Follower::open(&client(&urls, node, &key), "", None).await;
        readers.push(spawn(read(open, urls.clone(), node, key.clone())));
    }
    let played = Rc::new(Cell::new(0));
    let writers: Vec<_> =
        (0..CLIENTS).map(|client| spawn(write(urls.clone(), pbx.clone(), client, played.clone()))).collect();
    while played.get() < CALLS / 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.kill();
    *urls.borrow_mut() = match &second {
        Some(second) => vec![second.url.clone()],
        None => {
            first = Program::start(&database, &[]);
            vec![first.url.clone()]
        }
    };
    for writer in writers {
        writer.await.unwrap();
    }
    post(&urls, &pbx, 0, LAST, "newCall").await;

    let stored = Stored::read(&database.url);
    assert!(stored.changes.len() > 10_000, "{} changes", stored.changes.len());
    for reader in readers {
        let told = reader.await.unwrap();
        stored.were_told(&told);
        println!("{} of {} changes told, others overtaken", told.len(), stored.changes.len());
    }
}

#[actix_web::test]
async fn nodes_tell_each_other_that_there_is_something_to_read() {
    let first = spawn_server();
    if !first.database.url.starts_with("postgres") {
        return; // SQLite's file is one server's
    }
    let mut ear = PgConnection::establish(&first.database.url).unwrap();
    ear.batch_execute("LISTEN hookswitch_feed").unwrap();
    let call =
        [("event", "newCall"), ("callId", "1"), ("direction", "in"), ("from", "49301"), ("to", "49302")];
    first.post_form(&call).await.is(200);
    first.agent.get("/api/v1/changes?wait=1").await.is(200); // a second, in which it would have been told
    assert_eq!(ear.notifications_iter().count(), 0, "there is nobody to tell");
    let same = TestDatabase { url: first.database.url.clone(), folder: tempfile::tempdir().unwrap() };
    let _second = spawn_on(same, &[]);
    let mut heard = Vec::new();
    eventually("the first tells what it wrote", async || {
        heard.extend(ear.notifications_iter().map(|told| told.unwrap().payload));
        !heard.is_empty()
    })
    .await;
    assert_eq!(heard, ["1"]);
}

fn client(urls: &Urls, node: usize, key: &str) -> Client {
    let urls = urls.borrow();
    Client::new(&urls[node % urls.len()], Some(key.into()))
}

/// Everything that one reader is told, up to the last call: change and call. Where its node is gone it goes on at
/// another.
async fn read(mut open: Follower, urls: Urls, node: usize, key: String) -> Vec<(i64, i64)> {
    let mut told = Vec::new();
    loop {
        while let Some(event) = open.next().await {
            assert_ne!(event.name, "dropped", "{event:?}");
            told.push((event.id, event.data["id"].as_i64().unwrap()));
            if event.data["call_id"] == LAST {
                return told;
            }
        }
        let lost = Instant::now();
        open = loop {
            let again = Follower::try_open(&client(&urls, node, &key), "", Some(open.cursor)).await;
            match again {
                Some(open) => break open,
                None => assert!(lost.elapsed() < Duration::from_secs(20), "a node is there"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
    }
}

/// Calls in three events each, one event here and the next there.
async fn write(urls: Urls, pbx: String, client: usize, played: Rc<Cell<usize>>) {
    for number in (client..CALLS).step_by(CLIENTS) {
        for (step, event) in ["newCall", "answer", "hangup"].into_iter().enumerate() {
            let node = if number % 10 == 0 { client + step } else { client };
            post(&urls, &pbx, node, &format!("call {number}"), event).await;
        }
        played.set(played.get() + 1);
    }
}

/// As a PBX does: again, if there was no answer.
async fn post(urls: &Urls, pbx: &str, node: usize, call_id: &str, event: &str) {
    thread_local!(static HTTP: reqwest::Client = Client::new("", None).http);
    let http = HTTP.with(reqwest::Client::clone);
    let fields = [("event", event), ("direction", "in"), ("callId", call_id), ("from", "493023125001")];
    let begun = Instant::now();
    loop {
        let url = {
            let urls = urls.borrow();
            format!("{}{pbx}", urls[node % urls.len()])
        };
        if http.post(url).form(&fields).send().await.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "a node answers");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the database holds in the end.
pub struct Stored {
    /// Change and call, repeats among them.
    pub changes: BTreeSet<(i64, i64)>,
    /// The last change of each call.
    last: BTreeMap<i64, i64>,
}

impl Stored {
    /// All of it.
    pub fn read(url: &str) -> Self {
        let mut db = url.parse::<Target>().unwrap().connect().unwrap();
        let changes: Vec<(i64, Option<i64>)> =
            journal::table.select((journal::change, journal::call)).load(&mut db).unwrap();
        let last: Vec<(i64, i64)> = calls::table.select((calls::id, calls::change)).load(&mut db).unwrap();
        let changes = changes.into_iter().filter_map(|(change, call)| Some((change, call?))).collect();
        Self { changes, last: last.into_iter().collect() }
    }
    /// By one reader, from the beginning on: each change once, none from nowhere, and the last of each call.
    #[track_caller]
    pub fn were_told(&self, told: &[(i64, i64)]) {
        assert!(told.is_sorted_by(|(one, _), (next, _)| one < next), "nothing twice, and in order");
        let unknown = told.iter().find(|change| !self.changes.contains(change));
        assert_eq!(unknown, None, "each is a change of that call");
        let last: BTreeMap<i64, i64> = told.iter().map(|(change, call)| (*call, *change)).collect();
        assert_eq!(last, self.last, "the last change of each call is among them");
    }
}
