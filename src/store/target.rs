//! Which database: a URL read once, and how a connection to it is opened.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

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

/// SQLite's settings for each connection: nothing answered is lost (FULL).
/// It sorts in files where it is more than a cache holds: counting a week of millions of calls in memory, on each
/// connection at once, would take gigabytes. What is deleted is overwritten: an erased number is not left in the file.
const SQLITE_SESSION: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = FILE; \
                              PRAGMA secure_delete = ON;";

/// How long a connection to SQLite waits for others, unless it says otherwise.
pub(super) const SQLITE_PATIENCE: Duration = Duration::from_secs(5);

impl FromStr for Target {
    type Err = StartError;

    /// `postgres://…`, `postgresql://…` or `sqlite://path`. What is refused is not repeated: it may hold a password.
    fn from_str(url: &str) -> Result<Self, StartError> {
        let known = |scheme: &&str| scheme.chars().all(|c| c.is_ascii_alphanumeric());
        let scheme = url.split_once(':').map(|(scheme, _)| scheme).filter(known);
        match (scheme, url.split_once("://")) {
            (Some("postgres" | "postgresql"), Some((_, rest))) => {
                refuse_bare_signs(rest)?;
                refuse_unavailable_tls(url)?;
                Ok(Self::Postgres(url.into()))
            }
            (Some("sqlite"), _) => {
                let path = url.trim_start_matches("sqlite:");
                sqlite_file(path.strip_prefix("//").unwrap_or(path))
            }
            (Some(other), Some(_)) => Err(StartError(format!(
                "DATABASE_URL begins with {other:?}: only postgres:// and sqlite:// are known"
            ))),
            _ => Err(StartError(
                "DATABASE_URL: say postgres://user:password@host/name or sqlite://path/to/file.db".into(),
            )),
        }
    }
}

fn sqlite_file(path: &str) -> Result<Target, StartError> {
    match path {
        "" => Err(StartError("DATABASE_URL names no file: say sqlite://path/to/file.db".into())),
        // each connection would have a database of its own
        memory if memory.contains(":memory:") => {
            Err(StartError("DATABASE_URL: the database must be a file: say sqlite://path/to/file.db".into()))
        }
        path => Ok(Target::Sqlite(path.into())),
    }
}

/// A sign that parts the URL may stand for itself in no password: libpq would look for other hosts, and tell everybody
/// which, or take our settings for part of the database's name.
fn refuse_bare_signs(rest: &str) -> Result<(), StartError> {
    let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, name) = place.split_once('/').unwrap_or((place, ""));
    let cut_off = settings.split('&').any(|setting| !setting.is_empty() && !setting.contains('='));
    let at_in_settings = settings.contains('@') && !place.contains(['@', '/']);
    let coded = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let bare = authority.matches('@').count() > 1
        || name.contains('@')
        || at_in_settings
        || cut_off
        || !rest.split('%').skip(1).all(coded);
    if bare {
        let signs = "%40 for @, %2F for /, %3F for ?, %25 for %";
        return Err(StartError(format!("DATABASE_URL: in user, password and settings write {signs}")));
    }
    Ok(())
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
            Self::Postgres(url) => format!("PostgreSQL at {}", Parts::of(url).place),
            Self::Sqlite(path) => format!("SQLite file {}", path.display()),
        }
    }

    /// As a command line may show it: the password is left out.
    pub fn without_password(&self) -> String {
        let Self::Postgres(url) = self else { return self.describe() };
        let Parts { scheme, user, place, settings } = Parts::of(url);
        let user = user.map_or_else(String::new, |user| format!("{user}@"));
        let open = |setting: &&str| !setting.split('=').next().unwrap_or_default().ends_with("password");
        let settings: Vec<&str> = settings.split('&').filter(|s| !s.is_empty()).filter(open).collect();
        let joint = if settings.is_empty() { "" } else { "?" };
        format!("{scheme}//{user}{place}{joint}{}", settings.join("&"))
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
                wait_for_others(&mut conn, SQLITE_PATIENCE)
                    .and_then(|()| conn.batch_execute(SQLITE_SESSION))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Sqlite(conn))
            }
        }
    }
}

/// Has a connection to SQLite wait so long where another one is in its way.
pub(super) fn wait_for_others(conn: &mut impl SimpleConnection, at_most: Duration) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", at_most.as_millis()))
}

/// A libpq URL, without its password.
struct Parts<'u> {
    scheme: &'u str,
    user: Option<&'u str>,
    /// Hosts and database.
    place: &'u str,
    settings: &'u str,
}

impl<'u> Parts<'u> {
    fn of(url: &'u str) -> Self {
        let (place, settings) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, place) = place.split_once("//").unwrap_or(("postgres:", place));
        let (user, place) = place.rsplit_once('@').unwrap_or(("", place));
        let user = user.split(':').next().filter(|user| !user.is_empty());
        Self { scheme, user, place, settings }
    }
}

/// libpq waits for minutes for a machine that went dark, and takes a standby for as good as any of several hosts. What
/// the URL itself says holds. Seconds, but for the last of the times (ms).
fn impatient(url: &str) -> String {
    let (place, settings) = url.split_once('?').unwrap_or((url, ""));
    let several = place.contains(',').then_some("target_session_attrs=read-write");
    let times = ["connect_timeout=5", "keepalives_idle=5", "keepalives_interval=2", "keepalives_count=3"];
    let ours = times.into_iter().chain(["tcp_user_timeout=10000"]).chain(several);
    let unsaid = ours.filter(|ours| {
        let name = ours.split('=').next();
        settings.split('&').all(|theirs| theirs.split('=').next() != name)
    });
    let theirs = (!settings.is_empty()).then_some(settings);
    format!("{place}?{}", theirs.into_iter().chain(unsaid).collect::<Vec<_>>().join("&"))
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
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://u:secret@h/db", "postgres://u@h/db"),
            ("postgres://u:se@cr/et@h:5433/db", "postgres://u@h:5433/db"),
            (
                "postgresql://h/db?user=u&password=secret&sslmode=disable",
                "postgresql://h/db?user=u&sslmode=disable",
            ),
            (
                "postgres://u@a,b:5433/db?target_session_attrs=read-write",
                "postgres://u@a,b:5433/db?target_session_attrs=read-write",
            ),
            ("postgres://h/db?password=se@secret", "postgres://h/db"),
            ("postgres://%2Frun%2Fpg:5433/db?password=secret", "postgres://%2Frun%2Fpg:5433/db"),
            ("postgres://:secret@/db?sslpassword=secret", "postgres:///db"),
        ] {
            let target = Target::Postgres(url.into());
            assert_eq!(target.without_password(), shown);
            assert!(!target.describe().contains("secret"), "{}", target.describe());
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for url in [
            "host=db user=calls password=secret",
            "host=db user=calls password=x:secret",
            "host=db user=calls password=x://secret",
            "postgres:calls:secret@h/db",
            "postgres://calls:sec?secret@h/db",
            "postgres://calls:x?secret=1@h/db",
            "postgres://calls:x/secret@h/db",
            "postgres://calls:x/y?secret@h/db",
            "postgres://calls:x@secret@h/db",
            "postgres://calls:secret%@h/db",
            "postgres://calls:secret%2x@h/db",
        ] {
            let refused = url.parse::<Target>().expect_err(url).to_string();
            assert!(!refused.contains("secret") && refused.starts_with("DATABASE_URL"), "{refused}");
        }
        for url in [
            "postgres://calls:%3F%40%2f%25@h/db",
            "postgres://u@a,b:5433/db?target_session_attrs=read-write&application_name=x",
            "postgres://h/db?password=se@secret",
            "postgres:///db?host=/run/postgresql&user=u",
            "postgresql://%2Frun%2Fpg:5433/db",
        ] {
            assert!(url.parse::<Target>().is_ok(), "{url}");
        }
        let refused = "sqlite://:memory:".parse::<Target>().expect_err("no file").to_string();
        assert!(refused.contains("must be a file"), "{refused}");
    }

    #[test]
    fn what_the_url_says_holds() {
        let times = "keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=10000";
        assert_eq!(impatient("postgres://h/db"), format!("postgres://h/db?connect_timeout=5&{times}"));
        assert_eq!(
            impatient("postgres://a,b/db?connect_timeout=0&application_name=x"),
            format!(
                "postgres://a,b/db?connect_timeout=0&application_name=x&{times}&target_session_attrs=read-write"
            )
        );
        let said = format!("postgres://a,b/db?connect_timeout=1&target_session_attrs=primary&{times}");
        assert_eq!(impatient(&said), said);
    }

    /// The first of two hosts takes the connection, and then says nothing: a machine that hangs.
    #[test]
    fn a_host_that_hangs_is_passed_over() {
        let hangs = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let hangs = hangs.local_addr().expect("its port").port();
        let gone = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("its port")
            .port();
        let url = format!("postgres://127.0.0.1:{hangs},127.0.0.1:{gone}/db?connect_timeout=2");
        let begun = std::time::Instant::now();
        let refused = Target::Postgres(url).connect().err().expect("nobody is there").to_string();
        assert!(refused.contains(&hangs.to_string()) && refused.contains(&gone.to_string()), "{refused}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
