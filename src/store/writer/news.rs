//! Who hears of what the writer wrote, after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use tokio::sync::{broadcast, watch};

use crate::call::Call;
use crate::store::amend::Amendment;
use crate::store::changes::{Committed, LOST, Moved};

/// Transactions that who follows them may be behind; then it reads what it missed.
const UNHEARD: usize = 256;

/// The writer's ways to be heard.
#[derive(Debug, Clone)]
pub(super) struct News {
    /// The newest change number: says "look again" to whoever waits.
    pub newest: watch::Sender<i64>,
    /// The same, to be read by each request without a lock.
    mark: Arc<AtomicI64>,
    /// What was written, with the calls as they were left.
    pub committed: broadcast::Sender<Arc<Committed>>,
    /// Changes when there is something new to be sent to webhooks.
    pub told: watch::Sender<()>,
}

impl News {
    /// `newest` is the last change that anybody made.
    pub fn new(newest: i64) -> Self {
        Self {
            newest: watch::Sender::new(newest),
            mark: Arc::new(newest.into()),
            committed: broadcast::Sender::new(UNHEARD),
            told: watch::Sender::new(()),
        }
    }

    /// This is the newest change now.
    pub fn reached(&self, newest: i64) {
        self.mark.store(newest, Ordering::Relaxed);
        self.newest.send_replace(newest);
    }

    /// A change that was made; whatever is asked for from now on becomes a later one.
    pub fn mark(&self) -> i64 {
        self.mark.load(Ordering::Relaxed)
    }

    /// Tells who follows; nothing where nobody does.
    pub fn tell(&self, after: i64, newest: i64, calls: impl FnOnce() -> Vec<Moved>) {
        if self.committed.receiver_count() > 0 {
            let committed = Committed { after, newest, calls: calls(), at: Instant::now() };
            let _gone = self.committed.send(Arc::new(committed));
        }
    }

    /// The same of what people and the sweep did.
    pub fn tell_amended(&self, amendment: &Amendment, changed: &[Call]) {
        let (Some(first), Some(last)) = (changed.first(), changed.last()) else { return };
        let state_is_new = amendment.kind == LOST;
        let moved = |call: &Call| Moved { call: call.clone(), state_is_new };
        self.tell(first.change - 1, last.change, || changed.iter().map(moved).collect());
    }
}
