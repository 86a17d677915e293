//! Opening the data directory: ownership, connections, and the settings that durability rests on, read back.

use super::migrations::{self, MigrationError};
use super::reserve::Reserve;
use super::{failure, writes};
use crate::{StorageError, sql};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const DATABASE_FILE: &str = "tiebreak.sqlite";

/// Apart from the database: closing any handle of that file would drop SQLite's own locks on it.
const LOCK_FILE: &str = "tiebreak.lock";

/// Before 3.51.3 a restarted log could corrupt the database.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Waits for another process that reads the file, a shell or a backup tool.
const BUSY_WAIT: Duration = Duration::from_secs(5);

const STATEMENTS_CACHED: usize = 128;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub quick_check: QuickCheck,
    /// Threads that read, each with a connection. At least 1.
    pub readers: usize,
    /// The log is copied into the database file when it has grown to about this many bytes. The same space is
    /// held in reserve, so that documents can be deleted on a full disk.
    pub log_bytes: u64,
}

/// Whether the whole file is looked through before serving: seconds per gigabyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuickCheck {
    Skip,
    Run,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { quick_check: QuickCheck::Skip, readers: 2, log_bytes: 16 * 1024 * 1024 }
    }
}

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process is using the data directory {}", directory.display())]
    InUse { directory: PathBuf },
    #[error("could not use the data directory {}", directory.display())]
    Directory {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the data was written by a newer version (schema {found}, this version knows up to {known})")]
    SchemaTooNew { found: i64, known: i64 },
    #[error("could not bring the database to the newest schema")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("SQLite {found} is older than {required}, which is the first without known corruption")]
    SqliteTooOld { found: i32, required: i32 },
    #[error("the database does not keep its setting {pragma}: it should be {expected}, it is {found}")]
    Setting { pragma: &'static str, expected: &'static str, found: String },
    #[error("the database is damaged: {}", findings.join("; "))]
    Damaged { findings: Vec<String> },
    #[error("could not open the database")]
    Sqlite(#[source] rusqlite::Error),
    #[error("could not start a storage thread")]
    Thread(#[source] io::Error),
}

/// The right to be the only server on a directory; the system takes it back when the process dies.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(super) fn take(directory: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { directory: directory.to_owned(), source };
        create_directory(directory).map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(LOCK_FILE))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Everything that a store writes beside its lock.
pub(super) fn files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let database = ["", "-wal", "-shm"].map(|suffix| directory.join(format!("{DATABASE_FILE}{suffix}")));
    database.into_iter().chain([Reserve::path_in(directory)])
}

pub(super) fn lock_file(directory: &Path) -> PathBuf {
    directory.join(LOCK_FILE)
}

/// The writing connection on an up-to-date schema, and the epoch under which this server owns the data. On a
/// full disk the reserve makes room: a server that cannot append can still serve and delete.
pub(super) fn writer(
    directory: &Path,
    options: &SqliteOptions,
    reserve: &mut Reserve,
) -> Result<(Connection, u64), OpenError> {
    match open_writer(directory, options) {
        Err(OpenError::Sqlite(error)) if failure::in_commit(&error) == StorageError::Full => {
            reserve.release();
            open_writer(directory, options)
        }
        opened => opened,
    }
}

fn open_writer(directory: &Path, options: &SqliteOptions) -> Result<(Connection, u64), OpenError> {
    let found = rusqlite::version_number();
    if found < SQLITE_VERSION_MIN {
        return Err(OpenError::SqliteTooOld { found, required: SQLITE_VERSION_MIN });
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(directory, flags).map_err(OpenError::Sqlite)?;
    require(&connection, "journal_mode", "WAL", "wal")?;
    require(&connection, "synchronous", "FULL", "2")?;
    require(&connection, "foreign_keys", "ON", "1")?;
    require(&connection, "wal_autocheckpoint", "0", "0")?;
    set(&connection, "journal_size_limit", "67108864").map_err(OpenError::Sqlite)?;
    set(&connection, "cache_size", "-16384").map_err(OpenError::Sqlite)?;
    if options.quick_check == QuickCheck::Run {
        let findings = integrity(&connection, "quick_check").map_err(OpenError::Sqlite)?;
        if !findings.is_empty() {
            return Err(OpenError::Damaged { findings });
        }
    }
    migrations::apply(&mut connection, migrations::ALL).map_err(|error| match error {
        MigrationError::TooNew { found, known } => OpenError::SchemaTooNew { found, known },
        MigrationError::Step { .. } | MigrationError::Version(_) => OpenError::Migration(Box::new(error)),
    })?;
    let epoch = next_epoch(&mut connection).map_err(OpenError::Sqlite)?;
    Ok((connection, epoch))
}

/// A connection that cannot write.
pub(super) fn reader(directory: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(directory, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    set(&connection, "cache_size", "-8192")?;
    Ok(connection)
}

/// What `quick_check` or `integrity_check` finds; nothing when all is well.
pub(super) fn integrity(connection: &Connection, pragma: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA {pragma}"))?;
    let findings = statement.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
}

fn connect(directory: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(directory.join(DATABASE_FILE), flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // A close must not write: after a failed fsync it would be the retry that we never make.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    set(&connection, "temp_store", "MEMORY")?;
    set(&connection, "trusted_schema", "OFF")?;
    // Malformed pages are reported as such instead of being followed.
    set(&connection, "cell_size_check", "ON")?;
    Ok(connection)
}

fn set(connection: &Connection, pragma: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA {pragma} = {value}"))
}

/// Sets a pragma and reads it back: SQLite ignores what it cannot do, such as WAL on some file systems.
fn require(
    connection: &Connection,
    pragma: &'static str,
    value: &'static str,
    read_back: &'static str,
) -> Result<(), OpenError> {
    set(connection, pragma, value).map_err(OpenError::Sqlite)?;
    let found = connection
        .query_row(&format!("PRAGMA {pragma}"), (), |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
            })
        })
        .map_err(OpenError::Sqlite)?;
    if found == read_back { Ok(()) } else { Err(OpenError::Setting { pragma, expected: value, found }) }
}

fn next_epoch(connection: &mut Connection) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = writes::setting(&transaction, sql::OWNER_EPOCH_KEY)?;
    let epoch = before.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default() + 1;
    writes::set_setting(&transaction, sql::OWNER_EPOCH_KEY, &epoch.to_string())?;
    transaction.commit()?;
    Ok(epoch)
}

/// Creates a data directory for its owner alone, as it holds everything that users wrote, with the directories above
/// it. Does nothing when it is there.
///
/// # Errors
/// When the system refuses.
pub fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new(""));
    create_directory(parent)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(directory) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        created => created?,
    }
    // Otherwise a power loss could take the directory with all that SQLite made durable inside it.
    #[cfg(unix)]
    if let Some(parent) = directory.canonicalize()?.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
