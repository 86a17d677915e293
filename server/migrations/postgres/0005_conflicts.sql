-- What replicas disagree about, as of the changes beside which it was written.
CREATE TABLE conflicts (
    id         BYTEA  NOT NULL PRIMARY KEY,
    document   BYTEA  NOT NULL,
    register   BYTEA  NOT NULL,
    kind       TEXT   NOT NULL,
    path       TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    opened_ms  BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    closed_ms  BIGINT,
    wider      BYTEA,
    body       TEXT   NOT NULL
);

-- What a register holds is in dispute once. By its hash, because a key in an index has at most a third of a page.
CREATE UNIQUE INDEX conflicts_open ON conflicts (document, sha256(register)) WHERE state = 'open';
CREATE INDEX conflicts_by_age ON conflicts (opened_ms, id);
CREATE INDEX conflicts_by_document ON conflicts (document, state, opened_ms, id);
CREATE INDEX conflicts_by_state ON conflicts (state, opened_ms, id);

CREATE TABLE conflict_people (
    conflict BYTEA NOT NULL,
    account  BYTEA NOT NULL,
    PRIMARY KEY (conflict, account)
);

CREATE INDEX conflict_people_by_account ON conflict_people (account, conflict);
