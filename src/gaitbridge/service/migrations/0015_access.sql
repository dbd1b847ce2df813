-- Who may come in. Secrets are kept as hashes alone.
CREATE TABLE access_keys (
    id TEXT PRIMARY KEY,               -- 8 hexadecimal digits, the part of the key that is no secret
    name TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,              -- a list, JSON
    hash TEXT NOT NULL,                -- scrypt$cost$salt$hash of the secret
    created_s REAL NOT NULL,
    expires_s REAL,                    -- NULL: until it is revoked
    per_minute INTEGER NOT NULL        -- requests
);

CREATE TABLE access_keys_made (        -- a row once there was a key: from then on a start makes none by itself
    made INTEGER PRIMARY KEY CHECK (made = 1)
);

CREATE TABLE sessions (                -- who is signed in to the page
    digest TEXT PRIMARY KEY,           -- SHA-256 of what the cookie holds, 256 random bits
    key_id TEXT NOT NULL REFERENCES access_keys (id) ON DELETE CASCADE,
    begun_s REAL NOT NULL,
    seen_s REAL NOT NULL
);
