//! Dialects: how each PBX says what happens, and what it wants to hear. A dialect is one file of pure functions.
//!
//! To add one: its file, its folder in `tests/fixtures/`, and two lines here (`mod x;` and `&x::X` in `ALL`).

pub mod causes;
mod extension_events;
mod fields;
mod focalscope;
pub mod params;
mod placetel;
mod sipgate;
mod telphin;
mod voipnow;
mod xml;
mod zammad;

use std::borrow::Cow;
use std::fmt::Debug;

use actix_web::http::header::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::call::{CallEvent, Decision, Moment};
use crate::number::Numbering;
use crate::pbx::Options;
use crate::text::Mistakes;
use params::Params;

/// Every dialect, in the order in which people are shown them.
pub const ALL: &[&dyn Dialect] = &[
    &zammad::Zammad,
    &sipgate::Sipgate,
    &placetel::Placetel,
    &voipnow::VoipNow,
    &focalscope::FocalScope,
    &telphin::Telphin,
];

/// The dialect of that name.
pub fn named(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}

/// One request to a PBX's URL, as a dialect sees it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Query, form, JSON or multipart as one list.
    pub params: &'a Params<'a>,
    /// How this PBX's numbers are read.
    pub numbering: &'a Numbering,
    /// What an admin said of this PBX.
    pub options: &'a Options,
    /// What stands in the path behind the token.
    pub tail: Option<&'a str>,
    /// The query as it was sent, still encoded.
    pub query: &'a str,
    /// For signatures.
    pub headers: &'a HeaderMap,
    /// For signatures.
    pub body: &'a [u8],
    /// When it arrived: the event's time where the PBX tells none.
    pub received: Moment,
}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Said {
    /// Something about a call.
    Event(CallEvent),
    /// Something about who works at the PBX; no call.
    Presence(Presence),
    /// Nothing that makes or moves a call; kept in the journal.
    Ignored {
        /// Its kind in the PBX's word.
        kind: String,
        /// Why no call is made of it.
        why: String,
    },
}

impl Said {
    /// Kept in the journal only. `kind` is the PBX's word.
    pub fn ignored(kind: &str, why: impl Into<String>) -> Self {
        Self::Ignored { kind: kind.chars().take(40).collect(), why: why.into() }
    }
}

/// Who works at a PBX, and how: an agent who signed in or out, an extension that is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// What the PBX calls this event.
    pub kind: String,
    /// Unique within one PBX: the agent's or the extension's id.
    pub agent: String,
    /// The extension where the agent works.
    pub extension: Option<String>,
    /// In the PBX's word, such as `available`.
    pub status: String,
    /// Since when.
    pub at: Moment,
}

/// Why a request gets an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Names the field and the remedy.
    pub why: String,
}

impl Refusal {
    /// 422, the status of everything that is readable but wrong.
    pub fn unprocessable(why: impl Into<String>) -> Self {
        Self { status: 422, why: why.into() }
    }
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// With its character set.
    pub content_type: &'static str,
    /// As the PBX reads it.
    pub body: Cow<'static, str>,
}

impl Reply {
    /// XML.
    pub fn xml(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "application/xml", body: body.into() }
    }

    /// Text for people.
    pub fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    /// JSON.
    pub fn json(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "application/json; charset=utf-8", body: body.into() }
    }
}

/// A PBX's language.
pub trait Dialect: Sync + Debug {
    /// As in URLs, in the table of PBXes and on the command line.
    fn name(&self) -> &'static str;

    /// The paths of its endpoint before the token; people are told the first.
    fn paths(&self) -> &'static [&'static str];

    /// The path that people are told.
    fn path(&self) -> &'static str {
        self.paths()[0]
    }

    /// The URL of a PBX: what is pasted into it.
    fn url(&self, public_url: &str, token: &str) -> String {
        format!("{public_url}{}/{token}", self.path())
    }

    /// May events come by GET, too?
    fn by_get(&self) -> bool {
        true
    }

    /// What may stand in the path behind the token.
    fn tails(&self) -> &'static [&'static str] {
        &[]
    }

    /// Which options it knows, besides `area_code`.
    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Takes down what is wrong with the options that only this dialect understands.
    fn check(&self, _options: &Options, _mistakes: &mut Mistakes) {}

    /// Does the PBX do what we answer? Where it does not, no rule is asked.
    fn is_steered(&self, _options: &Options) -> bool {
        true
    }

    /// What to paste where, for the person who sets the PBX up: a few lines of text.
    fn instructions(&self, url: &str) -> String;

    /// Their words to ours.
    ///
    /// # Errors
    /// Where it cannot be taken, what the PBX is told.
    fn parse(&self, request: &Request) -> Result<Said, Refusal>;

    /// Do its answers name the address for events that follow?
    fn wants_hook(&self) -> bool {
        false
    }

    /// Our decision to their words. `hook` is that address, absolute; empty where none is wanted.
    fn render(&self, event: &CallEvent, decision: &Decision, hook: &str) -> Reply;

    /// What is answered to a request that was taken but ignored.
    fn acknowledge(&self) -> Reply;

    /// An error in their words.
    fn refuse(&self, refusal: &Refusal) -> Reply;
}

#[cfg(test)]
mod tests;
