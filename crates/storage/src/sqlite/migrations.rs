//! Brings the database file to the newest schema, one numbered migration after the other.

use crate::clock::unix_ms;
use rusqlite::{Connection, TransactionBehavior, params};

/// One step of the schema. Released steps never change; a new one is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    version: i64,
    name: &'static str,
    statements: &'static str,
}

pub(super) const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "documents",
        statements: include_str!("../../migrations/sqlite/0001_documents.sql"),
    },
    Migration {
        version: 2,
        name: "sync_states_and_quarantine",
        statements: include_str!("../../migrations/sqlite/0002_sync_states_and_quarantine.sql"),
    },
    Migration {
        version: 3,
        name: "sync_states_by_age",
        statements: include_str!("../../migrations/sqlite/0003_sync_states_by_age.sql"),
    },
    Migration {
        version: 4,
        name: "accounts",
        statements: include_str!("../../migrations/sqlite/0004_accounts.sql"),
    },
    Migration {
        version: 5,
        name: "conflicts",
        statements: include_str!("../../migrations/sqlite/0005_conflicts.sql"),
    },
    Migration {
        version: 6,
        name: "conflict_news",
        statements: include_str!("../../migrations/sqlite/0006_conflict_news.sql"),
    },
    Migration {
        version: 7,
        name: "inboxes",
        statements: include_str!("../../migrations/sqlite/0007_inboxes.sql"),
    },
];

/// Why the schema could not be brought up to date. Each migration happened whole or not at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    #[error("the database has schema {found}, this server knows up to {known}")]
    TooNew { found: i64, known: i64 },
    #[error("migration {version} ({name}) failed")]
    Step {
        version: i64,
        name: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    #[error("the schema version could not be read")]
    Version(#[source] rusqlite::Error),
}

/// Applies what is missing. The version row commits with its migration, so a kill at any moment leaves the
/// database before or after a step, and the next start goes on from there.
pub(super) fn apply(connection: &mut Connection, migrations: &[Migration]) -> Result<(), MigrationError> {
    let found = version(connection).map_err(MigrationError::Version)?;
    let known = migrations.last().map_or(0, |last| last.version);
    if found > known {
        return Err(MigrationError::TooNew { found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.version > found) {
        step(connection, migration).map_err(|source| MigrationError::Step {
            version: migration.version,
            name: migration.name,
            source,
        })?;
        tracing::info!(version = migration.version, name = migration.name, "applied a storage migration");
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT",
    )?;
    connection.query_row("SELECT COALESCE(MAX(version), 0) FROM schema_migrations", (), |row| row.get(0))
}

fn step(connection: &mut Connection, migration: &Migration) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration.statements)?;
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, applied_ms) VALUES ($1, $2, $3)",
        params![migration.version, migration.name, unix_ms()],
    )?;
    transaction.commit()
}

#[cfg(test)]
mod tests;
