//! Fields that nearly all dialects have, each read within its limit.

use super::{Refusal, Request};
use crate::call::Direction;
use crate::number::{Number, restore_plus};

/// The longest texts, in characters: the sizes of Zammad's columns. It cuts silently; we refuse.
const CALL_ID: usize = 250;
const NUMBER: usize = 100;
const NAME: usize = 250;
/// The most users of one call.
const USERS: usize = 50;

impl Request<'_> {
    /// The call's id, under the first of the names that is there.
    ///
    /// # Errors
    /// Where there is none, or it is too long.
    pub fn call_id(&self, names: &[&str]) -> Result<String, Refusal> {
        for name in names {
            if let Some(id) = short(self, name, CALL_ID)? {
                return Ok(id);
            }
        }
        let name = names.first().unwrap_or(&"callId");
        Err(Refusal::unprocessable(format!("{name}: missing; send the same id with each event of a call")))
    }

    /// `in` or `out`; `None` where it is not told.
    ///
    /// # Errors
    /// Where it is another word; the text is Zammad's.
    pub fn direction(&self, name: &str) -> Result<Option<Direction>, Refusal> {
        let word = self.params.get(name).map(str::trim);
        word.map(str::parse).transpose().map_err(|_| invalid_direction())
    }

    /// A telephone number.
    ///
    /// # Errors
    /// Where it is too long.
    pub fn number(&self, name: &str) -> Result<Option<Number>, Refusal> {
        let text = self.params.get(name).map(|text| within(name, text, NUMBER)).transpose()?;
        Ok(text.and_then(|text| self.numbering.read(text)))
    }

    /// A telephone number that is kept as it was sent, but for a plus that had decoded to a blank.
    ///
    /// # Errors
    /// Where it is too long.
    pub fn number_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        let text = self.params.get(name).map(|text| within(name, text, NUMBER)).transpose()?;
        Ok(text.and_then(restore_plus))
    }

    /// A name or a word.
    ///
    /// # Errors
    /// Where it is too long.
    pub fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        short(self, name, NAME)
    }

    /// All values of these names: who is rung, who dials, who took it.
    ///
    /// # Errors
    /// Where they are too many, or one is too long.
    pub fn users(&self, names: &[&str]) -> Result<Vec<String>, Refusal> {
        let users = self.params.all(names);
        let name = names.first().unwrap_or(&"user");
        if users.len() > USERS {
            let why = format!("{name}: {} users, at most {USERS} are kept", users.len());
            return Err(Refusal::unprocessable(why));
        }
        for user in &users {
            within(name, user, NAME)?;
        }
        Ok(users)
    }
}

/// What Zammad says to a call without direction.
pub fn invalid_direction() -> Refusal {
    Refusal::unprocessable("Invalid direction!")
}

fn short(request: &Request, name: &str, limit: usize) -> Result<Option<String>, Refusal> {
    let text = request.params.get(name).map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| within(name, text, limit).map(Into::into)).transpose()
}

/// `text`, where it is no longer.
pub(super) fn within<'t>(name: &str, text: &'t str, limit: usize) -> Result<&'t str, Refusal> {
    if text.len() <= limit {
        return Ok(text); // bytes are never fewer than characters
    }
    match text.chars().count() {
        count if count > limit => Err(Refusal::unprocessable(format!(
            "{name}: {count} characters, at most {limit} are kept; send a shorter one"
        ))),
        _ => Ok(text),
    }
}
