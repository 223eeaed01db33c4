-- The numbers of revisions and of tries, which are never given again.
CREATE TABLE sequence (last INTEGER NOT NULL) STRICT;
INSERT INTO sequence VALUES (0);

CREATE TABLE collection (
    number INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    user TEXT NOT NULL,
    bucket TEXT NOT NULL,
    id TEXT NOT NULL,
    -- The position of the last pull, and what it knew of the server.
    checkpoint INTEGER NOT NULL DEFAULT 0,
    etag INTEGER,
    -- The one sync at a time: who it is, until when, and how many there were.
    holder TEXT,
    held_until INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    -- The time before which the server asked not to be sent anything.
    wait_until INTEGER NOT NULL DEFAULT 0,
    UNIQUE (server, user, bucket, id)
) STRICT;

CREATE TABLE record (
    -- Never given again: what was read by its number is the record, or nothing.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    id TEXT NOT NULL,
    -- What the server had: nothing of it is known without `last_modified`, and without `base` it was deleted.
    base TEXT,
    last_modified INTEGER,
    -- What is here, if that is not the same.
    is_changed INTEGER NOT NULL,
    local TEXT,
    data TEXT AS (CASE WHEN is_changed THEN local ELSE base END) VIRTUAL,
    revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    is_own_id INTEGER NOT NULL,
    -- A conflict: what the server has, and a JSON object of what both may have been made of and what the server has lost.
    remote TEXT,
    remote_modified INTEGER,
    ancestors TEXT,
    -- A refusal, as a JSON object.
    problem TEXT,
    UNIQUE (collection, id)
) STRICT;

CREATE INDEX record_version ON record (collection, version, number);
CREATE INDEX record_known ON record (collection, last_modified) WHERE base IS NOT NULL AND ancestors IS NULL;
CREATE INDEX record_changed ON record (collection, number) WHERE is_changed;
CREATE INDEX record_conflict ON record (collection, id) WHERE ancestors IS NOT NULL;
CREATE INDEX record_problem ON record (collection, id) WHERE problem IS NOT NULL;

-- Writes that were sent and have no response.
CREATE TABLE journal (
    attempt INTEGER PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES record ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    body TEXT,
    -- The version in `If-Match`, or none for `If-None-Match: *`.
    if_match INTEGER,
    sent INTEGER NOT NULL
) STRICT;

CREATE INDEX journal_record ON journal (record);

-- The fields that have an index, and the keys of the records by it.
CREATE TABLE field_index (
    number INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    path TEXT NOT NULL,
    UNIQUE (collection, path)
) STRICT;

CREATE TABLE index_entry (
    field INTEGER NOT NULL REFERENCES field_index ON DELETE CASCADE,
    key BLOB NOT NULL,
    -- The version of the record, negated: among equal keys the newest is first, as in a list.
    age INTEGER NOT NULL,
    -- No reference: to look for the entries of a record that is deleted would take an index more.
    record INTEGER NOT NULL,
    PRIMARY KEY (field, key, age, record DESC)
) STRICT, WITHOUT ROWID;

-- What was changed, in its order: by the program (0), by another client (1), or by both (2).
CREATE TABLE change (
    -- One more than the last, of which there is always one.
    position INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    id TEXT NOT NULL,
    origin INTEGER NOT NULL,
    before TEXT,
    before_version INTEGER,
    after TEXT,
    after_version INTEGER
) STRICT;

CREATE INDEX change_collection ON change (collection, position);
