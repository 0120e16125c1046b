-- Words of listed videos and of channels, by the ids of their rows; kept by triggers, so within whatever changes a row.
CREATE VIRTUAL TABLE video_text USING fts5 (
    name, tags, description, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER video_text_off AFTER UPDATE OF listed_at ON video WHEN OLD.listed_at IS NOT NULL BEGIN
    DELETE FROM video_text WHERE rowid = OLD.id;
END;
CREATE TRIGGER video_text_on AFTER UPDATE OF listed_at ON video WHEN NEW.listed_at IS NOT NULL BEGIN
    INSERT OR REPLACE INTO video_text (rowid, name, tags, description) VALUES (
        NEW.id, NEW.name, (SELECT GROUP_CONCAT(name, ' ') FROM tag WHERE video_id = NEW.id), NEW.description
    );
END;
CREATE TRIGGER video_text_gone AFTER DELETE ON video WHEN OLD.listed_at IS NOT NULL BEGIN
    DELETE FROM video_text WHERE rowid = OLD.id;
END;

CREATE VIRTUAL TABLE channel_text USING fts5 (
    name, description, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER channel_text_on AFTER INSERT ON channel BEGIN
    INSERT INTO channel_text (rowid, name, description)
    SELECT NEW.id, NEW.display_name || ' ' || handle.name, NEW.description FROM handle WHERE handle.id = NEW.id;
END;
CREATE TRIGGER channel_text_changed AFTER UPDATE OF display_name, description ON channel BEGIN
    INSERT OR REPLACE INTO channel_text (rowid, name, description)
    SELECT NEW.id, NEW.display_name || ' ' || handle.name, NEW.description FROM handle WHERE handle.id = NEW.id;
END;
CREATE TRIGGER channel_text_gone AFTER DELETE ON channel BEGIN
    DELETE FROM channel_text WHERE rowid = OLD.id;
END;
