//! A real HTTP server that webhooks are sent to.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Its body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.body))
    }

    /// Which event of which call, of a JSON body.
    pub fn told(&self) -> (String, String) {
        let json = self.json();
        (json["data"]["call_id"].as_str().unwrap().into(), json["type"].as_str().unwrap().into())
    }
}

/// It hears, remembers, and answers as it was told. Dropped, it is gone.
pub struct Receiver {
    /// No slash at the end.
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    handle: ServerHandle,
}

impl Receiver {
    /// One that answers 204 to everything.
    pub fn start() -> Self {
        Self::answering(|_, _| HttpResponse::NoContent().finish())
    }

    /// One that answers like that; the number counts what it heard before.
    pub fn answering(answer: impl Fn(&Heard, usize) -> HttpResponse + Send + Sync + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Vec::<Heard>::new()));
        let (remembered, answer) = (heard.clone(), Arc::new(answer));
        let server = HttpServer::new(move || {
            let (remembered, answer) = (remembered.clone(), answer.clone());
            App::new().default_service(web::to(move |request: HttpRequest, body: Bytes| {
                let one = read(&request, &body);
                let before = {
                    let mut all = remembered.lock().unwrap();
                    all.push(one.clone());
                    all.len() - 1
                };
                let answer = answer(&one, before);
                async move { answer }
            }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.shutdown_timeout(0).run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, heard, handle }
    }

    /// All that it heard, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The events that it was told, as JSON, in order.
    pub fn told(&self) -> Vec<(String, String)> {
        self.heard().iter().map(Heard::told).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false)); // told; it need not be waited for
    }
}

fn read(request: &HttpRequest, body: &Bytes) -> Heard {
    let header =
        |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        };
    Heard {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: request.headers().iter().map(header).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
        at: Instant::now(),
    }
}
