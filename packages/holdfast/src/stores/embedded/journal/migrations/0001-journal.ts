/** The first schema of the journal. Immutable: what it made lies in stores; a change is the next migration. */
export const JOURNAL: string = `
CREATE TABLE meta (
  -- Facts about the store itself: which it is (instance), below what every token lies (token_ceiling, L2), which
  -- batch was the last (last_batch, S3), who made it and when (build, created_at).
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cells (
  -- The last durable version of each cell (C1, C5). A deletion is a version too: its value is NULL and its row stays.
  -- A name is the UTF-8 of each of its UTF-16 units: plain UTF-8 up to U+FFFF, and sorted as JavaScript compares.
  name BLOB PRIMARY KEY NOT NULL,
  version INTEGER NOT NULL,
  value BLOB,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE limits (
  -- How many permits a name has (L1): stored, so that two openers cannot disagree in silence.
  name BLOB PRIMARY KEY NOT NULL,
  permits REAL NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
  -- Outcomes of requests until their client has acknowledged them: a request asked again gets its first outcome (S4).
  client TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  outcome BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (client, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  -- The newest generation of each identity (O1, O3). Status and result change in one row, so in one step (O2).
  identity TEXT PRIMARY KEY NOT NULL,
  generation INTEGER NOT NULL,
  operation TEXT NOT NULL,
  version REAL NOT NULL,
  status TEXT NOT NULL,
  paused INTEGER NOT NULL,
  priority REAL NOT NULL,
  arrival INTEGER NOT NULL,
  not_before REAL NOT NULL,
  created_at REAL NOT NULL,
  started_at REAL,
  settled_at REAL,
  expires_at REAL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  effects TEXT NOT NULL,
  key TEXT,
  args BLOB NOT NULL,
  retry TEXT NOT NULL,
  concurrency REAL,
  keyed TEXT,
  attempt_timeout_ms REAL,
  retain_ms REAL,
  abandon TEXT NOT NULL,
  steps BLOB,
  progress BLOB,
  result BLOB,
  failure TEXT,
  checksum INTEGER NOT NULL
) STRICT;

-- What a keeper takes up when it opens the store (O6): never more than what is under way.
CREATE INDEX runs_open ON runs (arrival) WHERE status IN ('pending', 'running');
-- What is to be forgotten next.
CREATE INDEX runs_expiring ON runs (expires_at) WHERE expires_at IS NOT NULL;
-- Listings, in order of arrival: of one operation and status, and of everything.
CREATE INDEX runs_listed ON runs (operation, status, arrival);
CREATE INDEX runs_arrived ON runs (arrival);

CREATE TABLE counts (
  -- How many runs stand where, so that looking at a store of millions counts nothing. Kept by the triggers below.
  operation TEXT NOT NULL,
  version REAL NOT NULL,
  status TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (operation, version, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER counts_added AFTER INSERT ON runs BEGIN
  INSERT INTO counts VALUES (new.operation, new.version, new.status, 1)
  ON CONFLICT (operation, version, status) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER counts_removed AFTER DELETE ON runs BEGIN
  UPDATE counts SET count = count - 1
  WHERE operation = old.operation AND version = old.version AND status = old.status;
END;

-- A count that falls to nothing stays as 0: runs pass through pending and running all the time.
CREATE TRIGGER counts_moved AFTER UPDATE OF operation, version, status ON runs
WHEN old.status <> new.status OR old.version <> new.version OR old.operation <> new.operation BEGIN
  UPDATE counts SET count = count - 1
  WHERE operation = old.operation AND version = old.version AND status = old.status;
  INSERT INTO counts VALUES (new.operation, new.version, new.status, 1)
  ON CONFLICT (operation, version, status) DO UPDATE SET count = count + 1;
END;
`
