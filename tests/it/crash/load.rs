//! Many clients at once, each with calls of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::client::Client;

/// At once.
const CLIENTS: usize = 16;

/// How many of its three events were answered, by call id.
pub type Answered = BTreeMap<String, usize>;

/// What a client sends of each call, in this order.
pub const STORY: [(&str, &str); 3] = [("newCall", ""), ("answer", ""), ("hangup", "normalClearing")];

/// Posts calls, each event once, until the server is gone, which `end` sees to: it begins once that many answers came, and is given those.
/// The calls' queue is named for the round.
pub async fn load(url: &str, round: usize, after: usize, end: impl AsyncFnOnce(Answered)) -> Answered {
    let answered = Rc::new(RefCell::new(Answered::new()));
    let (count, enough) = (Rc::new(Cell::new(0)), Rc::new(Notify::new()));
    let http = Client::new("", None).http;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (answered, count, enough) = (answered.clone(), count.clone(), enough.clone());
            let (http, url) = (http.clone(), url.to_owned());
            actix_web::rt::spawn(async move {
                for number in 0.. {
                    let call_id = format!("r{round}-c{client}-{number}");
                    for (event, cause) in STORY {
                        let fields = [
                            ("event", event),
                            ("direction", "in"),
                            ("callId", &call_id),
                            ("from", &format!("4930{:07}", client * 1000 + number)),
                            ("to", "4930231250"),
                            ("queue", &format!("r{round}")),
                            ("cause", cause),
                        ];
                        match http
                            .post(&url)
                            .form(&fields)
                            .send()
                            .await
                            .map(|answer| answer.status().as_u16())
                        {
                            Ok(200) => {}
                            Ok(503) => break, // a disk that was too busy: that call is not asked for, the next is
                            _ => return,
                        }
                        *answered.borrow_mut().entry(call_id.clone()).or_default() += 1;
                        count.set(count.get() + 1);
                        if count.get() == after {
                            enough.notify_one();
                        }
                    }
                }
            })
        })
        .collect();
    enough.notified().await;
    let until_now = answered.borrow().clone();
    end(until_now).await;
    for client in clients {
        client.await.unwrap();
    }
    answered.take()
}
