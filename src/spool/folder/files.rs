//! One file after the other: names, rights, the lock, and how a segment is read.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::aside::keep_aside;
use super::{Segment, Stored};
use crate::error::StartError;
use crate::spool::frame::{self, MAGIC};

/// What segments are called at the end.
const EXTENSION: &str = "spool";

/// Makes the folder where it is missing, for its owner alone, and takes it for this process.
pub fn lock(folder: &Path) -> Result<File, StartError> {
    let refused =
        |e: io::Error| StartError(format!("--spool-dir: cannot use the folder {}: {e}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"));
    let file = file.map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError(format!(
            "--spool-dir: another server uses the folder {}: stop it (PostgreSQL is for several servers, and then each \
             needs a folder of its own)",
            folder.display()
        ))),
        Err(TryLockError::Error(e)) => Err(refused(e)),
    }
}

/// A segment as it was found.
pub struct Found {
    path: PathBuf,
    /// Of its name.
    pub spool: Arc<str>,
}

/// The segments, oldest first.
pub fn segments(folder: &Path) -> io::Result<Vec<Found>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some((spool, _number)) = path.file_stem().and_then(|stem| stem.to_str()?.rsplit_once('.'))
        {
            all.push(Found { spool: spool.into(), path });
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Reads a segment that an earlier process left, cuts a torn end, and counts what the database has not. `None`, and the
/// file is gone, where the database has all.
pub fn look_through(found: Found, position: u64) -> Result<Option<Segment>, StartError> {
    let Found { path, spool } = found;
    let refused = |e: io::Error| StartError(format!("--spool-dir: cannot use {}: {e}", path.display()));
    let bytes = std::fs::read(&path).map_err(refused)?;
    let version = MAGIC.len() - 1;
    if bytes.len() > version && bytes[..version] == MAGIC[..version] && bytes[version] > MAGIC[version] {
        let why = "a newer Hookswitch wrote it; start that one, so that the database gets what is in it";
        return Err(StartError(format!("--spool-dir: {}: {why}", path.display())));
    }
    let scan = frame::scan(&bytes);
    let cut = bytes.len() - scan.end;
    // a crash leaves less than an event, or zeros; what else is cut off may be one that was answered
    let torn = frame::is_torn(&bytes[scan.end..]);
    if scan.damaged > 0 || !torn {
        keep_aside(&path, scan.damaged + if torn { 0 } else { cut });
    }
    if cut > 0 {
        if torn {
            log::warn!("{}: {cut} bytes at the end are no whole event and are cut off", path.display());
        }
        let file = OpenOptions::new().write(true).open(&path).map_err(refused)?;
        file.set_len(scan.end as u64).and_then(|()| file.sync_all()).map_err(refused)?;
    }
    let left = scan.frames.iter().filter(|frame| frame.number > position).count() as u64;
    if left == 0 {
        std::fs::remove_file(&path).map_err(refused)?;
        return Ok(None);
    }
    let data = path.metadata().map_err(refused)?;
    let since = data.created().or_else(|_| data.modified()).map_err(refused)?;
    let since = chrono::DateTime::<chrono::Utc>::from(since).naive_utc();
    let length = scan.end as u64;
    Ok(Some(Segment { spool, length, read: 0, position, left, since, path }))
}

/// What stands in a segment behind what was read of it.
pub fn read_on(segment: &mut Segment) -> io::Result<VecDeque<Stored>> {
    let mut bytes = vec![0; usize::try_from(segment.length - segment.read).unwrap_or(usize::MAX)];
    File::open(&segment.path)?.read_exact_at(&mut bytes, segment.read)?;
    let scan = frame::scan(&bytes);
    let new = scan.frames.iter().filter(|frame| frame.number > segment.position);
    let records: VecDeque<Stored> =
        new.map(|frame| Stored { number: frame.number, payload: frame.payload.to_vec() }).collect();
    let readable = records.len() as u64;
    if readable < segment.left {
        log::error!("{}: {} events cannot be read any more", segment.path.display(), segment.left - readable);
        keep_aside(&segment.path, bytes.len() - scan.end + scan.damaged);
        segment.left = readable;
    }
    segment.read = segment.length;
    Ok(records)
}

/// Sorts as the records in it do.
pub fn name(spool: &str, number: u64) -> String {
    format!("{spool}.{number:020}.{EXTENSION}")
}

/// For its owner alone.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)
}

/// So that a new file's name is there after a power cut, and a deleted one's is not.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
