//! The long poll for programs: what changed after a cursor, at once or as soon as something does.

use std::sync::Arc;
use std::time::Duration;

use actix_web::get;
use actix_web::web::{Data, Json};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};

use super::cursor;
use super::news::{Change, event};
use super::poll::{Asker, ask};
use crate::api::{Asked, CallFilter, CallView, Caller, Own, ReadRefusals, names};
use crate::app::App;
use crate::error::{Error, Result};
use crate::metrics::Reading;
use crate::store::call_list::Wanted;
use crate::store::changes::Moved;
use crate::store::{Db, journal};

/// The longest wait, in seconds.
const LONGEST: u64 = 60;

/// From where, and how long.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Poll {
    /// The `next` of the answer before: what changed since then. 0 is everything that there is. Where it is left out,
    /// it begins now.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many seconds to wait for a change where there is none yet.
    #[param(minimum = 0, maximum = 60, default = 0)]
    wait: Option<u64>,
}

impl Own for Poll {
    const NAMES: &'static [&'static str] = &["after", "wait"];
}

/// What changed.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Changes {
    /// In the order of their changes; each call once, as it is now. At most 1,000.
    pub data: Vec<ChangedCall>,
    /// Send it back as `after`. It moves on over changes that are not meant, too.
    pub next: i64,
}

/// A call that changed.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ChangedCall {
    /// call.ringing, call.connected or call.ended where it came into that state since then; else call.changed.
    pub event: &'static str,
    /// The call.
    #[serde(flatten)]
    pub call: CallView,
}

/// Calls that changed after a cursor; waits for the first change if it is told to. Only calls that the filter means as
/// they are now.
#[utoipa::path(tag = "live", params(CallFilter, Poll), responses((status = 200, body = Changes), ReadRefusals))]
#[get("/changes")]
pub async fn changes(app: Data<App>, caller: Caller, asked: Asked<Poll>) -> Result<Json<Changes>> {
    let wanted = asked.filter.wanted(&app.config.numbering, Some(&caller.0))?;
    let wait = Some(asked.own.wait.unwrap_or(0)).filter(|wait| *wait <= LONGEST);
    let wait = wait.ok_or_else(|| Error::field("wait", format!("must be 0 to {LONGEST} seconds")))?;
    let newest = app.store.query(journal::newest).await?;
    let after = cursor(asked.own.after, newest)?.unwrap_or(newest);
    let _counted = app.metrics.reader(Reading::Changes);
    let (data, next) = ask(&app, Arc::new(wanted), after, Duration::from_secs(wait)).await?;
    if !caller.may_go_on(&app) {
        return Err(Error::NoKey); // it ended while it waited
    }
    Ok(Json(Changes { data, next }))
}

impl Asker for Wanted {
    type Shown = ChangedCall;

    fn show(&self, db: &mut Db, moved: Vec<Moved>, _: i64) -> QueryResult<Vec<ChangedCall>> {
        let names = names(db, moved.iter().map(|moved| &moved.call))?;
        let meant = moved.into_iter().filter(|moved| self.holds(&moved.call, names.texts(&moved.call)));
        Ok(meant
            .map(|Moved { call, state_is_new }| ChangedCall {
                event: event(state_is_new, call.state),
                call: CallView::named(call, &names),
            })
            .collect())
    }

    fn is_meant(&self, change: &Change) -> bool {
        change.is_meant(self)
    }
}
