//! Brings the spool to the database, as often as it takes.

use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::web::Data;

use crate::app::App;
use crate::store::writer::Replayed;

/// How long the database is left alone after it took nothing.
const AGAIN: Duration = Duration::from_millis(100);

/// For ever (the server's end ends it).
pub async fn run(app: Data<App>) {
    loop {
        app.store.spool.filled().await;
        match app.store.writer.replay(app.snapshot()).await {
            Ok(Replayed::Some | Replayed::All) => {}
            Ok(Replayed::None) => sleep(AGAIN).await,
            Err(_stopping) => return,
        }
    }
}
