-- What replicas disagree about, as of the changes beside which it was written.
CREATE TABLE conflicts (
    id         BLOB    NOT NULL PRIMARY KEY,
    document   BLOB    NOT NULL,
    register   BLOB    NOT NULL,
    kind       TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    opened_ms  INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    closed_ms  INTEGER,
    wider      BLOB,
    body       TEXT    NOT NULL
) STRICT;

-- What a register holds is in dispute once.
CREATE UNIQUE INDEX conflicts_open ON conflicts (document, register) WHERE state = 'open';
CREATE INDEX conflicts_by_age ON conflicts (opened_ms, id);
CREATE INDEX conflicts_by_document ON conflicts (document, state, opened_ms, id);
CREATE INDEX conflicts_by_state ON conflicts (state, opened_ms, id);

CREATE TABLE conflict_people (
    conflict BLOB NOT NULL,
    account  BLOB NOT NULL,
    PRIMARY KEY (conflict, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX conflict_people_by_account ON conflict_people (account, conflict);
