//! Which calls: the same names in query strings, in the bulk tick and on the command line.

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, Utc};
use serde::Deserialize;

use crate::call::{Direction, Moment, Outcome, State};
use crate::clock;
use crate::error::{Error, Result};
use crate::number::Numbering;
use crate::snapshot::Key;
use crate::store::call_list::{Search, Wanted};

/// The longest text, in characters.
const TEXT: usize = 250;

/// Which calls are meant. Each condition narrows; without any it is all of them.
#[derive(Debug, Clone, Default, Deserialize, clap::Args, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallFilter {
    /// Digits: the beginning of the caller's or the callee's number. Text: contained in a contact's name or company, or, among the newest 10,000 calls of the PBXes meant, in queue, users, who answered, or note
    #[arg(long, value_name = "TEXT")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub q: Option<String>,
    /// The caller's or the callee's number, in any spelling; `anonymous` for withheld ones
    #[arg(long, value_name = "NUMBER")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub number: Option<String>,
    /// The caller's number, in any spelling; `anonymous` for withheld ones
    #[arg(long, value_name = "NUMBER")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub from: Option<String>,
    /// The callee's number, in any spelling
    #[arg(long, value_name = "NUMBER")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub to: Option<String>,
    /// in or out
    #[arg(long, value_name = "in|out")]
    pub direction: Option<Direction>,
    /// ringing, connected or ended
    #[arg(long)]
    pub state: Option<State>,
    /// Of ended calls: answered, missed, busy, cancelled, blocked, voicemail, forwarded, failed, lost
    #[arg(long)]
    pub outcome: Option<Outcome>,
    /// The tick: false finds what still waits for somebody
    #[arg(long, value_name = "true|false")]
    pub done: Option<bool>,
    /// The queue, exactly as the PBX names it
    #[arg(long, value_name = "NAME")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub queue: Option<String>,
    /// Who was rung, dialled or answered, exactly as the PBX names them
    #[arg(long, value_name = "NAME")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub user: Option<String>,
    /// The PBX, by its id
    #[arg(long, value_name = "ID")]
    pub pbx: Option<i64>,
    /// Calls between two extensions: false leaves them out. Only some PBXes tell of them
    #[arg(long, value_name = "true|false")]
    pub internal: Option<bool>,
    /// Why the call ended: normalClearing, busy, cancel, noAnswer, congestion, notFound, forwarded, voicemail, blocked, or the PBX's own word
    #[arg(long, value_name = "WORD")]
    #[param(max_length = 250)]
    #[schema(max_length = 250)]
    pub cause: Option<String>,
    /// Calls that began at this time or later, as in 2026-11-21T08:00:00Z; a date alone is its midnight in UTC
    #[arg(long, value_name = "TIME", value_parser = clock::read)]
    #[serde(default, deserialize_with = "clock::optional")]
    pub since: Option<DateTime<Utc>>,
    /// Calls that began before this time
    #[arg(long, value_name = "TIME", value_parser = clock::read)]
    #[serde(default, deserialize_with = "clock::optional")]
    pub until: Option<DateTime<Utc>>,
}

impl CallFilter {
    /// The first text that is given but blank, which means the same as none.
    pub fn blank(&self) -> Option<&'static str> {
        let Self { q, number, from, to, queue, user, cause, .. } = self;
        let texts = [
            ("q", q),
            ("number", number),
            ("from", from),
            ("to", to),
            ("queue", queue),
            ("user", user),
            ("cause", cause),
        ];
        let blank = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
        texts.into_iter().find(|(_, text)| blank(text)).map(|(field, _)| field)
    }

    /// As the store asks. `key` bounds what is seen; the command line sees all.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn wanted(&self, numbering: &Numbering, key: Option<&Key>) -> Result<Wanted> {
        let number = |field, text| {
            let read = |text: String| {
                let wrong = || Error::field(field, "holds no number; send one such as +49 30 1234567");
                numbering.read(&text).map(|number| number.key().to_owned()).ok_or_else(wrong)
            };
            said(field, text)?.map(read).transpose()
        };
        Ok(Wanted {
            search: said("q", &self.q)?.and_then(|typed| Search::read(&typed, numbering)),
            number: number("number", &self.number)?,
            from: number("from", &self.from)?,
            to: number("to", &self.to)?,
            direction: self.direction,
            state: self.state,
            outcome: self.outcome,
            done: self.done,
            internal: self.internal,
            queue: said("queue", &self.queue)?,
            user: said("user", &self.user)?.map(name).transpose()?,
            cause: said("cause", &self.cause)?,
            pbx: self.pbx,
            visible: key.and_then(|key| key.pbx_ids.clone()),
            since: self.since.map(kept),
            until: self.until.map(kept),
        })
    }
}

/// A text that both databases can be asked for; blank is absent.
fn said(field: &str, text: &Option<String>) -> Result<Option<String>> {
    let Some(text) = text.as_ref().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.contains('\0') {
        return Err(Error::field(field, "holds a NUL byte; leave it out"));
    }
    if text.chars().count() > TEXT {
        return Err(Error::field(field, format!("must be at most {TEXT} characters")));
    }
    Ok(Some(text.clone()))
}

/// A comma would be found between any two who were rung (`calls.users` is a list in JSON).
fn name(user: String) -> Result<String> {
    match user.contains(char::is_alphanumeric) {
        true => Ok(user),
        false => Err(Error::field("user", "holds no letter or digit")),
    }
}

/// Within the years that both databases can hold.
pub fn kept(time: DateTime<Utc>) -> Moment {
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN);
    time.naive_utc().trunc_subsecs(3).clamp(year(1970), year(9999))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_any_spelling_and_blank_is_absent() {
        let numbering = Numbering::new("DE", None).unwrap();
        let filter = CallFilter {
            number: Some("030/1234567".into()),
            from: Some("Anonymous".into()),
            to: Some("  ".into()),
            queue: Some(String::new()),
            ..CallFilter::default()
        };
        let wanted = filter.wanted(&numbering, None).unwrap();
        assert_eq!(wanted.number.as_deref(), Some("+49301234567"));
        assert_eq!(wanted.from.as_deref(), Some("anonymous"));
        assert_eq!((wanted.to, wanted.queue), (None, None));
    }

    #[test]
    fn what_no_database_could_be_asked_is_refused_by_name() {
        let numbering = Numbering::new("DE", None).unwrap();
        let refusal = |filter: CallFilter| filter.wanted(&numbering, None).unwrap_err().to_string();
        let filter = || CallFilter::default();
        assert!(refusal(CallFilter { queue: Some("a\0".into()), ..filter() }).starts_with("queue: "));
        assert!(refusal(CallFilter { q: Some("a".repeat(251)), ..filter() }).starts_with("q: "));
        assert!(refusal(CallFilter { from: Some("+".into()), ..filter() }).starts_with("from: "));
        assert!(refusal(CallFilter { user: Some(",".into()), ..filter() }).starts_with("user: "));
        assert_eq!(kept(DateTime::<Utc>::MIN_UTC).to_string(), "1970-01-01 00:00:00");
        assert_eq!(kept(DateTime::<Utc>::MAX_UTC).to_string(), "9999-01-01 00:00:00");
    }
}
