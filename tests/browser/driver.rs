//! The one chromedriver of this process, started when the first test asks for it.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Waits for its standard input to end, which it does with the process that started it, however that ends. Browsers
/// that a failed test left open end, too, and what browsers leave lying about is taken away.
const KEEPER: &str = r#"
export TMPDIR="$(mktemp -d)"
chromedriver --port="$1" >/dev/null 2>&1 &
cat >/dev/null
pkill -P $!
kill $!
wait
rm -rf "$TMPDIR"
"#;

struct Driver {
    port: u16,
    /// Holds the pipe open.
    _keeper: Child,
}

/// Where it listens.
pub fn url() -> String {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    format!("http://127.0.0.1:{}", DRIVER.get_or_init(start).port)
}

fn start() -> Driver {
    let there = Command::new("chromedriver").arg("--version").output();
    assert!(there.is_ok_and(|said| said.status.success()), "apt-get install chromium chromium-driver");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let keeper = Command::new("sh")
        .args(["-c", KEEPER, "keeper", &port.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "chromedriver does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Driver { port, _keeper: keeper }
}
