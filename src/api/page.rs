//! Lists: paged by key, never by offset. The cursor is opaque to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How many rows where nobody says.
pub const DEFAULT: i64 = 50;
/// The most rows of one page.
pub const MOST: i64 = 500;

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Send it back as `cursor` for the next page; null on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of `rows`, which hold one more than `limit` if there are more. `key` is where a row stands.
    pub fn of<R, K: Serialize>(
        mut rows: Vec<R>,
        limit: i64,
        key: impl Fn(&R) -> K,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or_default());
        let next = rows.last().filter(|_| more).map(|row| cursor(&key(row)));
        Self { data: rows.into_iter().map(view).collect(), next }
    }
}

/// The parameters of a list that has no others.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many rows; 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Paging {
    /// How many rows, and behind which.
    ///
    /// # Errors
    /// 422 naming the parameter.
    pub fn read<K: DeserializeOwned>(&self) -> Result<(i64, Option<K>)> {
        Ok((limit(self.limit)?, position(self.cursor.as_deref())?))
    }
}

/// `limit`, within its bounds.
///
/// # Errors
/// 422 naming the bounds.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Error::field("limit", format!("must be 1 to {MOST}"))),
    }
}

/// Where a page ended, as text.
pub(super) fn cursor<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default()) // numbers and times: cannot fail
}

/// Where the next page begins.
///
/// # Errors
/// 422 where it is none of ours.
pub fn position<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>> {
    let read = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    cursor
        .filter(|text| !text.is_empty())
        .map(|text| read(text).ok_or_else(|| Error::field("cursor", "send the `next` of the page before")))
        .transpose()
}
