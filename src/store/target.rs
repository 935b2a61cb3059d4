//! Which database: a URL read once, and how a connection to it is opened.

use std::path::PathBuf;
use std::str::FromStr;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::Db;
use crate::error::StartError;

/// Where the data lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A libpq URL.
    Postgres(String),
    /// A file.
    Sqlite(PathBuf),
}

/// SQLite's settings for each connection: nothing answered is lost (FULL), writers wait for each other.
/// The page cache is in KiB.
const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;";

impl FromStr for Target {
    type Err = StartError;

    /// `postgres://…`, `postgresql://…` or `sqlite://path`.
    fn from_str(url: &str) -> Result<Self, StartError> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(StartError(format!(
                "DATABASE_URL {url:?}: say postgres://… or sqlite://path/to/file.db"
            )));
        };
        match scheme {
            "postgres" | "postgresql" => {
                refuse_unavailable_tls(url)?;
                Ok(Self::Postgres(url.into()))
            }
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(StartError("DATABASE_URL names no file: say sqlite://path/to/file.db".into())),
                path => Ok(Self::Sqlite(path.into())),
            },
            _ => Err(StartError(format!(
                "DATABASE_URL begins with {scheme:?}: only postgres:// and sqlite:// are known"
            ))),
        }
    }
}

/// Without OpenSSL compiled in, libpq would answer less clearly, and only after it tried.
fn refuse_unavailable_tls(url: &str) -> Result<(), StartError> {
    let wanted = ["require", "verify-ca", "verify-full"].into_iter().find(|mode| {
        url.contains(&format!("sslmode={mode}")) || std::env::var("PGSSLMODE").as_deref() == Ok(mode)
    });
    match wanted {
        Some(mode) if !cfg!(feature = "pg-tls") => Err(StartError(format!(
            "sslmode={mode} needs TLS to PostgreSQL, which this build lacks: use the container image, or build \
             with `cargo build --release --features pg-tls`"
        ))),
        _ => Ok(()),
    }
}

impl Target {
    /// For messages: what it is, without the password.
    pub fn describe(&self) -> String {
        match self {
            Self::Postgres(url) => {
                let place =
                    url.rsplit_once('@').map_or_else(|| url.split_once("//").map_or("", |p| p.1), |p| p.1);
                format!("PostgreSQL at {}", place.split('?').next().unwrap_or_default())
            }
            Self::Sqlite(path) => format!("SQLite file {}", path.display()),
        }
    }

    /// A first connection: makes the SQLite file and its folder where they are missing.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn open(&self) -> Result<Db, StartError> {
        if let Self::Sqlite(path) = self {
            make_private_file(path)?;
        }
        let mut db = self.connect().map_err(|e| StartError::connection(self, &e))?;
        if let Db::Sqlite(conn) = &mut db {
            // once, before there are other connections: switching to WAL is a race otherwise
            conn.batch_execute("PRAGMA journal_mode = WAL;").map_err(StartError::database)?;
        }
        Ok(db)
    }

    /// A connection with its session settings.
    ///
    /// # Errors
    /// What the database says.
    pub fn connect(&self) -> ConnectionResult<Db> {
        match self {
            Self::Postgres(url) => Ok(Db::Postgres(PgConnection::establish(&impatient(url))?)),
            Self::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                conn.batch_execute(SQLITE_SESSION).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Sqlite(conn))
            }
        }
    }
}

/// With time-outs where the URL names none: libpq by itself waits for hours on a server that is gone without a word, and
/// the spool would fill meanwhile. A statement that takes long is not meant: that server still answers for itself.
fn impatient(url: &str) -> String {
    let settings = [
        ("connect_timeout", 5),
        ("tcp_user_timeout", 10_000),
        ("keepalives_idle", 5),
        ("keepalives_interval", 2),
        ("keepalives_count", 3),
    ];
    settings.iter().filter(|(name, _)| !url.contains(name)).fold(url.to_owned(), |url, (name, value)| {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{name}={value}")
    })
}

/// Phone numbers are personal data: the folder and the file are the owner's alone.
fn make_private_file(path: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let refused =
        |e: std::io::Error| StartError(format!("cannot write the SQLite file {}: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    }
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(refused)?;
    Ok(())
}

impl r2d2::ManageConnection for Target {
    type Connection = Db;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Db, ConnectionError> {
        Self::connect(self)
    }

    fn is_valid(&self, db: &mut Db) -> Result<(), ConnectionError> {
        diesel::sql_query("SELECT 1")
            .execute(db)
            .map(drop)
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, db: &mut Db) -> bool {
        use diesel::connection::TransactionManager;
        std::thread::panicking() || <Db as Connection>::TransactionManager::is_broken_transaction_manager(db)
    }
}

#[cfg(test)]
mod tests {
    use super::impatient;

    #[test]
    fn what_the_operator_says_of_time_outs_stays() {
        let url = impatient("postgres://h/calls?sslmode=disable&connect_timeout=60");
        assert!(
            url.starts_with("postgres://h/calls?sslmode=disable&connect_timeout=60&tcp_user_timeout=10000"),
            "{url}"
        );
        assert_eq!(url.matches("connect_timeout").count(), 1);
        assert!(impatient("postgres://h/calls").starts_with("postgres://h/calls?connect_timeout=5&"));
    }
}
