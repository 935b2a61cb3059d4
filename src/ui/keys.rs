//! The page of keys: who may read and steer. A key is shown once, when it is made.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::call_row::Show;
use super::did::Did;
use super::fields::Fields;
use super::frame::{Frame, Visit, html, our_address};
use super::once::{self, Once};
use crate::api::keys::{self, KeyView, NewKey};
use crate::app::App;
use crate::error::{Error, Result};

#[derive(Template)]
#[template(path = "keys.html")]
struct Page {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    keys: Vec<KeyView>,
    /// The key of whoever looks.
    own: i64,
}

impl Page {
    fn pbx(&self, id: &i64) -> String {
        self.pbxes.get(id).cloned().unwrap_or_else(|| format!("PBX {id}"))
    }
}

async fn list(app: Data<App>, visit: Visit) -> Result<HttpResponse> {
    let keys = keys::all(&app, &visit.caller).await?;
    let (pbxes, own) = (Show::to(&app, &visit).pbxes, visit.caller.0.id);
    html(&Page { frame: visit.frame, pbxes, keys, own })
}

async fn add(app: Data<App>, visit: Visit, request: HttpRequest, fields: Fields) -> Result<HttpResponse> {
    let ids = fields
        .all("pbx_ids")
        .map(|id| id.parse().map_err(|_| Error::field("pbx_ids", "must be numbers of PBXes")));
    let ids = ids.collect::<Result<Vec<i64>>>()?;
    let new = NewKey {
        name: fields.text("name"),
        role: fields.need("role")?,
        pbx_ids: Some(ids).filter(|ids| !ids.is_empty()),
    };
    let made = keys::add(&app, &visit.caller, new).await?;
    once::show(
        visit,
        Once {
            title: made.key.name,
            what: "The key",
            secret: made.secret,
            steps: Some(format!(
                "People sign in with it at {}/sign-in\nPrograms send it with each request: Authorization: Bearer …",
                our_address(&app, &request)
            )),
            next: "/keys".into(),
            next_name: "To the keys",
        },
    )
}

async fn end(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    keys::end(&app, &visit.caller, *id).await?;
    Ok(Did::Ended.then(&visit, "/keys"))
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/keys", web::get().to(list))
        .route("/keys", web::post().to(add))
        .route("/keys/{id}/end", web::post().to(end));
}
