-- Pictures of accounts, as channels have them, and videos that are fetched from an address.
-- {id} is a key that numbers itself; all else is the same text for both databases. Times are milliseconds since 1970.

-- The beginning of its files' names; NULL is none.
ALTER TABLE account ADD COLUMN avatar TEXT;

CREATE TABLE import (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Whose quota it counts against: the channel's owner.
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    -- What the video will be, as JSON.
    video TEXT NOT NULL,
    -- The upload that it is fetched to, which may be gone.
    upload_id TEXT,
    -- What it became.
    video_id BIGINT REFERENCES video (id) ON DELETE SET NULL,
    -- 1 waiting, 2 done, 3 failed, 5 cancelled, 6 being fetched, as PeerTube numbers them.
    state BIGINT NOT NULL CHECK (state IN (1, 2, 3, 5, 6)),
    -- By which the other host knows the file again.
    validator TEXT,
    attempts BIGINT NOT NULL,
    -- Why it failed last.
    reason TEXT,
    -- When it may be tried.
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX import_of_user ON import (user_id, id);
CREATE INDEX import_due ON import (state, due_at, id);
CREATE INDEX import_of_video ON import (video_id);
CREATE INDEX import_of_account ON import (account_id);
