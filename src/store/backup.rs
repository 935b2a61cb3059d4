//! A copy of the database while a server works on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::target::Target;
use super::{Db, journal};
use crate::error::StartError;

/// How often it is told how far the copy is.
const GLANCE: Duration = Duration::from_millis(100);

/// A finished copy.
pub struct Copied {
    /// Of its file.
    pub bytes: u64,
    /// The change number up to which calls and journal are in it.
    pub change: i64,
}

/// Copies the SQLite file `from` to the new file `to`: as it was at one moment, without free pages, readable by its
/// owner alone. The writer is not held up. `progress` is told now and then how many bytes are written.
///
/// # Errors
/// One line that says what to mend; then there is no file `to` but what was there before.
pub fn copy_sqlite(from: &Path, to: &Path, progress: impl FnMut(u64)) -> Result<Copied, StartError> {
    let refused = |e: io::Error| StartError(format!("cannot write {}: {e}", to.display()));
    if to.exists() {
        return Err(refused(io::ErrorKind::AlreadyExists.into()));
    }
    let folder = folder_of(to).canonicalize().map_err(refused)?;
    // beside its place, under another name until it is whole; gone where it does not become so
    let half = tempfile::Builder::new().prefix(".backup-").tempfile_in(&folder).map_err(refused)?;
    let mut db = connect(from)?;
    watched(half.path(), progress, || vacuum_into(&mut db, half.path()))?;
    let change = newest_in(half.path())?;
    half.as_file().sync_all().map_err(refused)?;
    let bytes = half.as_file().metadata().map_err(refused)?.len();
    half.persist_noclobber(to).map_err(|e| refused(e.error))?;
    std::fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(refused)?;
    Ok(Copied { bytes, change })
}

/// All in one read transaction.
fn vacuum_into(db: &mut Db, file: &Path) -> Result<(), StartError> {
    let name = file.to_str().ok_or_else(|| StartError(format!("{}: is no UTF-8", file.display())))?;
    let copied = diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(name).execute(db);
    copied.map(drop).map_err(StartError::database)
}

fn newest_in(copy: &Path) -> Result<i64, StartError> {
    journal::newest(&mut connect(copy)?).map_err(StartError::database)
}

fn connect(file: &Path) -> Result<Db, StartError> {
    let target = Target::Sqlite(file.into());
    target.connect().map_err(|e| StartError::connection(&target, &e))
}

/// Does `work`, and tells how the file grows meanwhile.
fn watched<T>(file: &Path, mut progress: impl FnMut(u64), work: impl FnOnce() -> T + Send) -> T
where
    T: Send,
{
    std::thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        let worker = scope.spawn(move || {
            let result = work();
            drop(done);
            result
        });
        while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
            progress(file.metadata().map_or(0, |file| file.len()));
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).into()
}
