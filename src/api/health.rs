//! What an operator's machines ask.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use tokio::time::timeout;

use crate::app::App;
use crate::call::Moment;
use crate::clock;
use crate::error::{Error, Problem, Result};
use crate::store;

/// How long the database may take to answer for itself: a balancer asks often.
const PATIENCE: Duration = Duration::from_secs(1);

/// A word that all is well.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`; or `degraded`: the database is away, PBXes are answered from memory, and events go to the spool.
    status: &'static str,
}

/// Is the process there?
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = Health)))]
#[get("/healthz", wrap = "super::headers()")]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Can it serve PBXes? With the database, or without it while the spool has room.
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = Health), (status = 503, body = Problem, content_type = "application/problem+json")))]
#[get("/readyz", wrap = "super::headers()")]
pub async fn readyz(app: Data<App>) -> Result<HttpResponse> {
    let spool = &app.store.spool;
    let current = match spool.is_filling() {
        true => None, // it may hang for long
        false => {
            timeout(PATIENCE, app.store.query(store::migrations_current)).await.ok().and_then(Result::ok)
        }
    };
    match current {
        Some(true) => Ok(HttpResponse::Ok().json(Health { status: "ok" })),
        Some(false) => Err(Error::Unavailable("the database's schema is not this program's")),
        None if spool.has_room() => Ok(HttpResponse::Ok().json(Health { status: "degraded" })),
        None => Err(Error::Unavailable("the database does not answer and the spool is full")),
    }
}

/// Counters and gauges, as Prometheus text.
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics", wrap = "super::headers()")]
pub async fn metrics(app: Data<App>) -> HttpResponse {
    let counts = |db: &mut store::Db| {
        let oldest = store::deliveries::oldest_due(db)?;
        Ok::<_, Error>((store::calls::count_live(db)?, store::journal::newest(db)?, oldest))
    };
    let counted = timeout(PATIENCE, app.store.query(counts)).await.ok().and_then(Result::ok);
    let (live, newest, oldest) = counted.unwrap_or((-1, 0, None));
    app.metrics.feed(app.feed.told().map_or(0, |told| (newest - told).max(0)), app.feed.unheard());
    let now = clock::now();
    let seconds = |since: Moment| (now - since).num_milliseconds().max(0) as f64 / 1000.0;
    app.metrics.oldest_delivery(oldest.map_or(0.0, seconds));
    app.metrics.spool.oldest(app.store.spool.figures().since.map_or(0.0, seconds));
    app.metrics.gauges(app.store.writer.queued(), live);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(app.metrics.render())
}
