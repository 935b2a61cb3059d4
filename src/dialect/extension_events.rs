//! What VoipNow and Telphin share: events of extensions. Each request tells of one leg of a call, under names that
//! are fixed but for their letter case. Facts: 4PSA's "CallAPI Events" and "Call Events", Telphin's "Events on
//! Extension Numbers".

use std::sync::LazyLock;

use regex::Regex;

use super::fields::within;
use super::{Refusal, Reply, Request, causes};
use crate::call::{Cause, Direction, Kind, Place};
use crate::number::{Number, restore_plus};

/// The longest texts, in characters.
const ID: usize = 250;
const NUMBER: usize = 100;

/// What an extension's number looks like where the admin does not say: `13596*106`, `17608s*101`, `0003*210`.
static EXTENSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[0-9]{3,6}[A-Za-z]?\*[0-9]{2,4}$").expect("a pattern of ours"));

/// What happened, and where the word says so, to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// In our words.
    pub kind: Kind,
    /// Of Dial-In and Dial-Out.
    pub direction: Option<Direction>,
}

/// A request, read as these PBXes mean it.
pub struct Fields<'r> {
    /// As a whole.
    pub request: &'r Request<'r>,
    sent: Vec<(&'r str, &'r str)>,
}

impl<'r> Fields<'r> {
    /// A PBX that adds its parameters to a URL which has a query already (`?ev=…`) may join the first of them by a
    /// second `?`.
    pub fn of(request: &'r Request<'r>) -> Self {
        let plain = |(name, value): (&'r str, &'r str)| (name.rsplit('?').next().unwrap_or(name), value);
        let joined = request.params.iter().filter_map(|(_, value)| value.split_once('?')?.1.split_once('='));
        let sent = request.params.iter().chain(joined).map(plain);
        Self { request, sent: sent.filter(|(_, value)| !value.trim().is_empty()).collect() }
    }

    /// As it was sent.
    fn sent(&self, name: &str) -> Option<&'r str> {
        self.sent.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The first of the names that is there, in any letter case.
    pub fn get(&self, names: &[&str]) -> Option<&'r str> {
        names.iter().find_map(|name| self.sent(name)).map(str::trim)
    }

    /// A word or a name.
    pub fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        self.get(&[name]).map(|text| within(name, text, ID).map(Into::into)).transpose()
    }

    /// `13596*106@sip.example.com` is `13596*106`.
    pub fn extension(&self, name: &str) -> Result<Option<String>, Refusal> {
        let text = self.get(&[name]).map(|text| within(name, text, NUMBER)).transpose()?;
        Ok(text.map(|text| local(text).trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// A telephone number, or an extension's. The blank that a bare plus becomes in a query is part of it.
    pub fn number(&self, name: &str) -> Result<Option<Number>, Refusal> {
        let text = self.sent(name).map(|text| within(name, text, NUMBER)).transpose()?;
        Ok(text.and_then(|text| self.request.numbering.read(local(text))))
    }

    /// The same, as text.
    pub fn number_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        let text = self.sent(name).map(|text| within(name, text, NUMBER)).transpose()?;
        Ok(text.and_then(|text| restore_plus(local(text))))
    }

    /// Without it there is nothing to tell calls apart by.
    pub fn call_id(&self) -> Result<String, Refusal> {
        let missing =
            || Refusal::unprocessable("CallID: missing; send the same id with each event of a call");
        self.text("CallID")?.ok_or_else(missing)
    }

    /// Which way the extension is called or calls: the event's word, else CallFlow, else whose number is there. Where
    /// both are, a call that is under way knows.
    pub fn direction(&self, happened: Happened) -> Option<Direction> {
        let flow = self.get(&["CallFlow"]).and_then(|word| word.to_ascii_lowercase().parse().ok());
        let whose = || match (self.get(&["CalledExtension"]), self.get(&["CallerExtension"])) {
            (Some(_), Some(_)) if happened.kind != Kind::NewCall => None,
            (Some(_), _) => Some(Direction::In),
            (None, Some(_)) => Some(Direction::Out),
            (None, None) => None,
        };
        happened.direction.or(flow).or_else(whose)
    }

    /// CallStatus in our words, and as it was sent.
    pub fn status(&self) -> Result<(Option<Cause>, Option<String>), Refusal> {
        let word = self.text("CallStatus")?;
        Ok((word.as_deref().and_then(causes::understand), word))
    }

    /// What this extension is; the admin may name it with its prefix or without.
    pub fn place(&self, extension: Option<&str>) -> Place {
        let options = self.request.options;
        let among = |all: &[String]| {
            extension.is_some_and(|it| all.iter().any(|one| is_called(it, local(one.trim()))))
        };
        match self.request.tail {
            Some("queue") => Place::Queue,
            Some("ivr") => Place::Ivr,
            _ if among(&options.queues) => Place::Queue,
            _ if among(&options.ivrs) => Place::Ivr,
            _ => Place::Extension,
        }
    }

    /// Does the number look like an extension's?
    pub fn is_ours(&self, name: &str) -> bool {
        let pattern = self.request.options.internal_pattern().unwrap_or(&EXTENSION);
        self.get(&[name]).is_some_and(|number| pattern.is_match(local(number).trim()))
    }
}

/// Our name of a leg that the PBX does not name. A call between two extensions is told by each of them, perhaps under
/// one id.
pub fn leg_id(direction: Option<Direction>, owner: Option<&str>) -> String {
    let way = if direction == Some(Direction::Out) { "out" } else { "in" };
    format!("{way} {}", owner.unwrap_or_default()).trim_end().to_owned()
}

/// What stands before the `@`.
fn local(text: &str) -> &str {
    text.split('@').next().unwrap_or(text)
}

/// Is that the extension's name? The part behind the `*` will do.
fn is_called(extension: &str, name: &str) -> bool {
    extension == name || extension.rsplit_once('*').is_some_and(|(_, short)| short == name)
}

/// The event's word as both write it, in any letter case, and VoipNow's numbers for them.
pub fn happened(word: &str) -> Option<Happened> {
    let (kind, direction) = match plain(word).as_str() {
        "0" | "dialin" => (Kind::NewCall, Some(Direction::In)),
        "1" | "dialout" => (Kind::NewCall, Some(Direction::Out)),
        "2" | "hangup" => (Kind::Hangup, None),
        "3" | "answerin" => (Kind::Answer, Some(Direction::In)),
        "4" | "answerout" => (Kind::Answer, Some(Direction::Out)),
        "answer" => (Kind::Answer, None),
        _ => return None,
    };
    Some(Happened { kind, direction })
}

/// In lower case, with letters and digits only.
pub fn plain(word: &str) -> String {
    let word = word.split('?').next().unwrap_or(word); // what a PBX joined to it, see `Fields::sent`
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Neither documents what it expects; a text that people can read serves both.
pub fn taken() -> Reply {
    Reply::text(200, "OK\n")
}

/// The same for errors.
pub fn refused(refusal: &Refusal) -> Reply {
    Reply::text(refusal.status, format!("{}\n", refusal.why))
}

#[cfg(test)]
mod tests;
