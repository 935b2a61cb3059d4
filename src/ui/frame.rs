//! What all pages share: who looks, what they may go to, and how a template becomes an answer.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Uri, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use askama::Template;

use super::assets;
use super::did::Did;
use super::zone::Zone;
use crate::api::auth::Caller;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::keys::Role;

/// The pages that the head of each page leads to: address, name, and the role that it takes.
const LINKS: &[(&str, &str, Role)] = &[
    ("/", "Calls", Role::Agent),
    ("/figures", "Figures", Role::Manager),
    ("/contacts", "Contacts", Role::Agent),
    ("/rules", "Rules", Role::Manager),
    ("/webhooks", "Webhooks", Role::Manager),
    ("/pbxes", "PBXes", Role::Admin),
    ("/keys", "Keys", Role::Admin),
    ("/retention", "Retention", Role::Admin),
];

/// The head and the foot of a page.
pub struct Frame {
    /// Who looks: name and role. Nobody where one signs in.
    pub viewer: Option<(String, Role)>,
    /// Their time zone.
    pub zone: Zone,
    /// What the form did that led here.
    pub did: Option<Did>,
    path: String,
}

/// One of the links at the head.
pub struct Link {
    /// Its address.
    pub href: &'static str,
    /// As people read it.
    pub name: &'static str,
    /// Is it the page that is looked at?
    pub here: bool,
}

impl Frame {
    /// For whom the request comes from, as far as that is known.
    pub fn of(request: &HttpRequest, caller: Option<&Caller>) -> Self {
        Self {
            viewer: caller.map(|caller| (caller.0.name.clone(), caller.0.role)),
            zone: Zone::of(request),
            did: Did::before(request),
            path: request.path().to_owned(),
        }
    }

    /// Where the viewer may go.
    pub fn links(&self) -> Vec<Link> {
        let role = self.viewer.as_ref().map(|(_, role)| *role);
        let allowed = LINKS.iter().filter(|(.., least)| role.is_some_and(|role| role >= *least));
        allowed.map(|(href, name, _)| Link { href, name, here: self.is_at(href) }).collect()
    }

    /// May the viewer steer: rules and contacts?
    pub fn is_manager(&self) -> bool {
        self.viewer.as_ref().is_some_and(|(_, role)| *role >= Role::Manager)
    }

    /// Where the browser finds one of our files.
    pub fn asset(&self, name: &str) -> &'static str {
        assets::url(name)
    }

    /// Of this program.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn is_at(&self, href: &str) -> bool {
        let folder = if href == "/" { "/calls" } else { href };
        self.path == href || self.path.starts_with(&format!("{folder}/"))
    }
}

/// A request for a page, by somebody who is signed in.
pub struct Visit {
    /// Who.
    pub caller: Caller,
    /// For the page.
    pub frame: Frame,
    /// A script of the page asks for a part of it.
    pub partial: bool,
}

impl FromRequest for Visit {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let caller = caller.await?;
            let frame = Frame::of(&request, Some(&caller));
            Ok(Self { caller, frame, partial: is_partial(&request) })
        })
    }
}

/// Does a script of the page ask for a part of it?
pub fn is_partial(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

/// The server's address, as it was told; where it was not, as the one who asks reached it.
pub fn our_address(app: &App, request: &HttpRequest) -> String {
    if !app.config.lacks_address() {
        return app.config.public_url.clone();
    }
    let reached = request.connection_info();
    format!("{}://{}", reached.scheme(), reached.host())
}

/// As an answer.
///
/// # Errors
/// Where a template fails to render.
pub fn html(template: &impl Template) -> Result<HttpResponse> {
    let text = template.render().map_err(|e| Error::Internal(Box::new(e)))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text))
}

/// Back to where a form was sent from, without a script. Browsers say it; else to the first page.
pub fn back(request: &HttpRequest) -> HttpResponse {
    let from = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = from.and_then(|from| from.parse::<Uri>().ok()?.path_and_query().map(ToString::to_string));
    see(&path.filter(|path| !path.starts_with("//")).unwrap_or_else(|| "/".into()))
}

/// To another page, which is then asked for with GET.
pub fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}
