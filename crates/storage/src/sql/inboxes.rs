//! Statements about inboxes.

/// The inbox of an account.
pub const FIND: &str = "SELECT document, sequence FROM inboxes WHERE account = $1";

/// Gives an account an inbox, if it has none: account, document.
pub const OPEN: &str = "INSERT INTO inboxes (account, document, sequence) VALUES ($1, $2, 0) \
    ON CONFLICT (account) DO NOTHING";

/// Begins anew in another document: document, account, the document before.
pub const MOVE: &str = "UPDATE inboxes SET document = $1, sequence = 0 WHERE account = $2 AND document = $3";

/// Up to where it is written now: sequence, account, document.
pub const WRITTEN: &str =
    "UPDATE inboxes SET sequence = $1 WHERE account = $2 AND document = $3 AND sequence < $1";

/// Accounts, in order, behind an id that something concerns which their inboxes do not say yet: account, how many.
pub const BEHIND: &str = "SELECT DISTINCT people.account FROM conflict_people AS people \
    JOIN accounts ON accounts.id = people.account AND accounts.deleted_ms IS NULL \
    LEFT JOIN inboxes ON inboxes.account = people.account \
    WHERE people.sequence > COALESCE(inboxes.sequence, 0) AND people.account > $1 \
    ORDER BY people.account LIMIT $2";

/// Forgets one: account.
pub const DELETE: &str = "DELETE FROM inboxes WHERE account = $1";
