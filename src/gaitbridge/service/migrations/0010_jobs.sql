-- Recordings taken in, and what was answered of them. Times are seconds since 1970; documents are JSON.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,           -- random; also the name of what is kept in files
    kind TEXT NOT NULL,                -- film, scans or sequences: found from the content
    state TEXT NOT NULL,               -- waiting, working, done or failed
    caller TEXT NOT NULL,              -- the name of the key that sent it
    options TEXT NOT NULL,             -- what was said with it
    bytes INTEGER NOT NULL,
    content TEXT NOT NULL,             -- hash of its bytes
    received_s REAL NOT NULL,
    started_s REAL,
    finished_s REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT,                      -- why it failed
    summary TEXT                       -- what was found in all, and what was left out
);
CREATE INDEX jobs_by_state ON jobs (state, number);

CREATE TABLE tracks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- rises: what came later has a higher one
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    id TEXT NOT NULL,                  -- of what was seen: a hash
    outcome TEXT NOT NULL,             -- named, nobody or unfit
    decision TEXT,                     -- whose name, if any
    answer TEXT NOT NULL,              -- the whole answer
    answered_s REAL NOT NULL,
    UNIQUE (job, id)
);
CREATE INDEX tracks_by_decision ON tracks (decision);
CREATE INDEX tracks_by_outcome ON tracks (outcome, number);
