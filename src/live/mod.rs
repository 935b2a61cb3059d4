//! Who is told of calls as they change. `feed` reads for all of them at once; how each is told has a file of its own.

pub mod changes;
pub mod feed;
pub mod news;
pub mod noojee;
pub mod poll;
pub mod sse;

use actix_web::http::header::HeaderName;

use crate::error::{Error, Result};

/// Where a browser says how far it heard, when it connects again.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A cursor as it was sent, if it is one of ours.
///
/// # Errors
/// 422 naming `after`.
fn cursor(after: Option<i64>, newest: i64) -> Result<Option<i64>> {
    match after {
        Some(after) if !(0..=newest).contains(&after) => {
            let message = format!("must be 0 to {newest}, the newest change; leave it out to begin now");
            Err(Error::field("after", message))
        }
        after => Ok(after),
    }
}
