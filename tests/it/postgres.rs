//! A throw-away PostgreSQL, started from the installed programs, and a fresh database in it for each test.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

/// Of the user `postgres`, over TCP. By the socket no password is asked for.
pub const PASSWORD: &str = "fictitious";

/// Waits for its standard input to end, which it does with the process that started it, however that ends.
const KEEPER: &str = r#"
"$1/postgres" -D "$2" >"$2/log" 2>&1 &
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait $!
rm -rf "$2"
"#;

/// A running server with its data. It ends and is deleted when this is dropped or the process ends.
pub struct Cluster {
    /// Where its files and its socket are.
    pub folder: PathBuf,
    /// On 127.0.0.1.
    pub port: u16,
    user: Option<(u32, u32)>,
    /// The last one's server is the one that runs.
    keepers: Vec<Child>,
}

impl Cluster {
    /// Starts one. Only a `durable` one waits for the disk.
    pub fn start(durable: bool) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("hookswitch-pg-").tempdir_in(roomy()).unwrap().keep();
        let user = user(&folder);
        let password_file = folder.with_extension("password");
        std::fs::write(&password_file, PASSWORD).unwrap();
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
            chown(&password_file, Some(uid), Some(gid)).unwrap();
        }
        let made = run_as(user, Command::new(programs.join("initdb")))
            .current_dir(&folder)
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password_file.display()))
            .arg(&folder)
            .output()
            .unwrap();
        std::fs::remove_file(&password_file).unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let on = if durable { "on" } else { "off" };
        let settings = format!(
            "listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories='{}'\nmax_connections=300\n\
             fsync={on}\nsynchronous_commit={on}\nfull_page_writes={on}\nautovacuum=off\n",
            folder.display()
        );
        std::fs::write(folder.join("postgresql.auto.conf"), settings).unwrap();
        let mut cluster = Self { folder, port, user, keepers: Vec::new() };
        cluster.begin();
        cluster
    }

    /// Starts the server, for the first time or after it was ended.
    pub fn begin(&mut self) {
        let keeper = run_as(self.user, Command::new("sh"))
            .current_dir(&self.folder)
            .args(["-c", KEEPER, "keeper"])
            .args([&programs(), &self.folder])
            .stdin(Stdio::piped())
            .process_group(0) // Ctrl-C reaches us alone; the keeper still tidies up
            .spawn()
            .unwrap();
        self.keepers.push(keeper);
        self.wait_until_up();
    }

    /// Ends the server: by INT it cuts all connections and stops in order; by KILL all its processes are gone at once.
    /// Returns when they are.
    pub fn end(&self, signal: &str) {
        let pids = std::fs::read_to_string(self.folder.join("postmaster.pid")).unwrap();
        let first = pids.lines().next().unwrap().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        let all: Vec<&str> = std::iter::once(first.as_str()).chain(children.split_whitespace()).collect();
        let told = if signal == "KILL" { &all[..] } else { &all[..1] };
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", told.join(" "))]).status();
        assert!(sent.unwrap().success());
        let begun = Instant::now();
        let lives = |pid: &&str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
        };
        while all.iter().any(lives) {
            assert!(begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The URL of a database in it, by its socket.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{database}", self.port)
    }

    /// Makes an empty database; its URL.
    pub fn new_database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let mut db = PgConnection::establish(&self.url("postgres")).unwrap();
        db.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    fn wait_until_up(&self) {
        let begun = Instant::now();
        while let Err(e) = PgConnection::establish(&self.url("postgres")) {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not start: {e}\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for mut keeper in self.keepers.drain(..).rev() {
            drop(keeper.stdin.take());
            let _tidied = keeper.wait();
        }
    }
}

/// The one that all tests of this process share; nobody drops it, but its keeper sees the process end.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(false))
}

/// Memory where there is plenty, since a small disk would be the slowest thing here.
pub fn roomy() -> PathBuf {
    let free = Command::new("df").args(["-Pk", "/dev/shm"]).output().ok();
    let table = free.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let kib: Option<u64> = table.lines().nth(1).and_then(|row| row.split_whitespace().nth(3)?.parse().ok());
    if kib.is_some_and(|kib| kib > 4_000_000) { "/dev/shm".into() } else { std::env::temp_dir() }
}

/// Who runs it in our stead, as user and group: PostgreSQL refuses root. `folder` is ours: its owner is who we are.
fn user(folder: &Path) -> Option<(u32, u32)> {
    if std::fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user other than root, for PostgreSQL"))
}

fn run_as(user: Option<(u32, u32)>, mut command: Command) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// One of PostgreSQL's own commands, such as `pg_dump`.
pub fn command(name: &str) -> Command {
    Command::new(programs().join(name))
}

/// The folder of `initdb` and `postgres`: as `pg_config` says, where Debian has it, or on the PATH.
fn programs() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|out| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    told.into_iter()
        .chain(debian.map(|version| version.path().join("bin")))
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("PostgreSQL's server programs: `apt-get install postgresql`")
}
