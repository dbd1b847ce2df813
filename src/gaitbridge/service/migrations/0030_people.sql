-- Which walker of a recording a template was made of: who is forgotten takes their pictures along.
CREATE TABLE sources (
    template TEXT NOT NULL,            -- its id
    job TEXT NOT NULL,
    track TEXT NOT NULL,
    PRIMARY KEY (template, job, track),
    FOREIGN KEY (job, track) REFERENCES tracks (job, id) ON DELETE CASCADE
);
CREATE INDEX sources_by_track ON sources (job, track);

-- What is being done to the gallery and to these tables together: carried on after a kill, gone when it is done.
CREATE TABLE intents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,                -- forget or rename
    document TEXT NOT NULL,            -- whom: JSON
    since_s REAL NOT NULL
);
CREATE INDEX tracks_by_time ON tracks (answered_s);
