//! Which missed calls may need nobody any more, since their caller was reached on another call. It is found out in a
//! transaction of its own, behind that of the events; where that fails it is tried again.

use diesel::QueryResult;

use crate::call::Call;
use crate::store::batch::Reached;
use crate::store::{Db, calls};

/// The most of each that are kept where the database refuses.
const MOST: usize = 10_000;

/// What is still to be looked at.
#[derive(Default)]
pub(super) struct Unticked {
    /// Far ends that were spoken to: their missed calls of before are to be ticked.
    reached: Vec<Reached>,
    /// Calls that nobody took: was their far end spoken to while they rang?
    opened: Vec<Call>,
}

impl Unticked {
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty() && self.opened.is_empty()
    }

    pub fn add(&mut self, reached: Vec<Reached>, opened: Vec<Call>) {
        self.reached.extend(reached);
        self.opened.extend(opened);
        self.reached.truncate(MOST);
        self.opened.truncate(MOST);
    }

    /// All far ends that were spoken to, whichever of the calls came first.
    pub fn all(&self, db: &mut Db) -> QueryResult<Vec<Reached>> {
        let mut all = calls::reached_since(db, &self.opened)?;
        all.extend(self.reached.iter().cloned());
        Ok(all)
    }
}
