//! Who follows calls on the event stream, as a browser does.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::client::Client;

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// The cursor with it.
    pub id: i64,
    /// JSON.
    pub data: Value,
}

impl Event {
    /// Name and call id.
    pub fn told(&self) -> (&str, &str) {
        (&self.name, self.data["call_id"].as_str().unwrap_or_default())
    }
}

/// An open stream.
pub struct Follower {
    response: Response,
    unread: Vec<u8>,
    lines: VecDeque<String>,
    /// The last id that came.
    pub cursor: i64,
    name: String,
    data: String,
}

impl Follower {
    /// Connects. It is there, and hears what happens from now on, when this returns.
    pub async fn open(client: &Client, query: &str, last_event_id: Option<i64>) -> Self {
        let request = client.request(Method::GET, &format!("/api/v1/stream?{query}"));
        let request = request.timeout(Duration::from_secs(600));
        let request = last_event_id.into_iter().fold(request, |r, id| r.header("Last-Event-ID", id));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (name, data) = (String::new(), String::new());
        let mut it = Self { response, unread: Vec::new(), lines: VecDeque::new(), cursor: -1, name, data };
        while it.cursor < 0 {
            assert!(it.read().await, "it says where it begins");
            assert!(it.take().is_none(), "and nothing before that");
        }
        it
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.take() {
                return Some(event);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The next events: so many.
    pub async fn some(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.expect("the stream goes on"));
        }
        events
    }

    /// Reads what came. `false` at the end, or where the other side is gone.
    async fn read(&mut self) -> bool {
        let Ok(Some(bytes)) = self.response.chunk().await else { return false };
        self.unread.extend_from_slice(&bytes);
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            self.lines.push_back(String::from_utf8(line).unwrap().trim_end().to_owned());
        }
        true
    }

    /// An event from the lines that are there.
    fn take(&mut self) -> Option<Event> {
        while let Some(line) = self.lines.pop_front() {
            match line.split_once(':') {
                Some(("event", name)) => self.name = name.trim().into(),
                Some(("id", id)) => self.cursor = id.trim().parse().unwrap(),
                Some(("data", data)) => self.data += data.trim(),
                Some(("" | "retry", _)) => {}
                None if line.is_empty() && self.data.is_empty() => {}
                None if line.is_empty() => {
                    let data = serde_json::from_str(&std::mem::take(&mut self.data)).unwrap();
                    return Some(Event { name: std::mem::take(&mut self.name), id: self.cursor, data });
                }
                _ => panic!("no line of an event stream: {line}"),
            }
        }
        None
    }
}
