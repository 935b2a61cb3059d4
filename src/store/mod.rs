//! The store: two databases behind one enum, the pool, the migrations, and plain query functions beside it.

pub mod agents;
pub mod amend;
mod arrival;
mod asides;
pub mod audit;
pub mod backup;
mod batch;
mod batch_postgres;
mod batch_sqlite;
pub mod call_list;
pub mod call_stats;
pub mod calls;
pub mod changes;
mod checkpoint;
pub mod claims;
pub mod contacts;
mod db;
pub mod deliveries;
mod enqueue;
pub mod erase;
pub mod fill;
pub mod journal;
pub mod keys;
pub mod listen;
pub mod matches;
mod numbers;
pub mod pbxes;
mod pg_array;
mod recent;
pub mod retention;
pub mod rule_set;
pub mod rules;
pub mod schema;
pub mod sessions;
pub mod settings;
pub mod sought;
mod spooled;
pub mod stories;
pub mod target;
pub mod webhooks;
pub mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::Semaphore;

use crate::complaint::complain;
use crate::error::{Error, StartError};
use crate::metrics::Metrics;
use crate::spool::{self, Spool};
pub use db::Db;
pub use spooled::is_away;
use target::Target;
use writer::Writer;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Numbers of PostgreSQL's advisory locks, which are ours alone.
mod lock {
    /// Of those who bring the schema up to date: several nodes may start at once.
    pub const MIGRATIONS: i64 = 4_857_483;
    /// That every node holds, as others may: so each sees that it is not alone.
    pub const PRESENCE: i64 = 4_857_484;
    /// Of those who change contacts by what they read.
    pub const CONTACTS: i64 = 4_857_485;
}

/// Whichever database it is.
type Backend = <Db as Connection>::Backend;

/// Runs the same diesel statement on either connection: for upserts, which the derive cannot carry.
macro_rules! on_each {
    ($db:expr, |$conn:ident| $statement:expr) => {
        match $db {
            $crate::store::Db::Postgres($conn) => $statement,
            $crate::store::Db::Sqlite($conn) => $statement,
        }
    };
}
pub(crate) use on_each;

/// The pool for everything but call events, and the writer for these.
pub struct Store {
    pool: r2d2::Pool<Target>,
    /// Turns of those that look through many rows.
    long: Arc<Semaphore>,
    /// Where call events and changes to calls go.
    pub writer: Writer,
    /// Where they go while the database does not take them.
    pub spool: Arc<Spool>,
    target: Target,
}

impl Store {
    /// Connects once to apply the migrations, then starts the pool, the spool and the writer.
    ///
    /// # Errors
    /// What a person must mend before it can start, in one line.
    pub fn open(target: &Target, spool: &spool::Settings, metrics: Arc<Metrics>) -> Result<Self, StartError> {
        let mut db = target.open()?;
        migrate(&mut db)?;
        let newest = journal::newest(&mut db)?;
        let spool =
            Spool::open(spool, metrics.spool.clone(), |spool| Ok(spooled::position(&mut db, spool)?))?;
        let spool = Arc::new(spool);
        let writer = Writer::start(db, newest, target.clone(), spool.clone(), metrics);
        let long = Arc::new(Semaphore::new(CONNECTIONS as usize / 2));
        Ok(Self { pool: pool(target), long, writer, spool, target: target.clone() })
    }

    /// Runs `f` on a pooled connection, off the async threads.
    ///
    /// # Errors
    /// `Error::Unavailable` where no connection is to be had, else what `f` says.
    pub async fn query<T, E, F>(&self, f: F) -> Result<T, Error>
    where
        T: Send + 'static,
        E: Into<Error> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let pool = self.pool.clone();
        let work = move || {
            let mut db = pool.get().map_err(|_| Error::Unavailable("the database does not answer"))?;
            f(&mut db).map_err(Into::into)
        };
        actix_web::web::block(work).await.map_err(|_| Error::Unavailable("the server is stopping"))?
    }

    /// The same for what looks through many rows. Half of the connections at most do so at once, and whoever comes then
    /// waits for a turn: else a few who look at figures would keep everybody else from the database.
    ///
    /// # Errors
    /// Those of `query`.
    pub async fn long_query<T, E, F>(&self, f: F) -> Result<T, Error>
    where
        T: Send + 'static,
        E: Into<Error> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let turn = self.long.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Error::Unavailable("the server is stopping"))?;
        let work = move |db: &mut Db| {
            let _until_done = turn; // though nobody may wait for it any more
            f(db)
        };
        self.query(work).await
    }

    /// Which database this is.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

/// The most connections for all but call events.
const CONNECTIONS: u32 = 8;

/// A few connections, made when they are needed.
fn pool(target: &Target) -> r2d2::Pool<Target> {
    r2d2::Pool::builder()
        .max_size(CONNECTIONS)
        .min_idle(Some(0))
        .connection_timeout(Duration::from_secs(5))
        .error_handler(Box::new(Complains))
        .build_unchecked(target.clone())
}

/// In place of a line for each attempt to connect.
#[derive(Debug)]
struct Complains;

impl r2d2::HandleError<ConnectionError> for Complains {
    fn handle_error(&self, e: ConnectionError) {
        complain("a connection to the database cannot be used", &e);
    }
}

fn migrations(db: &Db) -> EmbeddedMigrations {
    match db {
        Db::Postgres(_) => POSTGRES,
        Db::Sqlite(_) => SQLITE,
    }
}

/// Brings the schema up to date.
///
/// # Errors
/// Where a newer program made it, or what the database says.
pub fn migrate(db: &mut Db) -> Result<(), StartError> {
    if let Db::Postgres(conn) = db {
        conn.batch_execute(&format!("SELECT pg_advisory_lock({})", lock::MIGRATIONS))
            .map_err(StartError::database)?;
    }
    let source = migrations(db);
    let newer = db.applied_migrations().map_err(StartError::migration)?.len()
        > diesel::migration::MigrationSource::<diesel::pg::Pg>::migrations(&source)
            .map_err(StartError::migration)?
            .len();
    if newer {
        return Err(StartError("the database was made by a newer Hookswitch; start that one".into()));
    }
    db.run_pending_migrations(source).map_err(StartError::migration)?;
    if let Db::Postgres(conn) = db {
        conn.batch_execute(&format!("SELECT pg_advisory_unlock({})", lock::MIGRATIONS))
            .map_err(StartError::database)?;
    }
    Ok(())
}

/// Takes every migration back: for the test that they go up, down and up again.
///
/// # Errors
/// What the database says.
pub fn migrate_down_and_up(db: &mut Db) -> Result<(), StartError> {
    let source = migrations(db);
    db.revert_all_migrations(source).map_err(StartError::migration)?;
    migrate(db)
}

/// Is the schema the one that this program was built for?
///
/// # Errors
/// What the database says.
pub fn migrations_current(db: &mut Db) -> QueryResult<bool> {
    let source = migrations(db);
    let pending = db.has_pending_migration(source).map_err(diesel::result::Error::QueryBuilderError)?;
    Ok(!pending)
}

/// Tells threads to end, and wakes those that sleep.
#[derive(Clone, Default)]
pub struct StopFlag(Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>);

impl StopFlag {
    /// From now on.
    pub fn set(&self) {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Is it?
    pub fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sleeps for `time`, or less if it is set meanwhile. Answers whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.0.1.wait_timeout_while(guard, time, |set| !*set) {
            Ok((set, _)) => *set,
            Err(_) => true,
        }
    }
}
