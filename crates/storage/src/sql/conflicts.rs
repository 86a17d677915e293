//! Conflicts and the people in them.

macro_rules! columns {
    () => {
        "id, document, register, kind, path, label, type, state, version, opened_ms, changed_ms, closed_ms, \
         wider, body"
    };
}

/// The rows that it chooses, once for each of their people.
macro_rules! with_people {
    ($chosen:expr) => {
        concat!(
            "SELECT ",
            columns!(),
            ", conflict_people.account FROM (SELECT ",
            columns!(),
            " FROM conflicts WHERE ",
            $chosen,
            ") AS chosen LEFT JOIN conflict_people ON conflict_people.conflict = chosen.id \
             ORDER BY opened_ms DESC, id DESC, conflict_people.account"
        )
    };
}

/// Opened before, with the id before, further values, how many conflicts, how many rows.
macro_rules! page {
    ($further:literal, $conflicts:literal, $rows:literal) => {
        concat!(
            with_people!(concat!(
                "(opened_ms, id) < ($1, $2)",
                $further,
                " ORDER BY opened_ms DESC, id DESC LIMIT ",
                $conflicts
            )),
            " LIMIT ",
            $rows
        )
    };
}

/// One conflict: id.
pub const FIND: &str = with_people!("id = $1");

/// A page: opened before, with the id before, how many conflicts, how many rows.
pub const PAGE: &str = page!("", "$3", "$4");

/// Also: document.
pub const OF_DOCUMENT: &str = page!(" AND document = $3", "$4", "$5");

/// Also: state.
pub const IN_STATE: &str = page!(" AND state = $3", "$4", "$5");

/// Also: account.
pub const OF_ACCOUNT: &str =
    page!(" AND id IN (SELECT conflict FROM conflict_people WHERE account = $3)", "$4", "$5");

/// Also: document, state.
pub const OF_DOCUMENT_IN_STATE: &str = page!(" AND document = $3 AND state = $4", "$5", "$6");

/// Also: document, account.
pub const OF_DOCUMENT_AND_ACCOUNT: &str = page!(
    " AND document = $3 AND id IN (SELECT conflict FROM conflict_people WHERE account = $4)",
    "$5",
    "$6"
);

/// Also: state, account.
pub const OF_ACCOUNT_IN_STATE: &str =
    page!(" AND state = $3 AND id IN (SELECT conflict FROM conflict_people WHERE account = $4)", "$5", "$6");

/// Also: document, state, account.
pub const OF_DOCUMENT_AND_ACCOUNT_IN_STATE: &str = page!(
    " AND document = $3 AND state = $4 AND id IN (SELECT conflict FROM conflict_people WHERE account = $5)",
    "$6",
    "$7"
);

/// When a change of a document came that is in no snapshot: document, change.
pub const ARRIVAL: &str = "SELECT received_ms FROM changes WHERE document = $1 AND hash = $2 LIMIT 1";

/// How many there are of each kind, path and state, the most numerous first: how many of them.
pub const COUNTS: &str = "SELECT kind, path, state, COUNT(*) AS conflicts FROM conflicts \
    GROUP BY kind, path, state ORDER BY conflicts DESC, kind, path, state LIMIT $1";

/// Writes one: all columns. What it is about and when it was opened stay as they were first written: a listing
/// goes by them.
pub const UPSERT: &str = concat!(
    "INSERT INTO conflicts (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, path = excluded.path, label = excluded.label, \
     type = excluded.type, state = excluded.state, version = excluded.version, \
     changed_ms = excluded.changed_ms, closed_ms = excluded.closed_ms, wider = excluded.wider, \
     body = excluded.body"
);

/// Takes the people of one: conflict.
pub const DELETE_PEOPLE: &str = "DELETE FROM conflict_people WHERE conflict = $1";

/// Adds one to them: conflict, account.
pub const INSERT_PERSON: &str = "INSERT INTO conflict_people (conflict, account) VALUES ($1, $2) \
    ON CONFLICT (conflict, account) DO NOTHING";
