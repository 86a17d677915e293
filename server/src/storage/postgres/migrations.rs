//! Brings the database to the newest schema, one numbered migration after the other.

use super::OpenError;
use deadpool_postgres::ClientWrapper;

struct Migration {
    version: i64,
    name: &'static str,
    statements: &'static str,
}

/// Released steps never change; a new one is added.
const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "documents",
        statements: include_str!("../../../migrations/postgres/0001_documents.sql"),
    },
    Migration {
        version: 2,
        name: "sync_states_and_quarantine",
        statements: include_str!("../../../migrations/postgres/0002_sync_states_and_quarantine.sql"),
    },
    Migration {
        version: 3,
        name: "sync_states_by_age",
        statements: include_str!("../../../migrations/postgres/0003_sync_states_by_age.sql"),
    },
    Migration {
        version: 4,
        name: "accounts",
        statements: include_str!("../../../migrations/postgres/0004_accounts.sql"),
    },
    Migration {
        version: 5,
        name: "conflicts",
        statements: include_str!("../../../migrations/postgres/0005_conflicts.sql"),
    },
    Migration {
        version: 6,
        name: "conflict_news",
        statements: include_str!("../../../migrations/postgres/0006_conflict_news.sql"),
    },
    Migration {
        version: 7,
        name: "inboxes",
        statements: include_str!("../../../migrations/postgres/0007_inboxes.sql"),
    },
];

/// Applies what is missing, for the session that owns the database: nobody else migrates meanwhile. The version row commits with its migration, so a kill at any moment leaves the
/// database before or after a step, and the next start goes on from there.
pub(super) async fn apply(client: &mut ClientWrapper) -> Result<(), OpenError> {
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations \
             (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied TIMESTAMPTZ NOT NULL DEFAULT now())",
        )
        .await?;
    let known = ALL.last().map_or(0, |last| last.version);
    for migration in ALL {
        let transaction = client.transaction().await?;
        let newest = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations";
        let found: i64 = transaction.query_one(newest, &[]).await?.try_get(0)?;
        if found > known {
            return Err(OpenError::SchemaTooNew { found, known });
        }
        if found >= migration.version {
            continue;
        }
        let failed =
            |source| OpenError::Migration { version: migration.version, name: migration.name, source };
        transaction.batch_execute(migration.statements).await.map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)",
                &[&migration.version, &migration.name],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        tracing::info!(version = migration.version, name = migration.name, "applied a storage migration");
    }
    Ok(())
}
