//! Kamailio with examples/kamailio, as its README tells people to start it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::sipp::{free_ports, wait_for_port};

/// A running Kamailio. Ended when it is dropped.
pub struct Kamailio {
    /// Where it takes calls.
    pub port: u16,
    /// Where its provider must be: who calls from here calls in.
    pub provider: u16,
    /// Where its PBX must be.
    pub pbx: u16,
    child: Child,
}

impl Kamailio {
    /// Starts it for that URL; `changes` are lines of settings.cfg that differ, old and new.
    pub fn start(folder: &Path, url: &str, changes: &[(&str, &str)]) -> Self {
        let [port, provider, pbx] = free_ports();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kamailio");
        let mut settings = std::fs::read_to_string(example.join("settings.cfg")).unwrap();
        let here = |port: u16| format!("127.0.0.1:{port}");
        let ours = [
            ("http://127.0.0.1:8080/api/v1/cti/TOKEN", url.to_owned()),
            ("127.0.0.1:5060", here(port)),
            ("127.0.0.1:5080", here(provider)),
            ("127.0.0.1:5070", here(pbx)),
            ("RINGING_MS 120000", "RINGING_MS 2500".into()),
        ];
        let ours = ours.iter().map(|(old, new)| (*old, new.as_str()));
        for (old, new) in ours.chain(changes.iter().copied()) {
            assert!(settings.contains(old), "settings.cfg has no {old}");
            settings = settings.replace(old, new);
        }
        std::fs::write(folder.join("settings.cfg"), settings).unwrap();
        std::fs::copy(example.join("kamailio.cfg"), folder.join("kamailio.cfg")).unwrap();
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"]) // no daemon; log to stderr; MB of memory
            .arg(folder.join("kamailio.cfg"))
            .arg("-Y")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("kamailio.log")).unwrap())
            .spawn()
            .unwrap_or_else(|e| panic!("kamailio: {e} (on Debian: see examples/kamailio/README.md)"));
        let started = Self { port, provider, pbx, child };
        wait_for_port(port);
        started
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // its first process ends the others when it is told to
        let _gone = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        let _ended = self.child.wait();
    }
}
