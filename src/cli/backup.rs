//! `hookswitch backup`: a copy of the database while the server works on it.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{print, size};
use crate::config::Database;
use crate::error::StartError;
use crate::store::backup::copy_sqlite;
use crate::store::target::Target;

/// Copy the database into a new file, while a server runs on it
///
/// The copy holds everything that was answered before the command began, as it was at one moment. It appears under its
/// name when it is whole and on disk; a file that is there is never overwritten. To go back to it: stop the server, put
/// it in the place of the database, start the server (docs/operation.md). For SQLite; for PostgreSQL it says how
/// pg_dump does it.
#[derive(Debug, Args)]
#[command(after_help = "Example: hookswitch backup /backup/hookswitch-$(date +%F).db")]
pub struct Backup {
    /// The new file
    file: PathBuf,
}

impl Backup {
    /// Does it, and says how much it was.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        match database.target()? {
            Target::Sqlite(path) => copy(&path, &self.file),
            target @ Target::Postgres(_) => Err(StartError(format!(
                "PostgreSQL is copied by its own program: pg_dump --format=custom --file={} {} (it asks for the \
                 password, or finds it in ~/.pgpass)",
                quoted(&self.file.to_string_lossy()),
                quoted(&target.without_password())
            ))),
        }
    }
}

fn copy(database: &Path, file: &Path) -> Result<(), StartError> {
    let progress = progress(size(database)?);
    let copied = copy_sqlite(database, file, |bytes| progress.set_position(bytes));
    progress.finish_and_clear();
    let copied = copied?;
    print::line(&format!(
        "{} holds everything up to change {}: {}.",
        file.display(),
        copied.change,
        HumanBytes(copied.bytes)
    ))
}

/// Shown only where there is somebody to watch. The copy may end up smaller: it has no free pages.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} to go") {
        bar.set_style(style);
    }
    bar
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
