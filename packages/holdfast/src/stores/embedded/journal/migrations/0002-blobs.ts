/** Which files of large values the rows name. Derived from the rows. Immutable, as every migration. */
export const BLOBS: string = `
CREATE TABLE blobs (
  -- Every file that rows name, and how many of them do (S3). One that nobody names any more goes, and its file with it.
  digest TEXT PRIMARY KEY NOT NULL,
  bytes INTEGER NOT NULL,
  refs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_released ON blobs (digest) WHERE refs = 0;

CREATE TABLE blob_refs (
  -- Which row names which file: the owner is the row's key. A result that can be computed again may be evicted (O9).
  owner BLOB NOT NULL,
  digest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  is_evictable INTEGER NOT NULL,
  used_at REAL NOT NULL,
  PRIMARY KEY (owner, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_refs_named ON blob_refs (digest);
-- What to evict first: the least recently used.
CREATE INDEX blob_refs_evictable ON blob_refs (used_at) WHERE is_evictable = 1;

CREATE TABLE blob_totals (
  -- One row, so that looking at a store of millions counts nothing. Kept by the triggers below.
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

INSERT INTO blob_totals VALUES (0, 0);

CREATE TRIGGER blobs_named AFTER INSERT ON blob_refs BEGIN
  INSERT INTO blobs VALUES (new.digest, new.bytes, 1) ON CONFLICT (digest) DO UPDATE SET refs = refs + 1;
END;

CREATE TRIGGER blobs_unnamed AFTER DELETE ON blob_refs BEGIN
  UPDATE blobs SET refs = refs - 1 WHERE digest = old.digest;
END;

CREATE TRIGGER blob_totals_added AFTER INSERT ON blobs BEGIN
  UPDATE blob_totals SET count = count + 1, bytes = bytes + new.bytes;
END;

CREATE TRIGGER blob_totals_removed AFTER DELETE ON blobs BEGIN
  UPDATE blob_totals SET count = count - 1, bytes = bytes - old.bytes;
END;

-- Column paused of runs holds two marks from here on: 1 for paused, 2 for pinned, 3 for both.
`
