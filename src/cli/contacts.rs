//! `hookswitch contacts`: whose number it is.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::{input, open_or_make, print};
use crate::clock;
use crate::config::Database;
use crate::error::StartError;
use crate::import;

/// So many left-out lines are printed one by one.
const TOLD: usize = 20;

/// Set up contacts.
#[derive(Debug, Subcommand)]
pub enum Contacts {
    /// Take in a file of contacts, all or nothing
    ///
    /// CSV whose first row names the columns (name, company, number, note; also as Outlook, Google and Thunderbird
    /// export it, English or German), or vCards. Who is there already, by the same name and a number in common, is
    /// brought up to date.
    #[command(after_help = "Example: hookswitch contacts import contacts.vcf")]
    Import {
        /// Where from; - reads what is piped in
        file: PathBuf,
    },
}

impl Contacts {
    /// Does it.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        match self {
            Self::Import { file } => import_file(database, &file),
        }
    }
}

fn import_file(database: &Database, file: &Path) -> Result<(), StartError> {
    let wrong = |why: String| StartError(format!("{}: {why}", file.display()));
    let contacts = import::read(&input(file)?, None, &database.numbering()?).map_err(wrong)?;
    let mut db = open_or_make(database)?;
    let progress = progress(contacts.found.len() as u64);
    let done = import::into(&mut db, contacts, clock::now(), |some| progress.inc(some as u64));
    progress.finish_and_clear();
    let done = done.map_err(StartError::database)?;
    let mut lines = vec![format!(
        "{} contacts created, {} updated, {} unchanged.",
        done.created, done.updated, done.unchanged
    )];
    lines.extend(
        done.skipped.iter().take(TOLD).map(|skipped| format!("Line {}: {}", skipped.line, skipped.why)),
    );
    if done.skipped_count > TOLD {
        lines.push(format!("… and {} more", done.skipped_count - TOLD));
    }
    print::line(&lines.join("\n"))
}

/// Shown only where there is somebody to watch.
fn progress(contacts: u64) -> ProgressBar {
    let bar = ProgressBar::new(contacts);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} contacts, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
