//! The writer's connection: is it any good, and what it is told when it is new.

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DbError};

use super::thread::Thread;
use crate::complaint::complain;
use crate::store::{Db, batch_postgres, batch_sqlite, spooled};

impl Thread {
    /// Is there a database that takes what is written? Connects anew where the connection broke.
    pub fn takes_writes(&mut self) -> bool {
        self.away = !self.try_to_write();
        !self.away
    }

    fn try_to_write(&mut self) -> bool {
        let broken = <Db as Connection>::TransactionManager::is_broken_transaction_manager(&mut self.db);
        if broken || self.misled || diesel::sql_query("SELECT 1").execute(&mut self.db).is_err() {
            match self.target.connect() {
                Ok(db) => {
                    self.db = db;
                    self.recent.clear();
                    self.prepare_session();
                }
                Err(e) => {
                    complain(&self.target.describe(), &e);
                    return false;
                }
            }
        }
        let tried = spooled::try_to_write(&mut self.db);
        // a server that only follows another one now: the next connection may reach the one that leads
        self.misled =
            matches!(&tried, Err(DbError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)));
        tried.inspect_err(|e| complain("the database takes nothing", e)).is_ok()
    }

    pub(super) fn prepare_session(&mut self) {
        let settings = match self.db {
            Db::Postgres(_) => batch_postgres::SESSION,
            Db::Sqlite(_) => batch_sqlite::SESSION,
        };
        let checkpoints = |db: &mut Db| self.checkpoints.as_ref().map_or(Ok(()), |it| it.take_over(db));
        let prepared = self.db.batch_execute(settings).and_then(|()| checkpoints(&mut self.db));
        if let Err(e) = prepared {
            log::warn!("the writer's session keeps the settings that it has: {e}");
        }
    }
}
