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

/// What was written after a number, oldest first, once for each of their people: further values, how many conflicts,
/// how many rows.
macro_rules! news {
    ($from:literal, $chosen:literal, $conflicts:literal, $rows:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", conflict_people.account, chosen.sequence FROM (SELECT ",
            columns!(),
            ", conflicts.sequence FROM ",
            $from,
            " WHERE ",
            $chosen,
            " LIMIT ",
            $conflicts,
            ") AS chosen LEFT JOIN conflict_people ON conflict_people.conflict = chosen.id \
             ORDER BY chosen.sequence, conflict_people.account LIMIT ",
            $rows
        )
    };
}

/// After a number, how many conflicts, how many rows.
pub const NEWS: &str = news!("conflicts", "sequence > $1 ORDER BY sequence", "$2", "$3");

/// Also: state.
pub const NEWS_IN_STATE: &str =
    news!("conflicts", "sequence > $1 AND state = $2 ORDER BY sequence", "$3", "$4");

/// Also: account.
pub const NEWS_OF_ACCOUNT: &str = news!(
    "conflicts JOIN conflict_people AS own ON own.conflict = conflicts.id",
    "own.sequence > $1 AND own.account = $2 ORDER BY own.sequence",
    "$3",
    "$4"
);

/// Also: state, account.
pub const NEWS_OF_ACCOUNT_IN_STATE: &str = news!(
    "conflicts JOIN conflict_people AS own ON own.conflict = conflicts.id",
    "own.sequence > $1 AND state = $2 AND own.account = $3 ORDER BY own.sequence",
    "$4",
    "$5"
);

/// Whom the writes after a number concern: after, how many.
pub const CONCERNED: &str = "SELECT DISTINCT conflict_people.account FROM conflicts \
    JOIN conflict_people ON conflict_people.conflict = conflicts.id WHERE conflicts.sequence > $1 LIMIT $2";

/// The number of the last write.
pub const LAST: &str = "SELECT sequence FROM conflict_counter";

/// Takes the next number. Until its transaction is over no other one gets one: what can be read has no gaps that are
/// filled later.
pub const NEXT: &str = "UPDATE conflict_counter SET sequence = sequence + 1";

/// When a change of a document came that is in no snapshot: document, change.
pub const ARRIVAL: &str = "SELECT received_ms FROM changes WHERE document = $1 AND hash = $2 LIMIT 1";

/// How many there are of each kind, path and state, the most numerous first: how many of them.
pub const COUNTS: &str = "SELECT kind, path, state, COUNT(*) AS conflicts FROM conflicts \
    GROUP BY kind, path, state ORDER BY conflicts DESC, kind, path, state LIMIT $1";

/// How many are open, by kind.
pub const OPEN_BY_KIND: &str = "SELECT kind, COUNT(*) FROM conflicts WHERE state = 'open' GROUP BY kind";

/// Writes one under the number that was taken: all columns. What it is about and when it was opened stay as they were first written: a listing
/// goes by them.
pub const UPSERT: &str = concat!(
    "INSERT INTO conflicts (",
    columns!(),
    ", sequence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     (SELECT sequence FROM conflict_counter)) \
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, path = excluded.path, label = excluded.label, \
     type = excluded.type, state = excluded.state, version = excluded.version, \
     changed_ms = excluded.changed_ms, closed_ms = excluded.closed_ms, wider = excluded.wider, \
     body = excluded.body, sequence = excluded.sequence"
);

/// Takes the people of one: conflict.
pub const DELETE_PEOPLE: &str = "DELETE FROM conflict_people WHERE conflict = $1";

/// Adds one to them, under the same number: conflict, account.
pub const INSERT_PERSON: &str = "INSERT INTO conflict_people (conflict, account, sequence) \
    VALUES ($1, $2, (SELECT sequence FROM conflict_counter)) ON CONFLICT (conflict, account) DO NOTHING";
