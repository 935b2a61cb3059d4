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

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::harness::{TestDatabase, eventually};
use crate::program::Program;
use kamailio::Kamailio;
use sipp::{Sipp, wait_for_port};
use stories::{Callee, Caller};

/// Whom everybody calls; fictitious, as all numbers here are.
const TO: &str = "493023125011";

/// Of the settings: several processes may pass on a 200 before the 180 that came first, which SIPp does not expect.
const IN_ORDER: (&str, &str) = ("READERS!4", "READERS!1");

/// The program, a switch that asks it, and where both keep their files.
struct Scene {
    key: String,
    kamailio: Kamailio,
    hookswitch: Program,
    database: TestDatabase,
    /// The address at which the program serves, also after a restart.
    address: String,
}

impl Scene {
    /// `changes` are lines of examples/kamailio/settings.cfg that differ, old and new.
    fn start(changes: &[(&str, &str)]) -> Self {
        Self::start_with(&[], changes)
    }

    /// The same, with flags of `hookswitch serve`.
    fn start_with(flags: &[&str], changes: &[(&str, &str)]) -> Self {
        let database = TestDatabase::new();
        let mut hookswitch = Program::start(&database, flags);
        let (url, key) = (hookswitch.told("PBX URL:"), hookswitch.told("Key:"));
        let address = hookswitch.url.strip_prefix("http://").unwrap().into();
        let kamailio = Kamailio::start(database.folder.path(), url.split(' ').next().unwrap(), changes);
        Self { key, kamailio, hookswitch, database, address }
    }

    /// The program again, on the same database and address.
    fn start_again(&mut self) {
        self.hookswitch = Program::start_at(&self.address, &self.database, &[]);
    }

    /// A new one each time: while telephones speak nobody looks after its connections, and the server closes them.
    fn admin(&self) -> Client {
        Client::new(&format!("http://{}", self.address), Some(self.key.clone()))
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

    /// So many calls through the provider, so many each second; each is answered at once and lasts half a second.
    fn load(&self, name: &str, each_second: usize, calls: usize) -> Load {
        let calls = calls.to_string();
        let folder = self.folder();
        let (rate, short) = (each_second.to_string(), Sipp::file(&folder, name, "short"));
        let callee = self.callee(name, true, Callee::AnswersAtOnce, &["-m", &calls]).unwrap();
        let args = ["-m", &calls, "-r", &rate, "-d", "500", "-trace_shortmsg", "-shortmessage_file", &short];
        Load { caller: self.caller(name, true, Caller::HangsUp, "493055571600", &args), callee }
    }

    /// The calls that were answered and hung up, as the log says, once it says so of `number`; each is there once.
    async fn answered(&self, number: usize) -> Vec<Value> {
        let path = "/api/v1/calls?outcome=answered&cause=normalClearing";
        let mut calls = Vec::new();
        while calls.len() < number {
            let known = calls.len(); // the switch may have many events to tell: it is waited for while they come
            eventually(&format!("the log holds more than {known} of {number} calls"), async || {
                calls = self.admin().rows(path, |_| true).await;
                calls.len() > known
            })
            .await;
        }
        let ids: BTreeSet<_> = calls.iter().map(|call| call["call_id"].as_str().unwrap()).collect();
        assert_eq!((calls.len(), ids.len()), (number, number));
        calls
    }

    fn folder(&self) -> PathBuf {
        self.database.folder.path().to_owned()
    }

    /// The caller log by call id, and each call's requests in the order in which they came.
    async fn log(&self) -> BTreeMap<String, (Value, Vec<Value>)> {
        let calls = self.admin().rows("/api/v1/calls", |_| true).await;
        let id = |call: Value| (call["call_id"].as_str().unwrap().to_owned(), (call, Vec::new()));
        let mut log: BTreeMap<_, _> = calls.into_iter().map(id).collect();
        for entry in self.admin().rows("/api/v1/pbxes/1/journal", |_| true).await.into_iter().rev() {
            let Some(call_id) = entry["params"]["callId"].as_str() else { continue };
            log.get_mut(call_id).unwrap_or_else(|| panic!("no call for {entry}")).1.push(entry);
        }
        log
    }
}

/// Calls under way.
struct Load {
    caller: Sipp,
    callee: Sipp,
}

impl Load {
    /// Waits until all are over; none may have failed. How long each took to ring.
    fn finish(mut self) -> Vec<Duration> {
        let patience = Duration::from_secs(90);
        self.caller
            .finish(patience)
            .unwrap_or_else(|e| panic!("calls failed: {e}, {} made", self.caller.calls()));
        self.callee.finish(patience).unwrap_or_else(|e| panic!("calls failed at the callee: {e}"));
        self.caller.delays()
    }
}
