-- What there is: channels, videos and what belongs to them, uploads and the work that they make.
-- {id} is a key that numbers itself; all else is the same text for both databases. Times are milliseconds since 1970.

CREATE TABLE channel (
    -- Its handle's, which it shares with no account.
    id BIGINT PRIMARY KEY REFERENCES handle (id),
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    description TEXT,
    support TEXT,
    -- Names of files; NULL is none.
    avatar TEXT,
    banner TEXT,
    -- How many users subscribed to it.
    subscribers BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX channel_of_account ON channel (account_id, id);

-- Who else may publish in a channel.
CREATE TABLE collaborator (
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- 1 editor: videos; 2 manager: the channel itself, too.
    role BIGINT NOT NULL CHECK (role BETWEEN 1 AND 2),
    -- 1 asked, 2 accepted.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 2),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, account_id)
);
CREATE INDEX collaborator_by_account ON collaborator (account_id, channel_id);

CREATE TABLE video (
    id {id},
    uuid TEXT NOT NULL UNIQUE,
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    -- The channel's owner, whose quota it counts against.
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- 1 published, 2 to be transcoded, 7 transcoding failed, as PeerTube numbers them.
    state BIGINT NOT NULL,
    -- 1 public, 2 unlisted, 3 private, 4 internal, 5 for those who know a password.
    privacy BIGINT NOT NULL CHECK (privacy BETWEEN 1 AND 5),
    -- When it became public, for as long as it is public and published; NULL is in no list.
    listed_at BIGINT,
    name TEXT NOT NULL,
    description TEXT,
    support TEXT,
    category BIGINT,
    licence BIGINT,
    language TEXT,
    nsfw BOOLEAN NOT NULL,
    -- 1 everybody's, 2 nobody's, 3 after approval.
    comments_policy BIGINT NOT NULL CHECK (comments_policy BETWEEN 1 AND 3),
    download_enabled BOOLEAN NOT NULL,
    -- Published when all renditions are made, and not with the first.
    wait_transcoding BOOLEAN NOT NULL,
    -- When it becomes what, by itself.
    scheduled_at BIGINT,
    scheduled_privacy BIGINT,
    duration_ms BIGINT NOT NULL,
    -- Of the best rendition; 0 is not known yet, or only sound.
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    -- What the origin made of it, as JSON: file names, sizes. NULL before the first rendition.
    media TEXT,
    -- Whether the origin was told that everybody may have the media; NULL is not yet.
    told_open BOOLEAN,
    -- Name of a file that replaces the poster that the origin took; NULL is the origin's.
    thumbnail TEXT,
    -- The file that was uploaded.
    source_name TEXT NOT NULL,
    source_bytes BIGINT NOT NULL,
    -- When the file was replaced last.
    replaced_at BIGINT,
    views BIGINT NOT NULL,
    -- Of the last seven days.
    views_lately BIGINT NOT NULL,
    likes BIGINT NOT NULL,
    dislikes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    originally_published_at BIGINT
);
-- What a list is filtered by stands behind its order, so that a list is found in its index alone.
CREATE INDEX video_newest ON video (listed_at, id, category, language, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_created ON video (created_at, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_originally ON video (COALESCE(originally_published_at, listed_at), id, category, language, nsfw, listed_at)
    WHERE listed_at IS NOT NULL;
CREATE INDEX video_most_viewed ON video (views, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_trending ON video (views_lately, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_most_liked ON video (likes, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_longest ON video (duration_ms, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_by_name ON video (name, id, category, language, nsfw, listed_at) WHERE listed_at IS NOT NULL;
CREATE INDEX video_of_category ON video (category, listed_at, id, language, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_of_language ON video (language, listed_at, id, category, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_of_licence ON video (licence, listed_at, id, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_listed_of_channel ON video (channel_id, listed_at, id, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_listed_of_account ON video (account_id, listed_at, id, nsfw) WHERE listed_at IS NOT NULL;
CREATE INDEX video_of_channel ON video (channel_id, id);
-- Answers what an account keeps, and what it uploaded today, from the index alone.
CREATE INDEX video_bytes_of_account ON video (account_id, created_at, source_bytes);
-- Those of which the origin is to be told who may have the media; the query says the same words.
CREATE INDEX video_access_due ON video (id) WHERE media IS NOT NULL AND (told_open IS NULL OR told_open <> (privacy <= 2));
CREATE INDEX video_scheduled ON video (scheduled_at) WHERE scheduled_at IS NOT NULL;

-- How many listed videos there are of a kind: 'all' '', 'category' '15', 'language' 'en', 'licence' '1', 'channel' '7', 'account' '2',
-- 'tag' 'sea'. Also how many there are in all of 'users' '' and 'channels' ''.
CREATE TABLE tally (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    videos BIGINT NOT NULL,
    -- Of these, the ones not safe for work.
    nsfw BIGINT NOT NULL,
    PRIMARY KEY (kind, value)
);

CREATE TABLE tag (
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    -- As written; looked for in lower case.
    name TEXT NOT NULL,
    lower_name TEXT NOT NULL,
    PRIMARY KEY (video_id, lower_name)
);
CREATE INDEX tag_by_name ON tag (lower_name, video_id);

CREATE TABLE caption (
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    -- Name of the WebVTT file.
    file TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (video_id, language)
);

CREATE TABLE chapter (
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    -- Seconds.
    timecode BIGINT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (video_id, timecode)
);

-- What opens a video of privacy 5. Its owner reads them again to tell others, so they are kept as they are.
CREATE TABLE video_password (
    id {id},
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (video_id, password)
);

-- Views of a day, so that those of the last seven can be told.
CREATE TABLE views_of_day (
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    -- Days since 1970.
    day BIGINT NOT NULL,
    views BIGINT NOT NULL,
    PRIMARY KEY (day, video_id)
);
CREATE INDEX views_of_video ON views_of_day (video_id, day);

CREATE TABLE rate (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    is_like BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, video_id)
);

CREATE TABLE subscription (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, channel_id)
);
CREATE INDEX subscription_of_channel ON subscription (channel_id);

CREATE TABLE history (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    -- Seconds: where to go on.
    position BIGINT NOT NULL,
    watched_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, video_id)
);
CREATE INDEX history_newest ON history (user_id, watched_at);

-- A file on its way in.
CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Whose quota it counts against, until its video does: the channel's owner.
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- What it became when it was whole; the file stays until the video is published.
    video_id BIGINT REFERENCES video (id) ON DELETE CASCADE,
    bytes BIGINT NOT NULL,
    -- What the video will be, as JSON: the fields of the request that began it.
    video TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When bytes came last: an upload that nobody goes on with is removed.
    touched_at BIGINT NOT NULL
);
CREATE INDEX upload_of_user ON upload (user_id) WHERE video_id IS NULL;
CREATE INDEX upload_of_account ON upload (account_id) WHERE video_id IS NULL;
CREATE INDEX upload_of_video ON upload (video_id);
CREATE INDEX upload_oldest ON upload (touched_at);

-- Work that takes long, and who does it.
CREATE TABLE job (
    id {id},
    video_id BIGINT NOT NULL REFERENCES video (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- What the work needs to know, as JSON.
    about TEXT NOT NULL,
    -- 1 waiting, 2 running, 3 done, 4 failed.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4),
    -- 'queued', 'probing', 'transcoding', 'published', 'failed'.
    stage TEXT NOT NULL,
    percent BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Why it failed last.
    reason TEXT,
    -- Until when it is its worker's, and whether that is on another machine. Which attempt it is tells one worker from the next.
    lease_until BIGINT,
    is_away BOOLEAN NOT NULL,
    -- When it may begin.
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX job_due ON job (state, due_at, id);
CREATE INDEX job_of_video ON job (video_id, id);
