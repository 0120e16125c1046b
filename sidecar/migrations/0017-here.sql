-- Lists of those who are here pass over nobody of elsewhere, of whom there are many more.
CREATE INDEX channel_here ON channel (id) WHERE is_remote = FALSE;
CREATE INDEX account_here ON account (id) WHERE user_id IS NOT NULL;
