//! The same conditions on a call that is at hand: for who is told of calls as they change.

use super::{Search, Wanted};
use crate::call::Call;

impl Wanted {
    /// Is it meant? `names` are the names and companies, in lower case, of those who have its numbers.
    pub fn holds<'n>(&self, call: &Call, names: impl IntoIterator<Item = &'n str>) -> bool {
        let is = |wanted: &Option<String>, known: &Option<String>| wanted.is_none() || wanted == known;
        let either = self.number.is_none() || self.number == call.from_key || self.number == call.to_key;
        either
            && is(&self.from, &call.from_key)
            && is(&self.to, &call.to_key)
            && self.direction.is_none_or(|direction| call.direction == Some(direction))
            && self.state.is_none_or(|state| call.state == state)
            && self.outcome.is_none_or(|outcome| call.outcome == Some(outcome))
            && self.done.is_none_or(|done| call.done == done)
            && self.internal.is_none_or(|internal| call.internal == internal)
            && is(&self.queue, &call.queue)
            && self
                .user
                .as_ref()
                .is_none_or(|user| call.users.contains(user) || call.answered_by.as_ref() == Some(user))
            && self.cause.as_ref().is_none_or(|cause| {
                call.cause.is_some_and(|known| known.as_str() == cause)
                    || call.raw_cause.as_ref() == Some(cause)
            })
            && self.pbx.is_none_or(|pbx| call.pbx_id == pbx)
            && self.visible.as_ref().is_none_or(|ids| ids.contains(&call.pbx_id))
            && self.spans(call.started_at)
            && self.search.as_ref().is_none_or(|search| search.finds(call, names))
    }
}

impl Search {
    fn finds<'n>(&self, call: &Call, names: impl IntoIterator<Item = &'n str>) -> bool {
        let mut keys = [&call.from_key, &call.to_key].into_iter().flatten();
        match self {
            Self::Digits { prefixes, .. } => {
                keys.any(|key| prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())))
            }
            Self::Text { text, key } => {
                let texts = [&call.queue, &call.answered_by, &call.note].into_iter().flatten();
                keys.any(|known| Some(known) == key.as_ref())
                    || names.into_iter().any(|name| name.contains(text.as_str()))
                    || texts.chain(&call.users).any(|held| held.to_lowercase().contains(text.as_str()))
            }
        }
    }
}
