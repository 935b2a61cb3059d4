//! JSON for people and programs: one file for each noun. Handlers ask, store and answer; what they show are views
//! of their own, so that a column can change without a client noticing.

mod agents;
pub(crate) mod auth;
pub(crate) mod block_rules;
mod body;
pub(crate) mod call_filter;
pub(crate) mod call_view;
pub(crate) mod caller_id_rules;
pub(crate) mod calls;
mod calls_csv;
pub(crate) mod calls_done;
pub(crate) mod calls_stats;
pub(crate) mod contact_import;
pub(crate) mod contacts;
mod contacts_csv;
mod csv_answer;
mod description;
mod health;
pub(crate) mod journal_view;
pub(crate) mod keys;
mod leg_view;
mod openapi;
pub(crate) mod page;
pub(crate) mod pbx_journal;
mod pbx_side;
mod pbx_words;
pub(crate) mod pbxes;
pub(crate) mod query;
pub(crate) mod rule_set;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhook_secret;
pub(crate) mod webhook_view;
pub(crate) mod webhooks;
mod zammad;
mod zammad_view;

use actix_cors::Cors;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::error::Error;
use crate::live;

pub use auth::Caller;
pub(crate) use body::{path_config, query_config};
pub use call_filter::CallFilter;
pub use call_view::{CallView, NumberView, names, views as call_views};
pub use calls::{page_position, read_page};
pub use description::Description;
pub use keys::KeyView;
pub use openapi::{ReadRefusals, docs};
pub use page::limit as page_limit;
pub use pbxes::PbxView;
pub use query::{Asked, Own};
pub use webhook_view::{CreatedWebhook, DeliveryView, WebhookChange, WebhookView};

/// Everything under `/api/v1`, and what an operator's machines ask.
pub fn routes(config: &mut ServiceConfig, app: &Data<App>) {
    config.service(health::healthz).service(health::readyz).service(health::metrics);
    config.service(
        scope("/api/v1")
            .wrap(from_fn(description::refuse_unknown_parameters))
            .wrap(from_fn(auth::slow_down_guessing))
            .wrap(cors(&app.config.serve.cors_origins))
            .wrap(headers())
            .app_data(body::json_config())
            .app_data(body::query_config())
            .app_data(body::path_config())
            .service(openapi::describe)
            .configure(nouns)
            .default_service(web::to(nothing_here)),
    );
}

fn nouns(config: &mut ServiceConfig) {
    config.service(keys::list).service(keys::create).service(keys::revoke);
    config.configure(block_rules::routes);
    config.configure(caller_id_rules::routes);
    config.configure(rule_set::routes);
    config.configure(contacts::routes);
    config.configure(pbxes::routes);
    config.configure(webhooks::routes);
    config.service(zammad::caller_log).service(zammad::tick_all).service(zammad::tick);
    config.service(calls::list).service(calls_csv::download).service(calls_stats::stats);
    config.service(live::sse::follow).service(live::changes::changes);
    config.service(agents::list);
    config.service(calls_done::mark).service(calls::show).service(calls::change);
}

/// For what no route matches.
async fn nothing_here(http: HttpRequest) -> HttpResponse {
    let described = http.app_data::<Data<Description>>();
    match described.and_then(|description| description.methods_at(http.path())) {
        Some(allowed) => Error::WrongMethod(allowed),
        None => Error::NotFound("page; the API is described at /api/docs"),
    }
    .error_response()
}

/// What a browser should know of every answer.
fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::CACHE_CONTROL, "no-store"))
        .add((
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ))
}

/// None but the origins that the operator named.
fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default().allow_any_method().allowed_headers([
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        live::LAST_EVENT_ID,
    ]);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)).max_age(3600)
}
