//! Those who ask the server: people and programs with a key, PBXes without one.

use std::time::Duration;

use hookswitch::outbound;
use reqwest::{ClientBuilder, Method, RequestBuilder};
use serde_json::Value;

/// Somebody who asks, with a key or without.
pub struct Client {
    /// `hsk_…`
    pub key: Option<String>,
    /// To send what the methods here do not.
    pub http: reqwest::Client,
    base_url: String,
}

impl Client {
    /// For the server at `base_url`. Connections are not shared with other tests: each has a runtime of its own.
    pub fn new(base_url: &str, key: Option<String>) -> Self {
        let configure = |builder: ClientBuilder| builder.no_proxy().timeout(Duration::from_secs(30));
        Self { key, http: outbound::client(configure).unwrap(), base_url: base_url.into() }
    }

    /// GET, and the JSON of a 200.
    pub async fn get_json(&self, path: &str) -> Value {
        self.get(path).await.is(200).json()
    }

    /// One value of /metrics, by its name with its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics").await.is(200).body;
        let line = page.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// All rows of a list, page by page, up to the first that is not `wanted`.
    pub async fn rows(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get_json(&format!("{path}{joint}limit=500&cursor={cursor}")).await;
            for row in page["data"].as_array_mut().unwrap().drain(..) {
                if !wanted(&row) {
                    return rows;
                }
                rows.push(row);
            }
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return rows,
            }
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Any method with a JSON body: `post_json`, `put` and `patch` in one.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    /// POST with a JSON body.
    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// A request with this client's key, to be finished by the test and given to `send`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        self.key.iter().fold(request, |request, key| request.bearer_auth(key))
    }

    /// Sends it and reads the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All of them.
    pub headers: reqwest::header::HeaderMap,
    /// As sent.
    pub body: String,
}

impl Answer {
    /// With this status, or the test fails and shows what it was instead.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Its body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.body))
    }

    /// A header's text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
