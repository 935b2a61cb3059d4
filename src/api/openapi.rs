//! The description of the API, made from the routes themselves, and the page that shows it.

use std::collections::BTreeMap;

use actix_web::web::Data;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_actix_web::AppExt;

use crate::app::App;

/// How a request that reads can be refused.
pub struct ReadRefusals;

impl IntoResponses for ReadRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("401", "No key, or an unknown one"),
            ("403", "The key may not do this"),
            ("404", "No such thing, or the key may not see it"),
            ("422", "A parameter or field is wrong; `errors` names it"),
            ("429", "Too many unknown keys from this address"),
            ("503", "The database does not answer; try again shortly"),
        ])
    }
}

/// How a request that changes something can be refused.
pub struct WriteRefusals;

impl IntoResponses for WriteRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = ReadRefusals::responses();
        all.append(&mut refusals(&[
            ("400", "The body cannot be read"),
            ("409", "It clashes with what is there"),
            ("413", "The body is too large"),
        ]));
        all
    }
}

fn refusals(texts: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let refusal = |text: &str| {
        ResponseBuilder::new().description(text).content("application/problem+json", problem()).build()
    };
    texts.iter().map(|(status, text)| ((*status).into(), RefOr::T(refusal(text)))).collect()
}

/// Title and security; the paths are collected from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Hookswitch", description = "Call events in, caller log out. Errors are problem+json (RFC 9457)."),
    security(("key" = [])),
    components(schemas(crate::error::Problem)),
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
