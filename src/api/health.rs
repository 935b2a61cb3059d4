//! What an operator's machines ask.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;

use crate::app::App;
use crate::clock;
use crate::error::{Error, Problem, Result};
use crate::store;

/// A word that all is well.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// Is the process there?
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = Health)))]
#[get("/healthz", wrap = "super::headers()")]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Can it work: is the database there, and its schema the one that this program was built for?
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = Health), (status = 503, body = Problem, content_type = "application/problem+json")))]
#[get("/readyz", wrap = "super::headers()")]
pub async fn readyz(app: Data<App>) -> Result<HttpResponse> {
    match app.store.query(store::migrations_current).await {
        Ok(true) => Ok(HttpResponse::Ok().json(Health { status: "ok" })),
        Ok(false) => Err(Error::Unavailable("the database's schema is not this program's")),
        Err(_) => Err(Error::Unavailable("the database does not answer")),
    }
}

/// Counters and gauges, as Prometheus text.
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics", wrap = "super::headers()")]
pub async fn metrics(app: Data<App>) -> HttpResponse {
    let counts =
        |db: &mut store::Db| Ok::<_, Error>((store::calls::count_live(db)?, store::journal::newest(db)?));
    let (live, newest) = app.store.query(counts).await.unwrap_or((-1, 0));
    app.metrics.feed(app.feed.told().map_or(0, |told| (newest - told).max(0)), app.feed.unheard());
    let oldest = app.store.query(store::deliveries::oldest_due).await.unwrap_or_default();
    let late = oldest.map_or(0, |due| (clock::now() - due).num_milliseconds().max(0));
    app.metrics.oldest_delivery(late as f64 / 1000.0);
    app.metrics.gauges(app.store.writer.queued(), live);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(app.metrics.render())
}
