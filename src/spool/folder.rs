//! The files of the spool: segments that are written at their end, read from the oldest, and deleted once the database
//! has what is in them. What was written is synced before `append` returns.
//!
//! A segment is named for its spool and the number of its first record. A spool begins where there is none, and ends
//! when all of it is in the database; the database holds how far it is (`store::spooled`), so that a crash in the
//! middle repeats nothing.

mod aside;
mod files;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::frame::{self, MAGIC};
use crate::call::Moment;
use crate::error::StartError;
use crate::secret::random_bytes;

/// A segment that has grown to this many bytes is followed by the next.
const SEGMENT: u64 = 4 << 20;

/// One record that is not yet in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// In its spool, from 1.
    pub number: u64,
    /// As it was put.
    pub payload: Vec<u8>,
}

/// Some records of one spool, in order.
#[derive(Debug)]
pub struct Batch {
    /// Which spool.
    pub spool: Arc<str>,
    /// At least one.
    pub records: Vec<Stored>,
}

struct Segment {
    path: PathBuf,
    spool: Arc<str>,
    /// Bytes that are synced.
    length: u64,
    /// Of these, those that were read.
    read: u64,
    /// The last record that the database has; those after it are to be read.
    position: u64,
    /// Records that the database has not.
    left: u64,
    /// When the oldest of these came, or a little earlier.
    since: Moment,
}

/// All segments. One process at a time has it.
pub struct Folder {
    path: PathBuf,
    /// Until it is dropped nobody else has the folder.
    _lock: File,
    /// The most that the segments may hold, in bytes.
    limit: u64,
    segments: VecDeque<Segment>,
    /// What was read of the first segment and is not taken yet.
    front: VecDeque<Stored>,
    /// The last segment, where it can be written on.
    file: Option<File>,
    /// The spool that is written now.
    spool: Arc<str>,
    /// The next record's number in it.
    next: u64,
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// In bytes, with what the database already has of a segment.
    pub bytes: u64,
    /// Records that the database has not.
    pub records: u64,
    /// When the oldest of them came, or a little earlier.
    pub since: Option<Moment>,
}

impl Folder {
    /// Opens it, and makes it where it is missing. `position` says up to which record of a spool the database has it.
    /// A torn end, as a crash leaves it, is cut; of a file that is damaged elsewhere a copy is kept beside it.
    ///
    /// # Errors
    /// What a person must mend: somebody else has it, it cannot be written, a newer program wrote it.
    pub fn open(
        path: PathBuf,
        limit: u64,
        mut position: impl FnMut(&str) -> Result<u64, StartError>,
    ) -> Result<Self, StartError> {
        let refused =
            |e: io::Error| StartError(format!("--spool-dir: cannot use the folder {}: {e}", path.display()));
        let lock = files::lock(&path)?;
        let mut segments = VecDeque::new();
        for found in files::segments(&path).map_err(refused)? {
            let position = position(&found.spool)?;
            segments.extend(files::look_through(found, position)?);
        }
        aside::bound(&path, limit);
        let spool = new_spool();
        Ok(Self { path, _lock: lock, limit, segments, front: VecDeque::new(), file: None, spool, next: 1 })
    }

    /// Adds records and syncs them. How many there was room for: the first ones.
    ///
    /// # Errors
    /// Where the disk refuses; then none is to be relied on, but some may be there.
    pub fn append(&mut self, payloads: &[Vec<u8>], now: Moment) -> io::Result<usize> {
        let mut room = self.limit.saturating_sub(self.figures().bytes);
        let fits = |payload: &&Vec<u8>| {
            let size = (frame::HEAD + payload.len()) as u64;
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        };
        let count = payloads.iter().take_while(fits).count();
        if count == 0 {
            return Ok(0);
        }
        let (first, mut bytes) = (self.next, Vec::new());
        for payload in &payloads[..count] {
            frame::put(self.next, payload, &mut bytes);
            self.next += 1; // also of one that fails: a number is never used again
        }
        self.write(first, &bytes, now)?;
        if let Some(segment) = self.segments.back_mut() {
            if segment.left == 0 {
                segment.since = now;
            }
            segment.left += count as u64;
            segment.length += bytes.len() as u64;
        }
        Ok(count)
    }

    fn write(&mut self, first: u64, bytes: &[u8], now: Moment) -> io::Result<()> {
        let long = self.segments.back().is_none_or(|segment| segment.length >= SEGMENT);
        let (mut file, new) = match self.file.take() {
            Some(file) if !long => (file, false),
            _ => (self.begin(first, now)?, true),
        };
        let head: &[u8] = if new { MAGIC } else { b"" };
        let written =
            file.write_all(head).and_then(|()| file.write_all(bytes)).and_then(|()| file.sync_data());
        let named = written.and_then(|()| if new { files::sync_folder(&self.path) } else { Ok(()) });
        if let Err(e) = named {
            // after a failed sync nobody knows what is there: the next record begins another file
            let _as_well_as_it_goes = match self.segments.pop_back_if(|_| new) {
                Some(begun) => std::fs::remove_file(begun.path), // a full disk would get one with each event
                None => file.set_len(self.segments.back().map_or(0, |segment| segment.length)),
            };
            return Err(e);
        }
        self.file = Some(file);
        Ok(())
    }

    /// A new segment, whose first record will have this number, still empty. Neither it nor its name is synced.
    fn begin(&mut self, first: u64, now: Moment) -> io::Result<File> {
        let path = self.path.join(files::name(&self.spool, first));
        let file = files::create_new(&path)?;
        let (length, spool) = (MAGIC.len() as u64, self.spool.clone());
        self.segments.push_back(Segment { path, spool, length, read: 0, position: 0, left: 0, since: now });
        Ok(file)
    }

    /// The oldest records, which are the caller's until `done` or `put_back`. `None` where there are none.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn take(&mut self, most: usize) -> io::Result<Option<Batch>> {
        while self.front.is_empty() {
            let Some(segment) = self.segments.front_mut() else { return Ok(None) };
            if segment.read == segment.length {
                debug_assert_eq!(segment.left, 0, "whoever takes says `done` or puts back");
                self.drop_first();
                continue;
            }
            self.front = files::read_on(segment)?;
            aside::bound(&self.path, self.limit);
        }
        let Some(segment) = self.segments.front() else { return Ok(None) };
        let count = most.min(self.front.len());
        Ok(Some(Batch { spool: segment.spool.clone(), records: self.front.drain(..count).collect() }))
    }

    /// The database did not take them: they are the oldest again.
    pub fn put_back(&mut self, batch: Batch) {
        batch.records.into_iter().rev().for_each(|record| self.front.push_front(record));
    }

    /// The database has so many more, the last of which came then. Names the spools that are in it wholly, and of
    /// which no file can come back.
    pub fn done(&mut self, count: usize, since: Moment) -> Vec<Arc<str>> {
        if let Some(segment) = self.segments.front_mut() {
            segment.left = segment.left.saturating_sub(count as u64);
            segment.since = since;
        }
        let mut ended = Vec::new();
        while let Some(segment) = self.segments.front()
            && segment.left == 0
            && segment.read == segment.length
        {
            let spool = segment.spool.clone();
            self.drop_first();
            if self.segments.front().is_none_or(|segment| segment.spool != spool) {
                ended.push(spool);
            }
        }
        if self.segments.is_empty() {
            (self.spool, self.next) = (new_spool(), 1);
        }
        self.gone(ended)
    }

    /// Those of which no file is left, not even after a power cut: what the database has of others must not be forgotten.
    fn gone(&self, mut ended: Vec<Arc<str>>) -> Vec<Arc<str>> {
        if ended.is_empty() {
            return ended;
        }
        match files::sync_folder(&self.path).and_then(|()| files::segments(&self.path)) {
            Ok(left) => ended.retain(|spool| left.iter().all(|found| found.spool != *spool)),
            Err(e) => {
                log::warn!("{} cannot be synced: {e}", self.path.display());
                ended.clear();
            }
        }
        ended
    }

    /// Deletes the first segment: the database has it.
    fn drop_first(&mut self) {
        let Some(segment) = self.segments.pop_front() else { return };
        if self.segments.is_empty() {
            self.file = None;
        }
        if let Err(e) = std::fs::remove_file(&segment.path) {
            log::warn!("{} is in the database, but cannot be deleted: {e}", segment.path.display());
        }
    }

    /// Keeps a record aside that the database will never take, as a line of JSON. What is kept so is bounded as the
    /// spool itself is, and the oldest goes first.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn reject(&self, spool: &str, why: &str, record: &Stored) -> io::Result<()> {
        aside::reject(&self.path, spool, why, record, self.limit)
    }

    /// Is there nothing that the database has not?
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// For who watches.
    pub fn figures(&self) -> Figures {
        let left = self.segments.iter().find(|segment| segment.left > 0);
        Figures {
            bytes: self.segments.iter().map(|segment| segment.length).sum(),
            records: self.segments.iter().map(|segment| segment.left).sum(),
            since: left.map(|segment| segment.since),
        }
    }

    /// For messages.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// Later ones sort behind earlier ones; no two are the same, on whichever machine.
fn new_spool() -> Arc<str> {
    let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%3f");
    let chance: String = random_bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{now}-{chance}").into()
}

#[cfg(test)]
mod tests;
