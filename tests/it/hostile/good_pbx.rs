//! A PBX that means well and calls steadily, on threads of its own, so that whoever is hostile in this process does not
//! stand in its way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// So many at once; every other one connects anew for each event, as most PBXes do.
const LINES: usize = 8;
/// Between two events of one line: 200 events per second in all.
const PACE: Duration = Duration::from_millis(40);

/// It calls until it is told to stop.
pub struct GoodPbx {
    stop: Arc<AtomicBool>,
    lines: Vec<JoinHandle<Vec<f64>>>,
}

/// How soon it was answered; a connection that it took is in that time.
#[derive(Debug, Default)]
pub struct Latency {
    pub events: usize,
    pub p99_ms: f64,
}

impl GoodPbx {
    /// Begins.
    pub fn calls(server: SocketAddr, path: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let line = |line| {
            let (stop, path) = (stop.clone(), path.to_owned());
            spawn(move || call(server, &path, line, &stop))
        };
        Self { lines: (0..LINES).map(line).collect(), stop: stop.clone() }
    }

    /// Stops. Every event was answered as it should be, or the test fails.
    pub fn stops(self) -> Latency {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: Vec<f64> =
            self.lines.into_iter().flat_map(|line| line.join().expect("each event is answered")).collect();
        all.sort_by(f64::total_cmp);
        Latency { events: all.len(), p99_ms: all[(all.len() - 1) * 99 / 100] }
    }
}

fn call(server: SocketAddr, path: &str, line: usize, stop: &AtomicBool) -> Vec<f64> {
    let (mut kept, mut taken) = (None, Vec::new());
    for number in 0.. {
        for event in ["newCall", "answer", "hangup"] {
            if stop.load(Ordering::Relaxed) && !taken.is_empty() {
                return taken;
            }
            let form = format!(
                "event={event}&direction=in&from=4930{:07}&to=4930231250&cause=normalClearing\
                 &callId=good-{:?}-{number}",
                number % 1000,
                std::thread::current().id()
            );
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: pbx\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                form.len()
            );
            let begun = Instant::now();
            let connection = kept.take().unwrap_or_else(|| connect(server));
            let connection = ask(connection, &request);
            taken.push(begun.elapsed().as_secs_f64() * 1000.0);
            if line.is_multiple_of(2) {
                kept = Some(connection);
            }
            sleep(PACE.saturating_sub(begun.elapsed()));
        }
    }
    taken
}

fn connect(server: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, Duration::from_secs(10)).expect("it is let in");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    BufReader::new(stream)
}

fn ask(mut connection: BufReader<TcpStream>, request: &str) -> BufReader<TcpStream> {
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
    connection.read_line(&mut status).unwrap();
    while line != "\r\n" {
        line.clear();
        connection.read_line(&mut line).unwrap();
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    assert!(
        status.starts_with("HTTP/1.1 200") && body == b"{}",
        "{status}{}",
        String::from_utf8_lossy(&body)
    );
    connection
}
