//! The commands. Each reads its own flags, opens the database and does one thing.

mod backup;
mod calls;
mod contacts;
mod health;
mod key;
mod pbx;
mod print;
mod rules;
mod serve;
mod simulate;
mod webhook;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;

use clap::builder::Resettable::Reset;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use env_logger::fmt::Formatter;
use log::LevelFilter;

use crate::config::{self, Database};
use crate::error::{Error, StartError};
use crate::store::target::Target;
use crate::store::{self, Db};
use crate::text::shown;

/// Receives call events from PBXes, answers at once, keeps the caller log.
///
/// Without a command it serves: on the first start it makes its database, a PBX and a key, and prints the URL to
/// paste into the PBX.
#[derive(Debug, Parser)]
#[command(
    name = "hookswitch",
    version,
    after_help = "Example: hookswitch --listen 0.0.0.0:8080 --public-url https://calls.example.org"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: config::Serve,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve PBXes and people (the default)
    #[command(
        after_help = "Example: hookswitch serve --listen 0.0.0.0:8080 --public-url https://calls.example.org"
    )]
    Serve(Box<config::Serve>),
    /// Set up PBXes: add, list, rotate their tokens, disable, enable
    #[command(subcommand)]
    Pbx(pbx::Pbx),
    /// Set up API keys: add, list, link, revoke
    #[command(subcommand)]
    Key(key::Key),
    Calls(Box<calls::Calls>),
    /// The block list and the caller-ID rules: export, import, check
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Who is told of calls: add, list, edit, remove webhooks, and what came of telling them
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Whose number it is: import
    #[command(subcommand)]
    Contacts(contacts::Contacts),
    Backup(backup::Backup),
    Simulate(simulate::Simulate),
    Health(health::Health),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// One line for the person at the terminal.
pub fn run() -> Result<(), StartError> {
    let from_file = config::read_dotenv(std::path::Path::new("."));
    let given = without_blanks(Cli::command()).get_matches(); // ends here where it was asked for help
    from_file?;
    let cli = Cli::from_arg_matches(&given).map_err(|e| StartError(e.to_string()))?;
    if let Some(flag) = misplaced(&given) {
        return Err(StartError(format!("--{flag} is a flag of `serve`: put it behind that word")));
    }
    let database = cli.database;
    if given.value_source("log_level") == Some(ValueSource::CommandLine) {
        check_levels(&database.log_level)?; // RUST_LOG may be meant for others
    }
    // a client's broken request is an error to actix_http, and nothing that an operator can mend
    let mut logger = env_logger::Builder::new();
    logger.filter_module("actix_http", LevelFilter::Off).parse_filters(&database.log_level);
    logger.format(log_line).init();
    for name in unknown_settings(&Cli::command()) {
        log::warn!("{name} is set and is no setting; `hookswitch serve --help` tells their names");
    }
    match cli.command.unwrap_or_else(|| Command::Serve(Box::new(cli.serve))) {
        Command::Serve(serve) => serve::run(&database, *serve),
        Command::Pbx(command) => command.run(&database),
        Command::Key(command) => command.run(&database),
        Command::Calls(command) => command.run(&database),
        Command::Rules(command) => command.run(&database),
        Command::Webhook(command) => command.run(&database),
        Command::Contacts(command) => command.run(&database),
        Command::Backup(command) => command.run(&database),
        Command::Simulate(command) => command.run(&database),
        Command::Health(command) => command.run(),
    }
}

/// One line, whatever is in the message: nobody outside writes lines of our log, or speaks to who reads it.
fn log_line(out: &mut Formatter, record: &log::Record) -> std::io::Result<()> {
    let (level, style) = (record.level(), out.default_level_style(record.level()));
    let (time, message) = (out.timestamp(), record.args().to_string());
    writeln!(out, "[{time} {style}{level:<5}{style:#} {}] {}", record.target(), shown(&message))
}

/// A variable of the environment that is set to nothing is not set: docker-compose and `.env` have such lines.
fn without_blanks(command: clap::Command) -> clap::Command {
    let is_blank = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let reset = |arg: clap::Arg| if arg.get_env().is_some_and(is_blank) { arg.env(Reset) } else { arg };
    command.mut_args(reset).mut_subcommands(without_blanks)
}

/// Variables of the environment that look like settings of ours: mistyped ones would do nothing, and nobody be told.
fn unknown_settings(command: &clap::Command) -> Vec<String> {
    fn known(command: &clap::Command) -> Vec<&OsStr> {
        let own = command.get_arguments().filter_map(clap::Arg::get_env);
        own.chain(command.get_subcommands().flat_map(known)).collect()
    }
    let known = known(command);
    let set = std::env::vars_os().map(|(name, _)| name).filter(|name| !known.contains(&name.as_os_str()));
    let mut unknown: Vec<String> = set.filter_map(|name| name.into_string().ok()).collect();
    unknown.retain(|name| name.starts_with("HOOKSWITCH_"));
    unknown.sort_unstable();
    unknown
}

/// A mistyped level would be taken for the name of a module, and nothing be logged.
fn check_levels(filters: &str) -> Result<(), StartError> {
    let parts = filters.split('/').next().unwrap_or_default().split(',').map(str::trim);
    let is_level = |part: &str| part.rsplit('=').next().unwrap_or(part).trim().parse::<LevelFilter>().is_ok();
    match parts.filter(|part| !part.is_empty()).find(|part| !is_level(part)) {
        None => Ok(()),
        Some(wrong) => Err(StartError(format!(
            "--log-level {wrong:?}: the levels are off, error, warn, info, debug, trace; of one module, as in \
             hookswitch=debug"
        ))),
    }
}

/// A flag of `serve` that stands before another command, where it would do nothing.
fn misplaced(given: &ArgMatches) -> Option<String> {
    given.subcommand_name()?;
    let known = config::Serve::augment_args(clap::Command::new(""));
    let typed =
        |flag: &&clap::Arg| given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
    known.get_arguments().find(typed)?.get_long().map(Into::into)
}

/// The database, brought up to date. A server may run on it meanwhile.
fn open(database: &Database) -> Result<Db, StartError> {
    if let Target::Sqlite(path) = database.target()? {
        size(&path)?; // else whoever is in the wrong folder would work on a new one
    }
    open_or_make(database)
}

/// The same for what may come before a server's first start.
fn open_or_make(database: &Database) -> Result<Db, StartError> {
    let mut db = database.target()?.open()?;
    store::migrate(&mut db)?;
    Ok(db)
}

/// What is in `file`; `-` is standard input.
fn input(file: &Path) -> Result<Vec<u8>, StartError> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|e| StartError(format!("cannot read {}: {e}", file.display())))
}

/// How many bytes the database of SQLite has.
fn size(path: &Path) -> Result<u64, StartError> {
    path.metadata().map(|file| file.len()).map_err(|e| {
        StartError(format!("cannot read the SQLite file {}: {e}; say which by --data-dir", path.display()))
    })
}

/// For the person at the terminal, whom no server's log tells more.
fn plainly(e: Error) -> StartError {
    match e {
        Error::Internal(cause) => StartError(format!("the database refused to work: {cause}")),
        other => StartError(other.to_string()),
    }
}

/// Where a row was not found, says so and where to look; else what the database says.
fn missing(what: &str, id: i64, list: &str, e: diesel::result::Error) -> StartError {
    match e {
        diesel::result::Error::NotFound => {
            StartError(format!("there is no {what} {id}; `hookswitch {list}` shows those that there are"))
        }
        other => StartError::database(other),
    }
}
