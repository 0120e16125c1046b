-- Addresses that are proved, a second factor, letters on their way, and what people take along.
-- {id} is a key that numbers itself; all else is the same text for both databases. Times are milliseconds since 1970.

-- Whether somebody has shown that they read what is sent there; NULL is "nobody asked".
ALTER TABLE users ADD COLUMN email_verified BOOLEAN;
-- The address that they want instead, until they have shown the same of it.
ALTER TABLE users ADD COLUMN pending_email TEXT;
-- What their telephone makes codes of, sealed with the instance's key; NULL is no second factor.
ALTER TABLE users ADD COLUMN otp_secret TEXT;
-- The half minute, since 1970, of the last code that was used.
ALTER TABLE users ADD COLUMN otp_step BIGINT;

ALTER TABLE registration ADD COLUMN email_verified BOOLEAN;
-- The languages that they asked for, as their browser says it.
ALTER TABLE registration ADD COLUMN language TEXT NOT NULL DEFAULT 'en';

-- Mail that is to go out. What opens something is made when it goes, so that no secret waits here.
CREATE TABLE letter (
    id {id},
    kind TEXT NOT NULL,
    -- Whom it is about; of a request that only names an address that is found out when it goes.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    registration_id BIGINT REFERENCES registration (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    -- How often somebody tried to send it.
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX letter_due ON letter (due_at, id);
CREATE INDEX letter_of_user ON letter (user_id);
CREATE INDEX letter_of_registration ON letter (registration_id);

-- SHA-256 of what lets somebody do one thing, once.
CREATE TABLE ticket (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    registration_id BIGINT REFERENCES registration (id) ON DELETE CASCADE,
    -- The address that it proves, or the sealed secret that it confirms.
    about TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ticket_of_user ON ticket (user_id, kind);
CREATE INDEX ticket_of_registration ON ticket (registration_id);
CREATE INDEX ticket_by_end ON ticket (expires_at);

-- A file with all that is somebody's, for them to take along.
CREATE TABLE export (
    id {id},
    user_id BIGINT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- Its name in the folder of exports.
    file TEXT NOT NULL UNIQUE,
    with_video_files BOOLEAN NOT NULL,
    -- 1 waiting, 2 being made, 3 done, 4 failed, as PeerTube numbers them.
    state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4),
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX export_by_state ON export (state, id);
CREATE INDEX export_by_end ON export (expires_at);
