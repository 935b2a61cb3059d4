//! An answer means: it is written. So what was answered stays, however the program ends in the middle of load.

mod listeners;
pub mod load;
pub mod written;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::TestDatabase;
use crate::postgres::Cluster;
use crate::program::Program;
use load::load;

const KILLED: usize = 20;
const STOPPED: usize = 5;

#[actix_web::test]
async fn what_was_answered_is_there_after_a_kill() {
    rounds(KILLED, None, |program| program.kill()).await;
}

#[actix_web::test]
async fn what_was_answered_is_there_after_a_stop() {
    rounds(STOPPED, Some(0), |program| program.signal("TERM")).await;
}

/// Starts the program again and again on one database; `end` ends it in the middle of load, with this exit code.
async fn rounds(number: usize, code: Option<i32>, end: impl Fn(&mut Program)) {
    let (database, _cluster) = durable();
    let mut program = Program::start(&database, &[]);
    let url = program.told("PBX URL:");
    let (path, key) = (url.strip_prefix(&program.url).unwrap().to_owned(), program.told("Key:"));
    let mut seen = 0;
    let (mut all, mut slowest) = (0, Duration::ZERO);
    for round in 1..=number {
        let begun = Instant::now();
        let after = 1 + RandomState::new().hash_one(round) as usize % 150; // other ones in each run
        let url = format!("{}{path}", program.url);
        let answered = load(&url, round, after, async |_| end(&mut program)).await;
        let log = program.log();
        assert_eq!(program.ended().1, code, "{log}");
        program = Program::start(&database, &[]);
        let admin = Client::new(&program.url, Some(key.clone()));
        let told = format!("round {round}, ended after {after} answers");
        seen = written::through_the_api(&admin, round, &answered, seen)
            .await
            .unwrap_or_else(|e| panic!("{told}: {e}"));
        written::in_the_tables(&database.url).unwrap_or_else(|e| panic!("{told}: {e}"));
        all += answered.values().sum::<usize>();
        slowest = slowest.max(begun.elapsed());
    }
    println!("{number} rounds, {all} events were answered and none was lost; slowest round {slowest:?}");
}

/// A database that waits for its disk, as one in use does.
pub fn durable() -> (TestDatabase, Option<Cluster>) {
    if std::env::var("TEST_DATABASE").as_deref() != Ok("postgres") {
        return (TestDatabase::new(), None);
    }
    let cluster = Cluster::start(true);
    let database = TestDatabase { url: cluster.new_database(), folder: tempfile::tempdir().unwrap() };
    (database, Some(cluster))
}
