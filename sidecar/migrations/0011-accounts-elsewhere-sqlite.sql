-- Accounts of other servers have no user here. SQLite changes a column by making the table anew, outside of a transaction that
-- would take along whatever refers to it; done twice it does no harm.
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS new_account;
CREATE TABLE new_account (
    id BIGINT PRIMARY KEY REFERENCES handle (id),
    -- NULL is another server's.
    user_id BIGINT UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    description TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    avatar TEXT
);
INSERT INTO new_account (id, user_id, display_name, description, created_at, updated_at, avatar)
    SELECT id, user_id, display_name, description, created_at, updated_at, avatar FROM account;
DROP TABLE account;
ALTER TABLE new_account RENAME TO account;
COMMIT;
PRAGMA foreign_keys = ON;
