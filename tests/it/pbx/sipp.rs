//! SIPp: telephones that play a scenario.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A SIPp at work. Killed when it is dropped.
pub struct Sipp {
    child: Child,
    folder: PathBuf,
    name: String,
}

impl Sipp {
    /// Starts it at `port`, with its files in `folder`. Its call ids begin with `name`.
    pub fn start(folder: &Path, name: &str, scenario: &str, port: u16, args: &[&str]) -> Self {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        std::fs::write(file("xml"), scenario).unwrap();
        let child = Command::new("sipp")
            .current_dir(folder)
            .arg("-sf")
            .arg(file("xml"))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin", "-trace_err", "-error_file"])
            .arg(file("errors"))
            .args(["-cid_str", &format!("{name}-%u")])
            .args(args)
            .stdin(Stdio::null())
            .stdout(File::create(file("screen")).unwrap())
            .stderr(File::create(file("stderr")).unwrap())
            .spawn()
            .unwrap_or_else(|e| panic!("sipp: {e} (on Debian: apt-get install sip-tester)"));
        Self { child, folder: folder.into(), name: name.into() }
    }

    /// Waits until it has played all of its calls; an error where one went wrong.
    pub fn finish(&mut self, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = || format!("{}{}", self.text("errors"), self.text("stderr"));
                return if status.success() { Ok(()) } else { Err(format!("{status}: {}", said())) };
            }
            if begun.elapsed() > patience {
                std::process::Command::new("cp")
                    .arg("-r")
                    .arg(&self.folder)
                    .arg("/tmp/s2/kept")
                    .status()
                    .unwrap();
                self.child.kill().unwrap();
                let (errors, screen) = (self.text("errors"), self.text("screen"));
                let last = screen.rfind("----- Scenario Screen").map_or("", |at| &screen[at..]);
                return Err(format!("not done within {patience:?}: {errors}\n{last}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What one of its files holds; empty where there is none.
    pub fn text(&self, ending: &str) -> String {
        let bytes = std::fs::read(self.folder.join(format!("{}.{ending}", self.name))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How many calls it has made.
    pub fn calls(&self) -> usize {
        self.text("short").lines().filter(|line| line.contains("\tS\t") && line.contains("\tINVITE ")).count()
    }

    /// The time from each call's INVITE until the callee rang or answered, in order of length.
    pub fn delays(&self) -> Vec<Duration> {
        let mut begun = BTreeMap::new();
        let mut delays = Vec::new();
        for line in self.text("short").lines() {
            // date, time, seconds since 1970, R or S, call id, CSeq, first line
            let [_, _, at, _, call_id, _, first] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
            let at: f64 = at.parse().unwrap();
            if first.starts_with("INVITE ") {
                begun.entry(call_id.to_owned()).or_insert(at); // the first of its repetitions
            } else if (first.contains(" 180 ") || first.contains(" 200 "))
                && let Some(begun) = begun.remove(call_id)
            {
                delays.push(Duration::from_secs_f64(at - begun));
            }
        }
        delays.sort_unstable();
        delays
    }

    /// The path of one of its files, for its options.
    pub fn file(folder: &Path, name: &str, ending: &str) -> String {
        folder.join(format!("{name}.{ending}")).display().to_string()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Different ports on 127.0.0.1 that nobody uses.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    held.map(|socket| socket.local_addr().unwrap().port())
}

/// Waits until somebody listens there.
pub fn wait_for_port(port: u16) {
    let begun = Instant::now();
    let local = format!("0100007F:{port:04X}");
    while !std::fs::read_to_string("/proc/net/udp").unwrap().contains(&local) {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody listens at UDP port {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
