-- Other servers, who is there and what we know of it; what is sent to them and what they sent.
-- {id} is a key that numbers itself; all else is the same text for both databases. Times are milliseconds since 1970.
--
-- People, channels and videos of other servers are rows of the same tables as ours: their handle is 'name@host', their account has
-- no user. What only they have is in a table beside it, with the same id.

ALTER TABLE channel ADD COLUMN is_remote BOOLEAN NOT NULL DEFAULT FALSE;
-- Of another server's: whether we follow it, its account or its server, so that its videos are listed.
ALTER TABLE channel ADD COLUMN is_followed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video ADD COLUMN is_remote BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX video_newest_here ON video (listed_at, id, category, language, nsfw) WHERE listed_at IS NOT NULL AND is_remote = FALSE;
CREATE INDEX video_newest_there ON video (listed_at, id, category, language, nsfw) WHERE listed_at IS NOT NULL AND is_remote = TRUE;
-- The same as 'all' of those that are ours.
INSERT INTO tally (kind, value, videos, nsfw) SELECT 'local', '', videos, nsfw FROM tally WHERE kind = 'all' AND value = '';

-- Servers that we have met.
CREATE TABLE host (
    -- As in their ids, with a port if they have one.
    name TEXT PRIMARY KEY,
    -- What it says of itself by NodeInfo; NULL was not asked yet, or doesn't say.
    software TEXT,
    version TEXT,
    title TEXT,
    description TEXT,
    rules TEXT,
    registration BOOLEAN,
    asked_at BIGINT,
    -- Of deliveries, in a row; and when the first of these was.
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    -- Before then nothing is delivered, and who is delivering until then.
    due_at BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    reason TEXT,
    created_at BIGINT NOT NULL
);

-- Somebody of another server. A person, service or application has an account, a group has a channel, with the same id.
CREATE TABLE remote_actor (
    id BIGINT PRIMARY KEY REFERENCES handle (id),
    url TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL REFERENCES host (name),
    -- 1 a person or service, 2 a channel, 3 an instance.
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 3),
    -- The name before the '@', as they write it.
    name TEXT NOT NULL,
    inbox TEXT NOT NULL,
    shared_inbox TEXT,
    outbox TEXT,
    -- SubjectPublicKeyInfo, PEM.
    public_key TEXT NOT NULL,
    -- Of people to read.
    page TEXT,
    avatar_url TEXT,
    banner_url TEXT,
    -- As their server tells.
    followers BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL
);
CREATE INDEX remote_actor_of_host ON remote_actor (host, kind);

-- Who follows whom, where one of them is ours. We follow as the instance, for all who are here.
CREATE TABLE follow (
    id {id},
    follower_id BIGINT NOT NULL REFERENCES handle (id),
    target_id BIGINT NOT NULL REFERENCES handle (id),
    -- Id of the Follow; ours are made of the row's id.
    url TEXT,
    -- 1 asked, 2 accepted, 3 rejected.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    -- Of ours: an administrator wants it, and not only those who subscribed.
    is_by_hand BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (follower_id, target_id)
);
CREATE INDEX follow_of_target ON follow (target_id, state, id);

-- What only a video of another server has.
CREATE TABLE remote_video (
    id BIGINT PRIMARY KEY REFERENCES video (id) ON DELETE CASCADE,
    url TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL REFERENCES host (name),
    -- The UUID that it has there.
    uuid TEXT NOT NULL,
    -- Of people to read, there.
    page TEXT,
    -- URLs: the master playlist, and the sums of its segments.
    master TEXT,
    sums TEXT,
    -- JSON: [{"href", "width", "height", "bytes", "fps"}], the best first.
    files TEXT NOT NULL,
    -- JSON: ["wss://…"].
    trackers TEXT NOT NULL,
    -- JSON: [{"url", "width", "height"}].
    pictures TEXT NOT NULL,
    -- JSON: [{"language", "url"}].
    captions TEXT NOT NULL,
    -- URL of the collection.
    comments TEXT,
    fetched_at BIGINT NOT NULL
);
CREATE INDEX remote_video_of_host ON remote_video (host);

-- What people of other servers think of a video of ours; the counts are in `video`, with those of `rate`.
CREATE TABLE remote_rate (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    is_like BOOLEAN NOT NULL,
    url TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, video_id)
);
CREATE INDEX remote_rate_of_video ON remote_rate (video_id);

-- Who of elsewhere has announced a video.
CREATE TABLE share (
    actor_id BIGINT NOT NULL REFERENCES handle (id),
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    url TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor_id, video_id)
);
CREATE INDEX share_of_video ON share (video_id);

-- What is said below videos, by people here and elsewhere.
CREATE TABLE comment (
    id {id},
    -- The id of another server's; NULL is ours, whose id is made of the video's and the row's.
    url TEXT UNIQUE,
    -- Of people to read, there.
    page TEXT,
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    -- NULL is gone, with what they said.
    account_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    -- What it answers, and the first of its thread; NULL begins one.
    parent_id BIGINT REFERENCES comment (id) ON DELETE CASCADE,
    thread_id BIGINT REFERENCES comment (id) ON DELETE CASCADE,
    -- Markdown of ours; HTML of others, cleaned when it came and again when it is shown.
    text TEXT NOT NULL,
    -- 1 shown, 2 waits for approval, 3 refused, 4 deleted.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4),
    -- Comments below it in its thread, of those that are shown; of the first of a thread.
    replies BIGINT NOT NULL DEFAULT 0,
    -- Of a comment of ours elsewhere: the approval that its video's server gave.
    approval TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX comment_threads ON comment (video_id, state, id) WHERE thread_id IS NULL;
CREATE INDEX comment_of_thread ON comment (thread_id, id);
CREATE INDEX comment_of_account ON comment (account_id, id);
CREATE INDEX comment_of_video ON comment (video_id, id);
CREATE INDEX comment_of_parent ON comment (parent_id);

-- What was here and is gone: our paths, others' URLs. Nothing comes back under them.
CREATE TABLE tombstone (
    id TEXT PRIMARY KEY,
    -- Such as Video or Note.
    former_type TEXT NOT NULL,
    deleted_at BIGINT NOT NULL
);
CREATE INDEX tombstone_oldest ON tombstone (deleted_at);

-- Activities that came, as SHA-256 of their ids: what comes twice is done once.
CREATE TABLE heard (
    id TEXT PRIMARY KEY,
    heard_at BIGINT NOT NULL
);
CREATE INDEX heard_oldest ON heard (heard_at);

-- Activities of ours, until all have them.
CREATE TABLE sent (
    id {id},
    -- Whose key signs it.
    actor_id BIGINT NOT NULL REFERENCES handle (id),
    activity TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE delivery (
    id {id},
    sent_id BIGINT NOT NULL REFERENCES sent (id) ON DELETE CASCADE,
    host TEXT NOT NULL REFERENCES host (name),
    inbox TEXT NOT NULL,
    -- 1 waiting, 2 given up.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 2),
    attempts BIGINT NOT NULL,
    reason TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (sent_id, inbox)
);
CREATE INDEX delivery_of_host ON delivery (host, state, id);

-- What is to be fetched from other servers, and how far it is.
CREATE TABLE task (
    id {id},
    kind TEXT NOT NULL,
    host TEXT NOT NULL REFERENCES host (name),
    -- What it is about.
    url TEXT NOT NULL,
    -- Where to go on.
    cursor TEXT,
    done BIGINT NOT NULL,
    total BIGINT,
    -- 1 waiting, 2 done, 3 failed.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    attempts BIGINT NOT NULL,
    reason TEXT,
    due_at BIGINT NOT NULL,
    -- Until when somebody works on it.
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (kind, url)
);
CREATE INDEX task_due ON task (state, due_at, id);

-- Whom we have nothing to do with: 'host', or 'name@host'.
CREATE TABLE block (
    target TEXT PRIMARY KEY,
    reason TEXT,
    created_at BIGINT NOT NULL
);

-- What a user is told of.
CREATE TABLE notification (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- As PeerTube numbers them: 2 a comment on a video, 10 a follower, 11 a mention.
    kind BIGINT NOT NULL,
    comment_id BIGINT REFERENCES comment (id) ON DELETE CASCADE,
    -- Who follows what.
    actor_id BIGINT REFERENCES handle (id),
    target_id BIGINT REFERENCES handle (id),
    is_read BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notification_of_user ON notification (user_id, id);
CREATE INDEX notification_of_comment ON notification (comment_id);

-- What people here and elsewhere say against something.
CREATE TABLE report (
    id {id},
    -- NULL is gone.
    reporter_id BIGINT REFERENCES handle (id),
    -- Against whom; and which of theirs, if not all.
    target_id BIGINT NOT NULL REFERENCES handle (id),
    video_id BIGINT REFERENCES video (id) ON DELETE SET NULL,
    comment_id BIGINT REFERENCES comment (id) ON DELETE SET NULL,
    reason TEXT NOT NULL,
    -- 1 open, 2 refused, 3 accepted, as PeerTube numbers them.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    note TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX report_by_state ON report (state, id);
CREATE INDEX report_of_video ON report (video_id);
CREATE INDEX report_of_comment ON report (comment_id);
CREATE INDEX report_of_reporter ON report (reporter_id);
CREATE INDEX report_of_target ON report (target_id);
CREATE INDEX notification_of_actor ON notification (actor_id);
CREATE INDEX notification_of_target ON notification (target_id);
