//! A proxy before the server, which says 502 while the server is away, as those of the world do.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::harness::TestApp;

const AWAY: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
    <html><body><h1>502 Bad Gateway</h1></body></html>";

/// It serves as long as the test's runtime does.
pub struct Proxy {
    /// No slash at the end.
    pub base_url: String,
    away: Arc<watch::Sender<bool>>,
    refused: watch::Receiver<Vec<String>>,
}

impl Proxy {
    /// Before that server.
    pub fn before(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let server = app.base_url.trim_start_matches("http://").to_owned();
        let (away, (refusing, refused)) = (Arc::new(watch::Sender::new(false)), watch::channel(Vec::new()));
        let told = away.clone();
        listener.set_nonblocking(true).unwrap();
        actix_web::rt::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let refusing = Arc::new(refusing);
            while let Ok((client, _)) = listener.accept().await {
                actix_web::rt::spawn(serve(client, server.clone(), told.subscribe(), refusing.clone()));
            }
        });
        Self { base_url, away, refused }
    }

    /// From now on every request is answered 502, and what is open ends; or that is over.
    pub fn server_is_away(&self, away: bool) {
        self.away.send_replace(away);
    }

    /// Has such a request been refused?
    pub fn refused(&self, path: &str) -> bool {
        self.refused.borrow().iter().any(|line| line.split(' ').nth(1).is_some_and(|it| it.starts_with(path)))
    }
}

async fn serve(
    mut client: TcpStream,
    server: String,
    mut away: watch::Receiver<bool>,
    refusing: Arc<watch::Sender<Vec<String>>>,
) {
    if *away.borrow() {
        let mut begin = vec![0; 8192];
        let size = client.read(&mut begin).await.unwrap_or(0);
        let line = String::from_utf8_lossy(&begin[..size]).lines().next().unwrap_or_default().to_owned();
        refusing.send_modify(|refused| refused.push(line));
        client.write_all(AWAY.as_bytes()).await.ok();
        return;
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = away.wait_for(|away| *away) => {}
    }
}
