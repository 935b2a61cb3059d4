//! What is kept beside the segments for a person to look at: damaged files, and events that the database will never take.
//! Nobody may ever look, so it is bounded.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Stored;
use super::files::sync_folder;

const DAMAGED: &str = "damaged";
const REJECTED: &str = "rejected";

/// A file of rejected events that has grown to this many bytes is followed by the next.
const PART: u64 = 4 << 20;

/// A copy of the file stays when the segment is cut or deleted.
pub fn keep_aside(path: &Path, damaged: usize) {
    let aside = path.with_extension(DAMAGED);
    log::error!(
        "{}: {damaged} bytes are damaged; all whole events are still used, and the file is kept as {}",
        path.display(),
        aside.display()
    );
    // the first copy is the fullest: what is found damaged may be cut
    if !aside.exists()
        && let Err(e) = std::fs::copy(path, &aside)
    {
        log::error!("{}: {e}", aside.display());
    }
}

#[derive(Serialize)]
struct Rejected<'a> {
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// Adds a record of that spool as a line of JSON. Together the files may hold `limit` bytes.
pub fn reject(folder: &Path, spool: &str, why: &str, record: &Stored, limit: u64) -> io::Result<()> {
    let event = serde_json::from_slice(&record.payload).ok();
    let unreadable = event.is_none().then(|| String::from_utf8_lossy(&record.payload).into_owned());
    let mut line = serde_json::to_vec(&Rejected { why, event, unreadable })?;
    line.push(b'\n');
    let path = folder.join(format!("{spool}.{REJECTED}"));
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    file.write_all(&line)?;
    file.sync_data()?;
    sync_folder(folder)?;
    if file.metadata()?.len() >= PART {
        let full = folder.join(format!("{spool}.{:020}.{REJECTED}", record.number));
        warn(&path, std::fs::rename(&path, full));
        bound(folder, limit);
    }
    Ok(())
}

/// Deletes the oldest of all that is kept aside until the rest is no more than `limit` bytes.
pub fn bound(folder: &Path, limit: u64) {
    warn(folder, delete_oldest(folder, limit));
}

/// The record itself is safe.
fn warn(path: &Path, done: io::Result<()>) {
    if let Err(e) = done {
        log::warn!("{}: {e}", path.display());
    }
}

fn delete_oldest(folder: &Path, limit: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == DAMAGED || extension == REJECTED) {
            let data = path.metadata()?;
            files.push((data.modified()?, data.len(), path));
        }
    }
    files.sort_unstable();
    let mut kept = 0;
    for (_, length, path) in files.iter().rev() {
        kept += length;
        if kept > limit {
            std::fs::remove_file(path)?;
            log::warn!("{} is deleted: more than {} MiB were kept aside", path.display(), limit >> 20);
        }
    }
    Ok(())
}
