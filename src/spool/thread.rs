//! The spool's thread: writes whatever queued while the last writing was synced, syncs once, answers all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::{Refused, Shelf};
use crate::clock;

/// The most of one writing.
const MOST: usize = 512;

/// A record to be written, and who waits for that.
pub(super) struct Job {
    pub payload: Vec<u8>,
    pub done: oneshot::Sender<Result<(), Refused>>,
}

/// Until all who could send are gone.
pub(super) fn run(shelf: &Arc<Shelf>, mut inbox: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(MOST);
    while inbox.blocking_recv_many(&mut jobs, MOST) > 0 {
        let (payloads, waiting): (Vec<_>, Vec<_>) = jobs.drain(..).map(|job| (job.payload, job.done)).unzip();
        let written = shelf.append(&payloads);
        for (position, done) in waiting.into_iter().enumerate() {
            let answer = match &written {
                Ok(count) if position < *count => Ok(()),
                Ok(_) => Err(Refused::Full),
                Err(_) => Err(Refused::Disk),
            };
            let _gone = done.send(answer);
        }
    }
}

impl Shelf {
    /// How many of them are on the disk now.
    fn append(&self, payloads: &[Vec<u8>]) -> std::io::Result<usize> {
        let mut folder = self.folder();
        let written = folder.append(payloads, clock::now());
        self.coming.fetch_sub(payloads.len(), Ordering::AcqRel);
        self.handover().came(*written.as_ref().unwrap_or(&0));
        if !folder.is_empty() && self.fills(&folder) {
            log::warn!(
                "the database does not take events in time: they are answered from memory and kept in the spool {}",
                folder.path().display()
            );
        }
        match &written {
            Ok(count) if *count < payloads.len() => {
                self.complaints
                    .warn("the spool is full: events are answered 503", "--spool-max-mb bounds it");
            }
            Ok(_) => {}
            Err(e) => self.complaints.warn("the spool cannot be written: events are answered 503", e),
        }
        written
    }
}
