//! The description of the API, made from the routes themselves, and the page that shows it.

use actix_web::web::Data;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use crate::app::App;

/// Title and security; the paths are collected from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Hookswitch", description = "Call events in, caller log out. Errors are problem+json (RFC 9457)."),
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

/// The whole description, collected from the routes.
pub fn description(app: &Data<App>) -> utoipa::openapi::OpenApi {
    let routes = actix_web::App::new().into_utoipa_app().openapi(ApiDoc::openapi());
    routes.configure(|config| super::routes(config, app)).split_for_parts().1
}
