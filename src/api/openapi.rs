//! The description of the API, made from the routes themselves, and the page that shows it. The endpoint of PBXes,
//! which is no such route, is described at `pbx_side`.

use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, get};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::description::Description;
use super::pbx_side;
use crate::app::App;
use crate::error::Problem;

/// The page of the docs asks this server alone, whatever the program on it would like to ask.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Title and security; the paths are collected from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Hookswitch", description = "Call events in, caller log out. Errors are problem+json (RFC 9457)."),
    paths(pbx_side::receive, pbx_side::receive_at_alias, pbx_side::receive_of_vendor),
    components(schemas(Problem)),
    security(("key" = [])),
    modifiers(&Keys)
)]
struct ApiDoc;

struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key, hsk_…"));
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    }
}

/// This description (OpenAPI 3.1).
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = Object)))]
#[get("/openapi.json")]
pub async fn describe(description: Data<Description>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(description.json())
}

/// The page that shows it. Everything that it loads is in this program.
pub fn docs(config: &mut web::ServiceConfig) {
    let page = SwaggerUi::new("/{_:.*}").config(Config::new(["/api/v1/openapi.json"]).validator_url("none"));
    let own = DefaultHeaders::new() // set first, they stay
        .add((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY)))
        .add((header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600")));
    config
        .service(web::redirect("/api/docs", "/api/docs/"))
        .service(web::scope("/api/docs").wrap(own).wrap(super::headers()).service(page));
}

/// Collected from the routes.
pub(super) fn collected(app: &Data<App>) -> utoipa::openapi::OpenApi {
    let routes = actix_web::App::new().into_utoipa_app().openapi(ApiDoc::openapi());
    let mut api = routes.configure(|config| super::routes(config, app)).split_for_parts().1;
    pbx_side::describe_vendors(&mut api);
    for path in api.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        operations.into_iter().flatten().for_each(name_uniquely);
    }
    api
}

/// Handlers of several nouns have the same name; an operation's must be its own.
fn name_uniquely(operation: &mut Operation) {
    if let (Some(tags), Some(name)) = (&operation.tags, &operation.operation_id) {
        operation.operation_id = Some(format!("{}_{name}", tags.join("_").to_lowercase()));
    }
}

/// How a request that only reads may be refused.
#[derive(utoipa::IntoResponses)]
pub enum ReadRefusals {
    /// No key, or an unknown one.
    #[response(status = 401, content_type = "application/problem+json")]
    NoKey(Problem),
    /// The key's role is too low.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// It is not there, or the key may not see it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Names the fields to mend.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many wrong keys from that address.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The database does not answer; try again shortly.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// How a request that changes something may be refused.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "describes answers; `Error` gives them")]
pub enum WriteRefusals {
    /// The body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// No key, or an unknown one.
    #[response(status = 401, content_type = "application/problem+json")]
    NoKey(Problem),
    /// The key's role is too low.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// It is not there, or the key may not see it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Clashes with what is there.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// Names the fields to mend.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many wrong keys from that address.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The database does not answer; try again shortly.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
