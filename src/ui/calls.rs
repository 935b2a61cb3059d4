//! The first page: the calls under way, and the caller log, which can be narrowed and goes on as one scrolls.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::call_row::{Row, Show};
use super::filter::Filter;
use super::frame::{Frame, Visit, html, see};
use crate::api::call_view::{CallView, names};
use crate::api::{page_limit, page_position, read_page};
use crate::app::App;
use crate::call::{Outcome, State};
use crate::error::{Error, Result};
use crate::store::call_list::{Order, Wanted};
use crate::store::{Db, calls as rows, journal};

/// The most calls under way that are shown.
const LIVE: i64 = 200;
/// The most changed calls that a page asks for at once.
const FRESH: usize = 100;

#[derive(Template)]
#[template(path = "calls.html")]
struct Page {
    frame: Frame,
    live: Vec<Row>,
    pbxes: Vec<(String, String)>,
    list: List,
}

/// The list and what belongs to its filter.
#[derive(Template)]
#[template(path = "calls.html", block = "log")]
struct Log {
    list: List,
}

/// The rows that come next.
#[derive(Template)]
#[template(path = "calls.html", block = "rows")]
struct Rows {
    list: List,
}

/// One page of the log.
struct List {
    filter: Filter,
    /// The last change that it knows of.
    change: i64,
    rows: Vec<Row>,
    /// The address of the next page.
    more: Option<String>,
    searched_back_to: Option<String>,
}

async fn show(app: Data<App>, visit: Visit, request: HttpRequest) -> Result<HttpResponse> {
    let filter = Filter::read(request.query_string(), visit.frame.zone)?;
    if !visit.partial && filter.cursor.is_none() && request.query_string().split('&').any(is_blank) {
        return Ok(see(&filter.address())); // as short as it can be passed on
    }
    let wanted = filter.calls.wanted(&app.config.numbering, Some(&visit.caller.0))?;
    let (after, limit) = (page_position(filter.cursor.as_deref())?, page_limit(None)?);
    let under_way = Wanted { visible: visit.caller.0.pbx_ids.clone(), ..Wanted::default() };
    let all = !visit.partial;
    let read = move |db: &mut Db| {
        let change = journal::newest(db)?; // first: what comes meanwhile is told again
        let live = if all { live(db, &under_way)? } else { Vec::new() };
        Ok::<_, Error>((change, live, read_page(db, &wanted, Order::Newest, after, limit)?))
    };
    let (change, live, page) = app.store.query(read).await?;
    let show = Show::to(&app, &visit);
    let list = List {
        rows: page.data.into_iter().map(|call| show.row(call)).collect(),
        more: page.next.map(|cursor| filter.page(&cursor)),
        searched_back_to: page.searched_back_to.map(|at| visit.frame.zone.brief(&at)),
        filter,
        change,
    };
    if visit.partial {
        return part(list);
    }
    html(&Page {
        live: live.into_iter().map(|call| show.row(call)).collect(),
        pbxes: show.pbxes.iter().map(|(id, name)| (id.to_string(), name.clone())).collect(),
        frame: visit.frame,
        list,
    })
}

/// What the page puts into itself: more rows, or the list of another filter, which the address bar then shows. That is no
/// step for the Back button: each pause in typing would be one.
fn part(list: List) -> Result<HttpResponse> {
    if list.filter.cursor.is_some() {
        return html(&Rows { list });
    }
    let address = list.filter.address();
    let address = HeaderValue::from_str(&address).map_err(|e| Error::Internal(Box::new(e)))?;
    let mut response = html(&Log { list })?;
    response.headers_mut().insert(HeaderName::from_static("hx-replace-url"), address);
    Ok(response)
}

fn is_blank(pair: &str) -> bool {
    pair.ends_with('=')
}

/// What rings and who speaks, oldest first.
fn live(db: &mut Db, seen: &Wanted) -> Result<Vec<CallView>> {
    let mut found = Vec::new();
    for state in [State::Ringing, State::Connected] {
        let wanted = Wanted { state: Some(state), ..seen.clone() };
        found.extend(read_page(db, &wanted, Order::Oldest, None, LIVE)?.data);
    }
    Ok(found)
}

/// Calls that changed, as the page shows them: those that belong into its list are marked.
#[derive(Template)]
#[template(path = "fresh.html")]
struct Fresh {
    rows: Vec<(Row, bool)>,
}

#[derive(Deserialize)]
struct Ids {
    ids: String,
}

async fn fresh(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    asked: Query<Ids>,
) -> Result<HttpResponse> {
    let ids: Vec<i64> = asked.ids.split(',').filter_map(|id| id.parse().ok()).take(FRESH).collect();
    let own = |pair: &&str| !pair.starts_with("ids=");
    let filter = request.query_string().split('&').filter(own).collect::<Vec<_>>().join("&");
    let filter = Filter::read(&filter, visit.frame.zone)?;
    let wanted = filter.calls.wanted(&app.config.numbering, Some(&visit.caller.0))?;
    let key = visit.caller.0.clone();
    let read = move |db: &mut Db| {
        let mut calls = rows::by_ids(db, &ids)?;
        calls.retain(|call| key.sees(call.pbx_id));
        calls.sort_unstable_by_key(|call| (call.started_at, call.id));
        let names = names(db, &calls)?;
        let shown = calls.into_iter().map(|call| {
            let meant = wanted.holds(&call, names.texts(&call));
            (CallView::named(call, &names), meant)
        });
        Ok::<_, Error>(shown.collect::<Vec<_>>())
    };
    let calls = app.store.query(read).await?;
    let show = Show::to(&app, &visit);
    html(&Fresh { rows: calls.into_iter().map(|(call, meant)| (show.row(call), meant)).collect() })
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/", web::get().to(show)).route("/fresh", web::get().to(fresh));
}
