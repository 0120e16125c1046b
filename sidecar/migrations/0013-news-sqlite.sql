CREATE TRIGGER video_changed AFTER UPDATE OF updated_at, listed_at ON video
WHEN NEW.is_remote = FALSE AND (NEW.updated_at <> OLD.updated_at OR NEW.listed_at IS NOT OLD.listed_at) BEGIN
    INSERT INTO news (kind, subject) VALUES (1, NEW.uuid);
END;
CREATE TRIGGER video_ended AFTER DELETE ON video WHEN OLD.is_remote = FALSE BEGIN
    INSERT INTO news (kind, subject) VALUES (1, OLD.uuid);
END;
CREATE TRIGGER account_changed AFTER UPDATE OF updated_at ON account
WHEN NEW.user_id IS NOT NULL AND NEW.updated_at <> OLD.updated_at BEGIN
    INSERT INTO news (kind, subject) VALUES (2, NEW.id);
END;
CREATE TRIGGER account_ended AFTER DELETE ON account WHEN OLD.user_id IS NOT NULL BEGIN
    INSERT INTO news (kind, subject) VALUES (2, OLD.id);
END;
CREATE TRIGGER channel_changed AFTER UPDATE OF updated_at ON channel
WHEN NEW.is_remote = FALSE AND NEW.updated_at <> OLD.updated_at BEGIN
    INSERT INTO news (kind, subject) VALUES (3, NEW.id);
END;
CREATE TRIGGER channel_ended AFTER DELETE ON channel WHEN OLD.is_remote = FALSE BEGIN
    INSERT INTO news (kind, subject) VALUES (3, OLD.id);
END;
