//! What the browser loads beside the pages: in the binary, under addresses that change with the content, so that it
//! can be kept for ever.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::web::{self, Path};
use actix_web::{HttpResponse, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::secret::Hash;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    url: String,
}

const JS: &str = "text/javascript; charset=utf-8";

static ALL: LazyLock<[Asset; 9]> = LazyLock::new(|| {
    [
        asset("hookswitch.css", "text/css; charset=utf-8", include_bytes!("../../static/hookswitch.css")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../../static/icon.svg")),
        asset("htmx.min.js", JS, include_bytes!("../../static/htmx.min.js")),
        asset("zone.js", JS, include_bytes!("../../static/zone.js")),
        asset("frame.js", JS, include_bytes!("../../static/frame.js")),
        asset("call.js", JS, include_bytes!("../../static/call.js")),
        asset("calls.js", JS, include_bytes!("../../static/calls.js")),
        asset("steer.css", "text/css; charset=utf-8", include_bytes!("../../static/steer.css")),
        asset("steer.js", JS, include_bytes!("../../static/steer.js")),
    ]
});

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash = URL_SAFE_NO_PAD.encode(&Hash::of_bytes(bytes).0[..9]);
    Asset { name, content_type, bytes, url: format!("/static/{hash}/{name}") }
}

/// Where the browser finds it. A name that is none leads nowhere, which the browser tests would see.
pub fn url(name: &str) -> &'static str {
    ALL.iter().find(|asset| asset.name == name).map_or("/static/none", |asset| &asset.url)
}

async fn serve(path: Path<(String, String)>) -> Result<HttpResponse> {
    let asked = format!("/static/{}/{}", path.0, path.1);
    let asset = ALL.iter().find(|asset| asset.url == asked).ok_or(Error::NotFound("file"))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}

/// All of them.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/static/{hash}/{name}", web::get().to(serve));
}
