//! The real program, as a person or a container starts it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crate::harness::TestDatabase;

/// The program in `folder`, with nothing set but what the test says. `TEST_PROGRAM` names another build of it.
pub fn hookswitch(folder: &Path, args: &[&str]) -> Command {
    let built = std::env::var_os("TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookswitch").into());
    let mut command = Command::new(std::path::absolute(built).unwrap()); // it runs in another folder
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HOOKSWITCH_") || text == "DATABASE_URL" || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).args(args);
    command
}

/// Runs a command on that database to its end.
pub fn run(database: &TestDatabase, args: &[&str]) -> Output {
    hookswitch(database.folder.path(), args).env("DATABASE_URL", &database.url).output().unwrap()
}

/// What it printed, where it went well.
#[track_caller]
pub fn printed(output: Output) -> String {
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{complained}");
    said
}

/// The one line with which it gave up, where it gave up as it should: exit code 1, no more than that line.
#[track_caller]
pub fn gave_up(output: Output) -> String {
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}{complained}");
    assert_eq!(said, "");
    assert_eq!(complained.lines().count(), 1, "{complained}");
    complained.trim_end().strip_prefix("hookswitch: ").unwrap().into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server of its own process. It is killed when it is dropped.
pub struct Program {
    /// As it said: no slash at the end.
    pub url: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Program {
    /// Starts it on a free port and waits until it says that it serves.
    pub fn start(database: &TestDatabase, flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", database, flags)
    }

    /// Starts it at that address.
    pub fn start_at(address: &str, database: &TestDatabase, flags: &[&str]) -> Self {
        Self::start_in(&[], address, database, flags)
    }

    /// Starts it with more in its environment.
    pub fn start_in(
        environment: &[(&str, &str)],
        address: &str,
        database: &TestDatabase,
        flags: &[&str],
    ) -> Self {
        let log = database.folder.path().join("log");
        let mut child = hookswitch(database.folder.path(), &["--listen", address])
            .args(flags)
            .env("DATABASE_URL", &database.url)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { url: String::new(), child, stdout, log };
        let first = program.line();
        let url = first.split_whitespace().find(|word| word.starts_with("http://"));
        program.url = url.unwrap_or_else(|| panic!("{first}{}", program.log())).into();
        program
    }

    /// The next line that it prints; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    /// What stands behind `label` on the next line that begins with it. No later line can be asked for twice.
    pub fn told(&mut self, label: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it never said {label}\n{}", self.log());
            if let Some(rest) = line.strip_prefix(label) {
                return rest.trim().into();
            }
        }
    }

    /// Tells it to stop, as containers do. The rest of what it prints is in the answer, and its exit code.
    pub fn stop(self) -> (String, Option<i32>) {
        self.signal("TERM");
        self.ended()
    }

    /// Waits until it has ended by itself. The rest of what it prints, and its exit code.
    pub fn ended(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory now, and at its peak so far, in MiB.
    pub fn memory_mib(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// Waits until it has ended by itself; its exit code.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it on the spot: it cannot do anything about it (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
