-- What changed here that other servers are to be told, and what they were told.
-- {id} is a key that numbers itself; what notes a change is at the end, which each database says in its own words.

-- Noted with the change itself, whoever makes it, so that nothing is forgotten if they are killed.
CREATE TABLE news (
    id {id},
    -- 1 a video, 2 an account, 3 a channel.
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 3),
    -- A video's UUID, else the id of a handle.
    subject TEXT NOT NULL
);

-- Videos of which others know, for as long as they are listed.
CREATE TABLE told (
    uuid TEXT PRIMARY KEY,
    -- Handles, which outlive whoever had them.
    account_id BIGINT NOT NULL REFERENCES handle (id),
    channel_id BIGINT NOT NULL REFERENCES handle (id),
    -- SHA-256 of what was told, so that nothing is told twice.
    digest TEXT NOT NULL
);
INSERT INTO told (uuid, account_id, channel_id, digest)
    SELECT uuid, account_id, channel_id, '' FROM video WHERE listed_at IS NOT NULL AND is_remote = FALSE;

{when_something_changes}
