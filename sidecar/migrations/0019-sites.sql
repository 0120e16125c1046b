-- Bounds for whoever has a domain, however many names below it they invent, and turns, so that nobody is served before all others.

-- The domain that somebody registered of which a server is part; of those met before, the name itself.
ALTER TABLE host ADD COLUMN site TEXT NOT NULL DEFAULT '';
UPDATE host SET site = name;
CREATE INDEX host_of_site ON host (site);
-- When something was delivered to it last.
ALTER TABLE host ADD COLUMN served_at BIGINT NOT NULL DEFAULT 0;
-- When it was last tried before its time, since it was heard of.
ALTER TABLE host ADD COLUMN heard_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE task ADD COLUMN site TEXT NOT NULL DEFAULT '';
UPDATE task SET site = host;
CREATE INDEX task_of_site ON task (site, kind, state);
CREATE INDEX task_of_kind ON task (kind, state, due_at, id);

-- The activity's id, by which one takes the place of another that waits for the same inbox.
ALTER TABLE sent ADD COLUMN about TEXT;
CREATE INDEX sent_about ON sent (about);

-- Since when its server doesn't have a video any more that it may have again.
ALTER TABLE remote_video ADD COLUMN missing_since BIGINT;
CREATE INDEX remote_video_missing ON remote_video (fetched_at) WHERE missing_since IS NOT NULL;

-- So that a handle goes without a look at all of these.
CREATE INDEX told_of_account ON told (account_id);
CREATE INDEX told_of_channel ON told (channel_id);
CREATE INDEX sent_of_actor ON sent (actor_id);
