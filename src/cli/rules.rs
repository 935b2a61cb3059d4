//! `hookswitch rules`: the block list and the caller-ID rules as one document, and what they would say. A server that
//! runs follows each change within a second.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{input, open, open_or_make, plainly, print};
use crate::call::{Decision, Direction};
use crate::clock;
use crate::config::Database;
use crate::error::StartError;
use crate::object;
use crate::rulebook::{Check, Rulebook};
use crate::snapshot::Snapshot;
use crate::store::settings;

/// Export, import and ask the rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Write the whole set as JSON, as GET /api/v1/rules answers
    #[command(after_help = "Example: hookswitch rules export rules.json")]
    Export {
        /// Where to; left out, it is printed
        file: Option<PathBuf>,
    },
    /// Put a whole set in the place of the one that there is, all or nothing
    ///
    /// The file is as `hookswitch rules export` writes it, and as PUT /api/v1/rules takes it. A rule with the id and
    /// the pattern of one that is there stays that one, with its hits; all others are new.
    #[command(after_help = "Example: hookswitch rules import rules.json")]
    Import {
        /// Where from; - reads what is piped in
        file: PathBuf,
    },
    /// Say what would be answered to a call, by which rule, and why
    #[command(
        after_help = "Example: hookswitch rules check --direction in --from \"+49 171 3920055\" --to 030231250"
    )]
    Check(Asked),
}

/// A call that somebody thinks of.
#[derive(Debug, Args)]
pub struct Asked {
    /// in or out
    #[arg(long)]
    direction: Direction,
    /// The caller, as the PBX sends it [default: withheld]
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// The callee, as the PBX sends it
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// Whose call: a PBX's id [default: the PBX, where there is only one]
    #[arg(long, value_name = "ID")]
    pbx: Option<i64>,
    /// The queue that the caller came through
    #[arg(long)]
    queue: Option<String>,
    /// Who rings or dials
    #[arg(long)]
    user: Option<String>,
    /// Print JSON, as POST /api/v1/rules/check answers
    #[arg(long)]
    json: bool,
}

impl Rules {
    /// Does it.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        match self {
            Self::Export { file } => export(database, file.as_deref()),
            Self::Import { file } => import(database, &file),
            Self::Check(call) => check(database, call),
        }
    }
}

fn export(database: &Database, file: Option<&Path>) -> Result<(), StartError> {
    let book = Rulebook::read(&mut open(database)?, |_| true).map_err(StartError::database)?;
    let text = serde_json::to_string_pretty(&book).map_err(|e| StartError(e.to_string()))?;
    let Some(file) = file else { return print::line(&text) };
    write_private(file, &(text + "\n"))
        .map_err(|e| StartError(format!("cannot write {}: {e}", file.display())))?;
    print::line(&format!(
        "{} block rules and {} caller-ID rules are in {}.",
        book.block_rules.len(),
        book.caller_id_rules.len(),
        file.display()
    ))
}

/// It holds phone numbers: for its owner alone, also where a file was there that others could read.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut open =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    if open.metadata()?.is_file() {
        open.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    open.write_all(text.as_bytes())
}

fn import(database: &Database, file: &Path) -> Result<(), StartError> {
    let text = String::from_utf8(input(file)?)
        .map_err(|e| StartError(format!("{}: {e}; it has to be UTF-8", file.display())))?;
    let book: Rulebook = object::read(&text).map_err(|e| {
        StartError(format!("{}: {e}; `hookswitch rules export` shows how it should look", file.display()))
    })?;
    let (block, caller_id) = (book.block_rules.len(), book.caller_id_rules.len());
    let numbering = database.numbering()?;
    let mut db = open_or_make(database)?;
    let set = book.check(&mut db, &numbering).map_err(plainly)?;
    let done = settings::change(&mut db, |db| set.put(db, clock::now())).map_err(StartError::database)?;
    print::line(&format!(
        "{block} block rules and {caller_id} caller-ID rules are in force: {} added, {} changed, {} as they were; \
         {} removed.",
        done.added, done.changed, done.kept, done.removed
    ))
}

fn check(database: &Database, call: Asked) -> Result<(), StartError> {
    let Asked { direction, from, to, pbx, queue, user, json } = call;
    let numbering = database.numbering()?;
    let snapshot = Snapshot::load(&mut open(database)?, &numbering).map_err(StartError::database)?;
    let call = Check { direction, from, to, pbx_id: pbx, queue, user };
    let said = call.ask(&snapshot, &numbering, clock::now(), |_| true).map_err(plainly)?;
    if json {
        let text = serde_json::to_string_pretty(&said).map_err(|e| StartError(e.to_string()))?;
        return print::line(&text);
    }
    let answer = match &said.decision {
        Decision::Accept => "accept".to_owned(),
        Decision::Reject { reason, .. } => format!("reject, reason {reason}"),
        Decision::Dial { caller_id, number, .. } => format!("dial {number} with caller ID {caller_id}"),
    };
    print::line(&format!("Answer: {answer}\nWhy: {}", said.why))
}
