//! Receivers of webhooks that mean ill: they answer without end, or drop by drop, or with nonsense.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::Besieged;
use super::raw::Raw;
use crate::harness::eventually;
use crate::receiver::Receiver;

/// What such a receiver does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    BodyWithoutEnd,
    HeadWithoutEnd,
    HeadInDrops,
    BodyInDrops,
    ManyHints,
    Nonsense,
    Nothing,
}

const ALL: [(Answer, &str); 7] = [
    (Answer::BodyWithoutEnd, "delivered"),
    (Answer::HeadWithoutEnd, "waiting"),
    (Answer::HeadInDrops, "waiting"),
    (Answer::BodyInDrops, "delivered"),
    (Answer::ManyHints, "waiting"),
    (Answer::Nonsense, "waiting"),
    (Answer::Nothing, "waiting"),
];

#[actix_web::test]
async fn no_receiver_holds_up_the_others_or_fills_the_memory() {
    let server = Besieged::start(&["--webhook-allow=127.0.0.0/8", "--webhook-timeout-s=2"]);
    let good = Receiver::start();
    let (before, _) = server.program.memory_mib();
    let mut hooks = Vec::new();
    for (answer, _) in ALL {
        let hook = json!({ "url": hostile(answer).await });
        hooks.push(server.admin.post_json("/api/v1/webhooks", &hook).await.is(201).json()["id"].clone());
    }
    server.admin.post_json("/api/v1/webhooks", &json!({ "url": good.url })).await.is(201);
    for call in 0..20 {
        let form = format!("event=newCall&direction=in&from=493023125000&callId={call}");
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{form}",
            server.path,
            form.len()
        );
        assert_eq!(Raw::to(server.address).await.ask(request).await.status, 200);
    }
    eventually("the good receiver is told of all", async || good.heard().len() == 20).await;
    for ((answer, state), hook) in ALL.iter().zip(&hooks) {
        let first = async || {
            let path = format!("/api/v1/webhooks/{hook}/deliveries?limit=500");
            let rows = server.admin.get_json(&path).await["data"].as_array().unwrap().clone();
            rows.into_iter().next_back().unwrap()
        };
        eventually(&format!("{answer:?} was tried"), async || {
            let row = first().await;
            row["state"] == "delivered" || row["error"].is_string()
        })
        .await;
        let row = first().await;
        assert_eq!(row["state"], *state, "{answer:?}: {row}");
        assert!(row["answer"].as_str().is_none_or(|answer| answer.len() <= 1024 * 3), "{row}");
    }
    let (_, peak) = server.program.memory_mib();
    assert!(peak - before < 64.0, "from {before} to {peak} MiB");
    let page: Value = server.admin.get_json("/readyz").await;
    assert_eq!(page["status"], "ok");
}

/// The URL of a receiver that answers like that.
async fn hostile(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    actix_web::rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            actix_web::rt::spawn(async move { drop(speak(stream, answer).await) });
        }
    });
    url
}

async fn speak(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _some = stream.read(&mut request).await?;
    let ok = "HTTP/1.1 200 OK\r\n";
    let (begin, piece, pause) = match answer {
        Answer::BodyWithoutEnd => (format!("{ok}Content-Length: 99999999999\r\n\r\n"), "a".repeat(65_536), 0),
        Answer::HeadWithoutEnd => (ok.into(), format!("x: {}\r\n", "a".repeat(8_192)), 0),
        Answer::HeadInDrops => (ok.into(), "x: y\r\n".into(), 100),
        Answer::BodyInDrops => (format!("{ok}Content-Length: 100000\r\n\r\n"), "a".into(), 100),
        Answer::ManyHints => (String::new(), "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".into(), 0),
        Answer::Nonsense => ("\u{1}\u{2}nonsense\r\n\r\n".into(), "more".into(), 100),
        Answer::Nothing => (String::new(), String::new(), 100),
    };
    stream.write_all(begin.as_bytes()).await?;
    loop {
        stream.write_all(piece.as_bytes()).await?;
        sleep(Duration::from_millis(pause)).await;
    }
}
