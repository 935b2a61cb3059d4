//! The writer's connection: is it any good, and what it is told when it is new.

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DbError};

use super::thread::Thread;
use crate::store::{Db, batch_postgres, spooled};

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
                    self.complaints.warn(&self.target.describe(), &e);
                    return false;
                }
            }
        }
        let tried = spooled::try_to_write(&mut self.db);
        // a server that only follows another one now: the next connection may reach the one that leads
        self.misled =
            matches!(&tried, Err(DbError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)));
        tried.inspect_err(|e| self.complaints.warn("the database takes nothing", e)).is_ok()
    }

    pub(super) fn prepare_session(&mut self) {
        let prepared = match (&mut self.db, &self.checkpoints) {
            (Db::Postgres(conn), _) => conn.batch_execute(batch_postgres::SESSION),
            (db, Some(checkpoints)) => checkpoints.take_over(db),
            (Db::Sqlite(_), None) => Ok(()),
        };
        if let Err(e) = prepared {
            log::warn!("the writer's session keeps the settings that it has: {e}");
        }
    }
}
