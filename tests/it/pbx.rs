//! A real SIP switch at the other end: Kamailio with examples/kamailio asks the program, SIPp calls and is called, and
//! all of it stays on 127.0.0.1. What it takes, `scripts/test` installs.
//!
//!     cargo test --test it pbx -- --ignored --test-threads=1

mod endings;
mod kamailio;
mod load;
mod sipp;
mod stories;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::client::Client;
use crate::harness::TestDatabase;
use crate::program::Program;
use kamailio::Kamailio;
use sipp::{Sipp, wait_for_port};
use stories::{Callee, Caller};

/// Whom everybody calls; fictitious, as all numbers here are.
const TO: &str = "493023125011";

/// The program, a switch that asks it, and where both keep their files.
struct Scene {
    admin: Client,
    kamailio: Kamailio,
    hookswitch: Program,
    database: TestDatabase,
    /// The address at which the program serves, also after a restart.
    address: String,
}

impl Scene {
    /// `changes` are lines of examples/kamailio/settings.cfg that differ, old and new.
    fn start(changes: &[(&str, &str)]) -> Self {
        let database = TestDatabase::new();
        let mut hookswitch = Program::start(&database, &[]);
        let (url, key) = (hookswitch.told("PBX URL:"), hookswitch.told("Key:"));
        let admin = Client::new(&hookswitch.url, Some(key));
        let address = hookswitch.url.strip_prefix("http://").unwrap().into();
        let kamailio = Kamailio::start(database.folder.path(), url.split(' ').next().unwrap(), changes);
        Self { admin, kamailio, hookswitch, database, address }
    }

    /// The program again, on the same database and address.
    fn start_again(&mut self) {
        self.hookswitch = Program::start_at(&self.address, &self.database, &[]);
    }

    /// Somebody who waits for calls from the provider (`inbound`) or from the PBX.
    fn callee(&self, name: &str, inbound: bool, callee: Callee, args: &[&str]) -> Option<Sipp> {
        let port = if inbound { self.kamailio.pbx } else { self.kamailio.provider };
        let (folder, name) = (self.folder(), format!("{name}-callee"));
        let messages = Sipp::file(&folder, &name, "messages");
        let trace = ["-trace_msg", "-message_file", &messages];
        let sipp = Sipp::start(&folder, &name, &callee.scenario()?, port, &[args, &trace].concat());
        wait_for_port(port);
        Some(sipp)
    }

    /// Somebody who calls, through the provider (`inbound`) or at the PBX.
    fn caller(&self, name: &str, inbound: bool, caller: Caller, from: &str, args: &[&str]) -> Sipp {
        let port = if inbound { self.kamailio.provider } else { self.kamailio.pbx };
        let switch = format!("127.0.0.1:{}", self.kamailio.port);
        let who = ["-s", TO, "-key", "from", from, &switch];
        Sipp::start(&self.folder(), name, &caller.scenario(), port, &[args, &who].concat())
    }

    fn folder(&self) -> PathBuf {
        self.database.folder.path().to_owned()
    }

    /// The caller log by call id, and each call's requests in the order in which they came.
    async fn log(&self) -> BTreeMap<String, (Value, Vec<Value>)> {
        let calls = self.admin.rows("/api/v1/calls", |_| true).await;
        let id = |call: Value| (call["call_id"].as_str().unwrap().to_owned(), (call, Vec::new()));
        let mut log: BTreeMap<_, _> = calls.into_iter().map(id).collect();
        for entry in self.admin.rows("/api/v1/pbxes/1/journal", |_| true).await.into_iter().rev() {
            let Some(call_id) = entry["params"]["callId"].as_str() else { continue };
            log.get_mut(call_id).unwrap_or_else(|| panic!("no call for {entry}")).1.push(entry);
        }
        log
    }
}
