//! SQL text that SQLite and PostgreSQL both understand. Placeholders first appear in the order `$1`, `$2`, …,
//! because SQLite numbers them by appearance.

pub mod accounts;
pub mod audit;
pub mod conflicts;
pub mod grants;
pub mod inboxes;
pub mod keys;
pub mod sessions;

macro_rules! document_columns {
    () => {
        "id, created_ms, updated_ms, deleted_ms, heads, through, snapshot_through, bytes, checksum"
    };
}

macro_rules! content_of {
    ($document:literal) => {
        concat!(
            "COALESCE((SELECT MAX(sequence) FROM changes WHERE document = ",
            $document,
            "), 0), ",
            "COALESCE((SELECT through FROM snapshots WHERE document = ",
            $document,
            "), 0), ",
            "CAST(COALESCE((SELECT SUM(length(bytes)) FROM changes WHERE document = ",
            $document,
            "), 0) ",
            "+ COALESCE((SELECT length(bytes) FROM snapshots WHERE document = ",
            $document,
            "), 0) AS BIGINT)",
        )
    };
}

macro_rules! shared_heads_conflict {
    () => {
        "ON CONFLICT (storage_id, document) DO UPDATE SET heads = excluded.heads, \
         checksum = excluded.checksum, seen_ms = excluded.seen_ms"
    };
}

/// Rows of documents, without the condition that chooses them.
pub const SELECT_DOCUMENTS: &str = concat!("SELECT ", document_columns!(), " FROM documents");

/// One document's row: document.
pub const DOCUMENT: &str = concat!("SELECT ", document_columns!(), " FROM documents WHERE id = $1");

/// A page of live documents: after, limit.
pub const LIVE_DOCUMENTS: &str = concat!(
    "SELECT ",
    document_columns!(),
    " FROM documents WHERE id > $1 AND deleted_ms IS NULL ORDER BY id LIMIT $2"
);

/// Columns to insert into `documents`, in the order of [`crate::rows::DocumentRow`].
pub const INSERT_DOCUMENT_INTO: &str = concat!("INSERT INTO documents (", document_columns!(), ")");

/// Makes the insert replace the row.
pub const ON_DOCUMENT_CONFLICT: &str = "ON CONFLICT (id) DO UPDATE SET created_ms = excluded.created_ms, \
    updated_ms = excluded.updated_ms, deleted_ms = excluded.deleted_ms, heads = excluded.heads, \
    through = excluded.through, snapshot_through = excluded.snapshot_through, bytes = excluded.bytes, \
    checksum = excluded.checksum";

/// The changes after the snapshot, oldest first: document. Older ones went with the compaction.
pub const CHANGES: &str = "SELECT sequence, hash, bytes, checksum, received_ms FROM changes \
    WHERE document = $1 ORDER BY sequence";

/// What is there of a document besides its row: document. Answers highest sequence, snapshot through, bytes.
pub const CONTENT: &str = concat!("SELECT ", content_of!("$1"));

/// The same columns in a query over documents that it calls `wanted`.
pub const CONTENT_OF_WANTED: &str = content_of!("wanted.id");

/// Columns to insert into `changes`.
pub const INSERT_CHANGE_INTO: &str =
    "INSERT INTO changes (document, sequence, hash, bytes, checksum, received_ms)";

/// One change: document, sequence, hash, bytes, checksum, received.
pub const INSERT_CHANGE: &str = "INSERT INTO changes (document, sequence, hash, bytes, checksum, received_ms) \
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Drops changes that a snapshot covers: document, through.
pub const DELETE_CHANGES_THROUGH: &str = "DELETE FROM changes WHERE document = $1 AND sequence <= $2";

/// Bytes of the changes that are left: document.
pub const BYTES_OF_CHANGES: &str =
    "SELECT CAST(COALESCE(SUM(length(bytes)), 0) AS BIGINT) FROM changes WHERE document = $1";

/// The snapshot: document.
pub const SNAPSHOT: &str = "SELECT through, bytes, checksum FROM snapshots WHERE document = $1";

/// Keeps a snapshot in place of an older one: document, through, bytes, checksum.
pub const UPSERT_SNAPSHOT: &str = "INSERT INTO snapshots (document, through, bytes, checksum) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (document) DO UPDATE SET through = excluded.through, \
    bytes = excluded.bytes, checksum = excluded.checksum";

/// What deleting a document removes: document.
pub const DELETE_CONTENT: [&str; 9] = [
    "DELETE FROM changes WHERE document = $1",
    "DELETE FROM snapshots WHERE document = $1",
    "DELETE FROM sync_states WHERE document = $1",
    "DELETE FROM quarantine WHERE document = $1",
    "DELETE FROM grants WHERE document = $1",
    "DELETE FROM invitations WHERE document = $1",
    "DELETE FROM document_actors WHERE document = $1",
    "DELETE FROM conflict_people WHERE conflict IN (SELECT id FROM conflicts WHERE document = $1)",
    "DELETE FROM conflicts WHERE document = $1",
];

/// How many chunks of a document are set aside: document.
pub const QUARANTINED_COUNT: &str = "SELECT COUNT(*) FROM quarantine WHERE document = $1";

/// Sets a chunk aside unless it is already: document, hash, bytes, checksum, reason, received.
pub const INSERT_QUARANTINED: &str = "INSERT INTO quarantine \
    (document, hash, bytes, checksum, reason, received_ms) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (document, checksum) DO NOTHING";

/// The chunks set aside, oldest first: document.
pub const QUARANTINED: &str =
    "SELECT hash, bytes, reason, received_ms FROM quarantine WHERE document = $1 ORDER BY id";

/// What a peer shares with us: peer, document.
pub const SHARED_HEADS: &str =
    "SELECT heads, checksum FROM sync_states WHERE storage_id = $1 AND document = $2";

/// Columns to insert into `sync_states`.
pub const INSERT_SHARED_HEADS_INTO: &str =
    "INSERT INTO sync_states (storage_id, document, heads, checksum, seen_ms)";

/// Makes the insert replace the row.
pub const ON_SHARED_HEADS_CONFLICT: &str = shared_heads_conflict!();

/// Remembers it: peer, document, heads, checksum, seen.
pub const UPSERT_SHARED_HEADS: &str = concat!(
    "INSERT INTO sync_states (storage_id, document, heads, checksum, seen_ms) VALUES ($1, $2, $3, $4, $5) ",
    shared_heads_conflict!()
);

/// Keeps the latest peers of a document: document, how many.
pub const TRIM_SHARED_HEADS: &str = "DELETE FROM sync_states WHERE document = $1 AND storage_id IN \
    (SELECT storage_id FROM sync_states WHERE document = $1 \
     ORDER BY seen_ms DESC, storage_id LIMIT 9223372036854775807 OFFSET $2)";

/// Drops what nobody has renewed: seen before.
pub const FORGET_SHARED_HEADS: &str = "DELETE FROM sync_states WHERE seen_ms < $1";

/// One setting: key.
pub const SETTING: &str = "SELECT value FROM settings WHERE key = $1";

/// Sets it unless it is set: key, value.
pub const INSERT_SETTING: &str =
    "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";

/// Sets it: key, value.
pub const UPSERT_SETTING: &str = "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Key of the server's own storage id.
pub const STORAGE_ID_KEY: &str = "storage_id";

/// Key of the counter that every opening server raises: whoever finds another number there no longer owns the data.
pub const OWNER_EPOCH_KEY: &str = "owner_epoch";

/// Key of the row that a probe writes.
pub const PROBE_KEY: &str = "probe";
