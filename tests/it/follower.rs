//! Who follows calls on the event stream, as a browser does.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::client::Client;

/// How long an event may take; signs of life do not count.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// The last id that came with a whole event, or alone.
    pub cursor: i64,
    id: i64,
    name: String,
    data: String,
}

impl Follower {
    /// Connects. It is there, and hears what happens from now on, when this returns.
    pub async fn open(client: &Client, query: &str, last_event_id: Option<i64>) -> Self {
        Self::try_open(client, query, last_event_id).await.expect("the server is there")
    }

    /// The same; `None` where the server is not there, or its database.
    pub async fn try_open(client: &Client, query: &str, last_event_id: Option<i64>) -> Option<Self> {
        let request = client.request(Method::GET, &format!("/api/v1/stream?{query}"));
        let request = request.timeout(Duration::from_secs(600));
        let request = last_event_id.into_iter().fold(request, |r, id| r.header("Last-Event-ID", id));
        let response = request.send().await.ok().filter(|response| response.status() != 503)?;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (name, data) = (String::new(), String::new());
        let (unread, lines) = (Vec::new(), VecDeque::new());
        let mut it = Self { response, unread, lines, cursor: -1, id: -1, name, data };
        while !it.begins() {
            if !tokio::time::timeout(PATIENCE, it.read()).await.expect("a beginning in time") {
                return None;
            }
        }
        Some(it)
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        let next = async {
            loop {
                if let Some(event) = self.take() {
                    return Some(event);
                }
                if !self.read().await {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("an event in time")
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

    /// Is the cursor there, which comes before anything else?
    fn begins(&mut self) -> bool {
        while let Some(line) = self.lines.pop_front() {
            match line.split_once(':') {
                Some(("id", id)) => self.id = id.trim().parse().unwrap(),
                Some(("" | "retry", _)) => {}
                None if line.is_empty() => {
                    self.cursor = self.id;
                    return true;
                }
                _ => panic!("nothing comes before the cursor: {line}"),
            }
        }
        false
    }

    /// An event from the lines that are there.
    fn take(&mut self) -> Option<Event> {
        while let Some(line) = self.lines.pop_front() {
            match line.split_once(':') {
                Some(("event", name)) => self.name = name.trim().into(),
                Some(("id", id)) => self.id = id.trim().parse().unwrap(),
                Some(("data", data)) => self.data += data.trim(),
                Some(("" | "retry", _)) => {}
                None if line.is_empty() && self.data.is_empty() => self.cursor = self.id,
                None if line.is_empty() => {
                    self.cursor = self.id;
                    let data = serde_json::from_str(&std::mem::take(&mut self.data)).unwrap();
                    return Some(Event { name: std::mem::take(&mut self.name), id: self.cursor, data });
                }
                _ => panic!("no line of an event stream: {line}"),
            }
        }
        None
    }
}
