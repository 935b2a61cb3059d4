//! The database goes away under load and comes back. Every event is answered in time and as the rules say; every one
//! that was answered stands in the log once.
//!
//! An outage lasts for a second or two here. `OUTAGE_SECONDS=60` makes it a minute, with the deadline that a server has
//! by itself; docs/reliability.md says what came of that.

mod effects;
mod full;
mod load;
mod locked;
mod restarted;
mod stopped;

use std::time::{Duration, Instant};

use hookswitch::store::Db;
use serde_json::json;

use crate::client::Client;
use crate::crash::{durable, written};
use crate::harness::{TestDatabase, eventually};
use crate::postgres::Cluster;
use crate::program::Program;
use load::{BLOCKED, Heard, Load};

/// How long the database is away, and what the server is told of deadlines: where many tests share a disk and its
/// cores, five hundred milliseconds say nothing.
fn outage() -> (Duration, &'static [&'static str]) {
    match std::env::var("OUTAGE_SECONDS") {
        Ok(seconds) => (Duration::from_secs(seconds.parse().unwrap()), &[]),
        Err(_) => (Duration::from_secs(2), &["--intake-deadline-ms=2000"]),
    }
}

/// A server with a database of its own that waits for its disk, and a rule against one caller.
struct Scene {
    program: Program,
    database: TestDatabase,
    cluster: Option<Cluster>,
    pbx_path: String,
    admin: Client,
    key: String,
}

impl Scene {
    async fn set(flags: &[&str]) -> Self {
        let (database, cluster) = durable();
        Self::on(database, cluster, flags).await
    }

    async fn on(database: TestDatabase, cluster: Option<Cluster>, flags: &[&str]) -> Self {
        let mut program = Program::start(&database, flags);
        let url = program.told("PBX URL:");
        let key = program.told("Key:");
        let admin = Client::new(&program.url, Some(key.clone()));
        let rule = json!({ "pattern": BLOCKED, "reason": "busy" });
        admin.post_json("/api/v1/block-rules", &rule).await.is(201);
        let pbx_path = url.strip_prefix(&program.url).unwrap().to_owned();
        Self { program, database, cluster, pbx_path, admin, key }
    }

    /// The server anew, on what the last one left.
    fn start_again(&mut self, flags: &[&str]) {
        self.program = Program::start(&self.database, flags);
        self.admin = Client::new(&self.program.url, Some(self.key.clone()));
    }

    fn pbx_url(&self) -> String {
        format!("{}{}", self.program.url, self.pbx_path)
    }

    fn connect(&self) -> Db {
        self.database.url.parse::<hookswitch::store::target::Target>().unwrap().connect().unwrap()
    }

    /// Waits until new events go to the spool.
    async fn spooling(&self) {
        eventually("events go to the spool", async || self.admin.metric("hookswitch_spooling").await == 1.0)
            .await;
    }

    /// Waits until the spool is empty.
    async fn replayed(&self) -> Duration {
        let begun = Instant::now();
        while self.admin.metric("hookswitch_spooling").await != 0.0 {
            assert!(
                begun.elapsed() < 2 * outage().0 + Duration::from_secs(60),
                "the spool is not replayed\n{}",
                self.program.log()
            );
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// Everything that was answered stands in the log, once; what was not answered may.
    async fn check(&self, round: usize, heard: &Heard) {
        self.replayed().await;
        let log = self.program.log();
        written::through_the_api(&self.admin, round, &heard.answered, 0)
            .await
            .unwrap_or_else(|e| panic!("{e}\n{log}"));
        written::in_the_tables(&self.database.url).unwrap_or_else(|e| panic!("{e}\n{log}"));
        assert_eq!(self.admin.metric("hookswitch_spool_rejected_total").await, 0.0, "{log}");
    }

    /// The same, and nobody waited in vain.
    async fn check_all(&self, what: &str, heard: &Heard) {
        assert!(heard.others.is_empty(), "{:?}\n{}", heard.others, self.program.log());
        self.check(1, heard).await;
        let (p99, max) = heard.worst();
        let replayed = self.admin.metric("hookswitch_spool_replayed_total").await;
        println!(
            "{what}: {} events answered, {replayed} of them by way of the spool; p99 {p99:?}, longest {max:?}",
            heard.events()
        );
        assert!(replayed > 0.0);
        let deadline = Duration::from_millis(if outage().1.is_empty() { 500 } else { 2000 });
        assert!(
            p99 < deadline && max < 3 * deadline / 2,
            "99 of 100 answers took {p99:?}, the longest {max:?}"
        );
        eventually("each turned away caller is counted once", async || {
            let rules = self.admin.get_json("/api/v1/block-rules").await;
            rules["data"][0]["hits"].as_u64() == Some(heard.rejected as u64)
        })
        .await;
    }
}
