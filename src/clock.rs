//! The time as it is kept: UTC, whole milliseconds.

use chrono::{SubsecRound, Utc};

use crate::call::Moment;

/// Now.
pub fn now() -> Moment {
    Utc::now().naive_utc().trunc_subsecs(3)
}
