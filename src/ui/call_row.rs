//! A call as pages show it: one row of the log, one card of those under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::frame::Visit;
use super::screen_pop::ScreenPop;
use super::zone::Zone;
use crate::api::call_view::{CallView, NumberView};
use crate::app::App;
use crate::call::{Direction, Outcome, State};

/// What it takes to show calls to somebody.
pub struct Show {
    zone: Zone,
    /// The PBXes that are seen, by id; a single one need not be named.
    pub pbxes: BTreeMap<i64, String>,
    pop: Option<Arc<ScreenPop>>,
}

impl Show {
    /// To whoever visits.
    pub fn to(app: &App, visit: &Visit) -> Self {
        let pbxes = app.snapshot();
        let seen = pbxes.pbxes().into_iter().filter(|(id, _)| visit.caller.0.sees(*id));
        Self {
            zone: visit.frame.zone,
            pbxes: seen.map(|(id, pbx)| (id, pbx.name.clone())).collect(),
            pop: app.config.screen_pop.clone(),
        }
    }

    /// One call.
    pub fn row(&self, call: CallView) -> Row {
        let many = self.pbxes.len() > 1;
        Row {
            pbx: self.pbxes.get(&call.pbx_id).filter(|_| many).cloned(),
            pop: self.pop.as_ref().map(|pop| pop.link(&call)),
            zone: self.zone,
            call,
        }
    }
}

/// A call, to be shown.
pub struct Row {
    /// As the API shows it.
    pub call: CallView,
    /// The viewer's.
    pub zone: Zone,
    /// The PBX's name, where there are several.
    pub pbx: Option<String>,
    /// Where more is known of the far end.
    pub pop: Option<String>,
}

impl Row {
    /// How it ended, or how it stands: the word, which is also the icon's name.
    pub fn word(&self) -> &'static str {
        self.call.outcome.map_or_else(|| self.call.state.as_str(), Outcome::as_str)
    }

    /// in or out; blank where nobody said.
    pub fn direction(&self) -> &'static str {
        self.call.direction.map_or("", Direction::as_str)
    }

    /// Does it still go on?
    pub fn is_live(&self) -> bool {
        self.call.state != State::Ended
    }

    /// Does it wait for somebody?
    pub fn is_open(&self) -> bool {
        !self.is_live() && !self.call.done
    }

    /// How long it rang, as in 0:42.
    pub fn waiting(&self) -> String {
        self.call.waiting_ms.map(clock).unwrap_or_default()
    }

    /// How long people spoke.
    pub fn talking(&self) -> String {
        self.call.talking_ms.map(clock).unwrap_or_default()
    }

    /// Since when it is as it is.
    pub fn since(&self) -> &DateTime<Utc> {
        self.call.answered_at.as_ref().unwrap_or(&self.call.started_at)
    }

    /// For how long that is.
    pub fn lasts(&self) -> String {
        clock((Utc::now() - self.since()).num_milliseconds())
    }

    /// Who took it, else whom it rang.
    pub fn people(&self) -> String {
        self.call.answered_by.clone().unwrap_or_else(|| self.call.users.join(", "))
    }

    /// Where the recording can be heard; no link that would run something.
    pub fn recording(&self) -> Option<&String> {
        let web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        self.call.recording_url.as_ref().filter(web)
    }

    /// Who ticked it, and when.
    pub fn ticked(&self) -> String {
        match (&self.call.done_by, &self.call.done_at) {
            (Some(by), Some(at)) => format!("{by}, {}", self.zone.brief(at)),
            _ => String::new(),
        }
    }
}

impl CallView {
    /// The other side: who called, or who was called.
    pub fn far(&self) -> &NumberView {
        if self.direction == Some(Direction::Out) { &self.to } else { &self.from }
    }

    /// Its number, where it was not withheld.
    pub fn far_number(&self) -> Option<&String> {
        let known = self.far().e164.as_ref().or(self.far().number.as_ref());
        known.filter(|number| !number.eq_ignore_ascii_case("anonymous"))
    }
}

impl NumberView {
    /// What there is to read of it: the contact's name, else the number.
    pub fn called(&self) -> &str {
        let text = self.name.as_deref().or(self.display.as_deref()).unwrap_or("unknown");
        if text.eq_ignore_ascii_case("anonymous") { "number withheld" } else { text }
    }
}

/// A duration in ms as on a clock: 0:42, 12:05, 1:02:03.
pub fn clock(ms: i64) -> String {
    let s = (ms / 1000).max(0);
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn durations_read_as_on_a_clock() {
        let all = [(0, "0:00"), (999, "0:00"), (42_000, "0:42"), (725_000, "12:05"), (3_723_000, "1:02:03")];
        for (ms, text) in all {
            assert_eq!(clock(ms), text);
        }
        assert_eq!(clock(-5), "0:00");
    }
}
