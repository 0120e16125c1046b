-- Who may come in: users, their accounts, their sessions, and those who ask to become users.
-- {id} is a key that numbers itself; all else is the same text for both databases. Times are milliseconds since 1970.

-- What programs name themselves by when they log in; one row for each instance.
CREATE TABLE client (
    no BIGINT PRIMARY KEY CHECK (no = 1),
    client_id TEXT NOT NULL,
    client_secret TEXT NOT NULL
);

-- The names that accounts and channels share, in lower case.
CREATE TABLE handle (
    id {id},
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE users (
    id {id},
    username TEXT NOT NULL UNIQUE,
    -- In lower case; NULL is nobody's, and may be many users'.
    email TEXT UNIQUE,
    -- 0 administrator, 1 moderator, 2 user, as PeerTube numbers them.
    role BIGINT NOT NULL CHECK (role BETWEEN 0 AND 2),
    -- PHC string.
    password_hash TEXT NOT NULL,
    -- Bytes; -1 is without a bound.
    video_quota BIGINT NOT NULL,
    video_quota_daily BIGINT NOT NULL,
    blocked BOOLEAN NOT NULL,
    blocked_reason TEXT,
    -- JSON.
    preferences TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT
);

CREATE TABLE account (
    id BIGINT PRIMARY KEY REFERENCES handle (id),
    user_id BIGINT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    description TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- SHA-256 of tokens that only their owners have.
CREATE TABLE session (
    id {id},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    access_hash TEXT NOT NULL UNIQUE,
    access_expires_at BIGINT NOT NULL,
    refresh_hash TEXT NOT NULL UNIQUE,
    refresh_expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id, id);
CREATE INDEX session_by_end ON session (refresh_expires_at);

CREATE TABLE registration (
    id {id},
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    display_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- 1 waiting, 2 refused, 3 accepted, as PeerTube numbers them.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    answer TEXT,
    user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX registration_by_state ON registration (state, id);
