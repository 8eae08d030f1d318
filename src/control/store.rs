//! An open database: one connection, driven by a runtime of its own on the caller's thread, so
//! that nothing around it needs to know of futures. Every call has a time limit.

use std::future::Future;
use std::sync::Once;
use std::time::Duration;

use sqlx::{AnyConnection, Connection};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::base::clock::iso;
use crate::control::address::Address;
use crate::control::schema;
use crate::control::trouble::{DbError, DbFault};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one call may take; a lock is waited for less.
const CALL: Duration = Duration::from_secs(20);

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// For writing: made if it is not there, with its tables.
    Create,
    /// Only if it is there, with a control plane's tables.
    Existing,
}

/// An open database.
pub struct Store {
    runtime: Runtime,
    conn: Option<AnyConnection>,
    place: String,
}

impl Store {
    /// Opens the database and brings its tables to this program's version.
    ///
    /// # Errors
    /// It can't be had; why, and what helps.
    pub fn open(address: &Address, opening: Opening) -> Result<Store, DbError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let place = address.shown();
        let away = |detail: String| DbError { fault: DbFault::Away, place: place.clone(), detail };
        if let Some(file) = address.file() {
            if opening == Opening::Existing && !file.is_file() {
                return Err(away("there is no such file".to_owned()));
            }
            if let Some(dir) = file.parent().filter(|_| opening == Opening::Create) {
                std::fs::create_dir_all(dir).map_err(|e| away(format!("{}: {e}", dir.display())))?;
            }
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| away(format!("can't start a runtime: {e}")))?;
        let url = address.url(opening == Opening::Create);
        let connecting = runtime.block_on(async { timeout(CONNECT, AnyConnection::connect(&url)).await });
        let conn = match connecting {
            Err(_) => return Err(away(format!("no answer within {} s", CONNECT.as_secs()))),
            Ok(connected) => connected.map_err(|e| error(&place, &e))?,
        };
        let mut store = Store { runtime, conn: Some(conn), place };
        store.settle(opening)?;
        Ok(store)
    }

    /// Settings of the connection, then the tables.
    fn settle(&mut self, opening: Opening) -> Result<(), DbError> {
        let found = self.read(async |conn: &mut AnyConnection| {
            if conn.backend_name() == "SQLite" {
                sqlx::query("PRAGMA busy_timeout = 3000").execute(&mut *conn).await?;
                if opening == Opening::Create {
                    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *conn).await?;
                }
                sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *conn).await?;
            } else {
                sqlx::query("SET lock_timeout = '3s'").execute(&mut *conn).await?;
                // Only warnings and worse are worth a word of the server's.
                sqlx::query("SET client_min_messages = warning").execute(&mut *conn).await?;
            }
            Ok(schema::version(conn).await)
        })?;
        let found = match found {
            Ok(version) => version,
            Err(e) if matches!(DbFault::of(&e), DbFault::Foreign | DbFault::Other) => 0,
            Err(e) => return Err(error(&self.place, &e)),
        };
        match found {
            schema::VERSION => Ok(()),
            0 if opening == Opening::Existing => Err(DbError {
                fault: DbFault::Foreign,
                place: self.place.clone(),
                detail: "its tables are not there".to_owned(),
            }),
            newer if newer > schema::VERSION => Err(self.newer(newer)),
            _ => {
                let now = iso(jiff::Timestamp::now());
                match self.write(async |conn| schema::migrate(conn, &now).await)? {
                    newer if newer > schema::VERSION => Err(self.newer(newer)),
                    _ => Ok(()),
                }
            }
        }
    }

    fn newer(&self, version: i64) -> DbError {
        let detail = format!("its tables have version {version}, this program knows {}", schema::VERSION);
        DbError { fault: DbFault::Newer, place: self.place.clone(), detail }
    }

    /// Which database; no password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Calls that only read.
    pub(super) fn read<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> sqlx::Result<T>,
    ) -> Result<T, DbError> {
        let place = self.place.clone();
        let Some(mut conn) = self.conn.take() else { return Err(gone(&place)) };
        let done = self.runtime.block_on(limited(&place, work(&mut conn)));
        // After a call that was given up the connection is in the middle of something.
        if !matches!(&done, Err(e) if e.fault == DbFault::Away) {
            self.conn = Some(conn);
        }
        done
    }

    /// Calls that change something: all of them or none.
    pub(super) fn write<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> sqlx::Result<T>,
    ) -> Result<T, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let mut turn = match conn.backend_name() {
                // Taken at once: one that begins with reading could not wait for its turn later.
                "SQLite" => conn.begin_with("BEGIN IMMEDIATE").await?,
                _ => conn.begin().await?,
            };
            let done = work(&mut turn).await?;
            turn.commit().await?;
            Ok(done)
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // The last one that leaves a file of SQLite folds its log into it.
            let _ = self.runtime.block_on(async { timeout(CONNECT, conn.close()).await });
        }
    }
}

async fn limited<T>(place: &str, work: impl Future<Output = sqlx::Result<T>>) -> Result<T, DbError> {
    match timeout(CALL, work).await {
        Ok(done) => done.map_err(|e| error(place, &e)),
        Err(_) => Err(DbError {
            fault: DbFault::Away,
            place: place.to_owned(),
            detail: format!("no answer within {} s", CALL.as_secs()),
        }),
    }
}

fn gone(place: &str) -> DbError {
    DbError { fault: DbFault::Away, place: place.to_owned(), detail: "the connection was lost".to_owned() }
}

fn error(place: &str, e: &sqlx::Error) -> DbError {
    let detail = match e {
        sqlx::Error::Database(e) => e.message().to_owned(),
        e => e.to_string(),
    };
    DbError { fault: DbFault::of(e), place: place.to_owned(), detail }
}
