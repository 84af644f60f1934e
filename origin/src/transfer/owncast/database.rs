//! The database: SQLite, of one of Owncast's versions, from somebody who may mean ill.
//!
//! A copy is read, in a folder of its own, so that nothing beside the original is written and no lock is taken. The schema is
//! not trusted: only ordinary tables are read, by statements that end within bounds, and SQLite's own check comes first.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use farcast_feed::time::WallTime;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::transfer::gob::{self, GobError, Value};

/// Largest database in bytes.
const MAX_DATABASE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Longest value or row in bytes.
const MAX_ROW_BYTES: i32 = 4 * 1024 * 1024;
/// Most settings.
const MAX_VALUES: usize = 10_000;
/// Steps of SQLite's machine between two counts, and how many counts a statement may take: some minutes.
const STEPS: i32 = 100_000;
const MAX_COUNTS: u64 = 200_000;

/// The reason why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::transfer) enum DatabaseError {
    #[error("cannot read {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is larger than 2 GiB", .0.display())]
    TooLarge(PathBuf),
    #[error("it is no database of Owncast: it has no table {0}")]
    Foreign(&'static str),
    #[error(
        "the database is damaged, or was changed while it was read: stop Owncast first; its own backups are in its folder \
         backup. SQLite says: {0}"
    )]
    Damaged(String),
    #[error("the database cannot be read: stop Owncast first, so that it is whole")]
    Sql(#[from] rusqlite::Error),
    #[error("the table {0} has more than {1} rows that matter")]
    TooMany(&'static str, usize),
}

/// The settings: each as it was read, or why it could not be.
pub(super) type Values = BTreeMap<String, Result<Value, GobError>>;

/// A copy of a database, and where it is.
pub(super) struct Database {
    connection: Connection,
    counts: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

/// A cell of a row: what it is worth in the form that is wanted. Another form is nothing.
pub(super) struct Cell<'a>(ValueRef<'a>);

impl Cell<'_> {
    pub(super) fn text(&self) -> Option<String> {
        match self.0 {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            // Columns of the type `string` make numbers of what looks like one.
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Null => None,
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self.0 {
            ValueRef::Integer(number) => Some(number),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            _ => None,
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match self.0 {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }

    /// A time as Go's driver and SQLite write it; without a zone it is UTC.
    pub(super) fn time(&self) -> Option<WallTime> {
        if let ValueRef::Integer(seconds) = self.0 {
            return u64::try_from(seconds).ok()?.checked_mul(1_000_000).map(WallTime);
        }
        let text = self.text()?;
        // Go's monotonic clock, where it was written along.
        let text = text.split(" m=").next()?.trim();
        let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let time = text.parse::<jiff::civil::DateTime>().ok()?;
            Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })?;
        u64::try_from(time.as_microsecond()).ok().map(WallTime)
    }
}

impl Database {
    /// Opens a copy and checks it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DatabaseError::File { path, source }
        };
        let folder = tempfile::tempdir().map_err(failed(path))?;
        let copy = folder.path().join("copy.db");
        // What was written last may still be in the log beside it.
        for suffix in ["", "-wal", "-journal"] {
            let (from, to) = (with_suffix(path, suffix), with_suffix(&copy, suffix));
            match fs::metadata(&from) {
                Err(error) if !suffix.is_empty() && error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(&from)(error)),
                Ok(about) if about.len() > MAX_DATABASE_BYTES => return Err(DatabaseError::TooLarge(from)),
                Ok(_) => fs::copy(&from, to).map(drop).map_err(failed(&from))?,
            }
        }
        let mut connection = Connection::open_with_flags(
            &copy,
            // To write is to take over its own log.
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW,
        )?;
        let counts = Arc::new(AtomicU64::new(0));
        guard(&mut connection, &counts)?;
        let database = Self { connection, counts, _folder: folder };
        database.check()?;
        Ok(database)
    }

    fn check(&self) -> Result<(), DatabaseError> {
        self.counts.store(0, Ordering::Relaxed);
        let said: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| DatabaseError::Damaged(error.to_string()))?;
        if said == "ok" { Ok(()) } else { Err(DatabaseError::Damaged(said)) }
    }

    /// The columns of an ordinary table; none if there is no such table.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<String>, DatabaseError> {
        let is_table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 \
            AND sql NOT LIKE 'CREATE VIRTUAL%'";
        let count: i64 = self.connection.query_row(is_table, [table], |row| row.get(0))?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let names = statement.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Rows of a table, the newest first by `order` if it is not empty: `row` is given the wanted columns in their order, as
    /// nothing where the table has no such column. At most `limit` rows; returns whether there are more.
    pub(super) fn rows(
        &self,
        (table, order): (&'static str, &str),
        wanted: &[&str],
        limit: usize,
        mut row: impl FnMut(&[Cell<'_>]),
    ) -> Result<bool, DatabaseError> {
        let there = self.columns(table)?;
        if there.is_empty() {
            return Ok(false);
        }
        // All names are ours: nothing from outside is part of a statement.
        let column = |name: &&str| {
            if there.iter().any(|there| there == name) { format!("\"{name}\"") } else { "NULL".to_owned() }
        };
        let columns: Vec<_> = wanted.iter().map(column).collect();
        let sorted = if there.iter().any(|there| there == order) {
            format!("ORDER BY \"{order}\" DESC")
        } else {
            String::new()
        };
        let more = limit.saturating_add(1);
        let sql = format!("SELECT {} FROM main.\"{table}\" {sorted} LIMIT {more}", columns.join(", "));
        self.counts.store(0, Ordering::Relaxed);
        let mut statement = self.connection.prepare(&sql)?;
        let (mut rows, mut read) = (statement.query([])?, 0);
        while let Some(found) = rows.next()? {
            read += 1;
            if read > limit {
                return Ok(true);
            }
            let cells: Result<Vec<_>, _> =
                (0..wanted.len()).map(|index| found.get_ref(index).map(Cell)).collect();
            row(&cells?);
        }
        Ok(false)
    }

    /// All settings.
    pub(super) fn values(&self) -> Result<Values, DatabaseError> {
        const TABLE: &str = "datastore";
        if self.columns(TABLE)?.is_empty() {
            return Err(DatabaseError::Foreign(TABLE));
        }
        let mut values = Values::new();
        let more = self.rows((TABLE, ""), &["key", "value"], MAX_VALUES, |row| {
            if let (Some(key), Some(value)) = (row[0].text(), row[1].bytes()) {
                values.insert(key, gob::decode(&value));
            }
        })?;
        if more { Err(DatabaseError::TooMany(TABLE, MAX_VALUES)) } else { Ok(values) }
    }

    /// The number of the schema; none where it is not kept any more.
    pub(super) fn schema(&self) -> Result<Option<i64>, DatabaseError> {
        let mut version = None;
        self.rows(("config", ""), &["key", "value"], MAX_VALUES, |row| {
            if row[0].text().as_deref() == Some("version") {
                version = row[1].number();
            }
        })?;
        if !self.columns("goose_db_version")?.is_empty() {
            version = None;
        }
        Ok(version)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a hostile file could make SQLite do is switched off or bounded.
fn guard(connection: &mut Connection, counts: &Arc<AtomicU64>) -> Result<(), DatabaseError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 20),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
        (Limit::SQLITE_LIMIT_VDBE_OP, 50_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 20),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    ] {
        connection.set_limit(limit, most)?;
    }
    let counts = Arc::clone(counts);
    connection.progress_handler(STEPS, Some(move || counts.fetch_add(1, Ordering::Relaxed) > MAX_COUNTS))?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA query_only = ON;")?;
    Ok(())
}
