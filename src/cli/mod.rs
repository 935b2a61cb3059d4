//! The commands. Each reads its own flags, opens the database and does one thing.

mod serve;

use clap::{Parser, Subcommand};

use crate::config::{self, Database};
use crate::error::StartError;

/// Receives call events from PBXes, answers at once, keeps the caller log.
///
/// Without a command it serves: on the first start it makes its database, a PBX and a key, and prints the URL to
/// paste into the PBX.
#[derive(Debug, Parser)]
#[command(
    name = "hookswitch",
    version,
    args_conflicts_with_subcommands = true,
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
    Serve(config::Serve),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// One line for the person at the terminal.
pub fn run() -> Result<(), StartError> {
    config::read_dotenv(std::path::Path::new("."))?;
    let cli = Cli::parse();
    env_logger::Builder::new().parse_filters(&cli.database.log_level).init();
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(serve) => serve::run(&cli.database, serve),
    }
}
