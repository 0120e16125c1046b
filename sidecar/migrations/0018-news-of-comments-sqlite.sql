-- SQLite changes no check of a table, so that it is made anew; the triggers that fill it know it by its name.
CREATE TABLE waiting AS SELECT id, kind, subject FROM news;
DROP TABLE news;
CREATE TABLE news (
    id {id},
    -- 1 a video, 2 an account, 3 a channel; 4 to 7 what happened to a comment.
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 7),
    -- A video's UUID, else the id of a handle or of a comment.
    subject TEXT NOT NULL,
    -- Of a comment that is deleted: what it was, as JSON.
    was TEXT
);
INSERT INTO news (id, kind, subject) SELECT id, kind, subject FROM waiting;
DROP TABLE waiting;
