//! What is told: calls that changed, each written out once for all who hear of it.

use actix_web::web::{Bytes, BytesMut};
use serde::Serialize;

use crate::api::{CallView, names};
use crate::call::{Call, State};
use crate::store::Db;
use crate::store::call_list::Wanted;
use crate::store::changes::Moved;

/// Some changes in a row.
#[derive(Debug)]
pub struct News {
    /// In order.
    pub changes: Vec<Change>,
    /// Who has heard these has heard everything up to this change number.
    pub upto: i64,
    /// All of them as events.
    all: Bytes,
}

/// A call that changed.
#[derive(Debug)]
pub struct Change {
    /// The call as it is after that.
    pub call: Call,
    /// Its state is new, too.
    pub state_is_new: bool,
    /// Names and companies of those who have its numbers, in lower case.
    texts: Vec<String>,
    /// As an event.
    frame: Bytes,
}

impl Change {
    /// Is it meant?
    pub fn is_meant(&self, wanted: &Wanted) -> bool {
        wanted.holds(&self.call, self.texts.iter().map(String::as_str))
    }
}

impl News {
    /// Looks up the names and writes the events.
    ///
    /// # Errors
    /// What the database says.
    pub fn of(db: &mut Db, moved: Vec<Moved>, upto: i64) -> diesel::QueryResult<Self> {
        let names = names(db, moved.iter().map(|moved| &moved.call))?;
        let changes = moved.into_iter().map(|Moved { call, state_is_new }| {
            let texts = names.texts(&call).map(str::to_owned).collect();
            let event = event(state_is_new, call.state);
            let frame = frame(event, call.change, &CallView::named(call.clone(), &names));
            Change { call, state_is_new, texts, frame }
        });
        let changes: Vec<Change> = changes.collect();
        Ok(Self { all: joined(changes.iter().map(|change| &change.frame)), changes, upto })
    }

    /// What of it is meant, as events, for who has heard everything up to `heard`.
    pub fn for_reader(&self, wanted: &Wanted, heard: i64) -> Bytes {
        let meant = |change: &&Change| change.call.change > heard && change.is_meant(wanted);
        if self.changes.iter().all(|change| meant(&change)) {
            return self.all.clone();
        }
        joined(self.changes.iter().filter(meant).map(|change| &change.frame))
    }
}

fn joined<'b>(frames: impl Iterator<Item = &'b Bytes>) -> Bytes {
    let mut all = BytesMut::new();
    frames.for_each(|frame| all.extend_from_slice(frame));
    all.freeze()
}

/// Its name.
pub fn event(state_is_new: bool, state: State) -> &'static str {
    match (state_is_new, state) {
        (false, _) => "call.changed",
        (true, State::Ringing) => "call.ringing",
        (true, State::Connected) => "call.connected",
        (true, State::Ended) => "call.ended",
    }
}

/// One server-sent event; `id` is the cursor. JSON has no line breaks of its own.
pub fn frame(event: &str, id: i64, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default(); // views of ours: cannot fail
    format!("event: {event}\nid: {id}\ndata: {data}\n\n").into()
}
