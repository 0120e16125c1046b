-- Words of listed videos and of channels, by the ids of their rows; kept by triggers, so within whatever changes a row.
-- What stands in a name has the weight A.
CREATE TABLE video_text (
    id BIGINT PRIMARY KEY REFERENCES video (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE INDEX video_text_words ON video_text USING gin (words);
CREATE FUNCTION keep_video_text() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.listed_at IS NULL THEN
        DELETE FROM video_text WHERE id = NEW.id;
    ELSE
        INSERT INTO video_text (id, words) VALUES (
            NEW.id,
            setweight(to_tsvector('simple', NEW.name), 'A')
            || setweight(to_tsvector('simple', COALESCE((SELECT STRING_AGG(name, ' ') FROM tag WHERE video_id = NEW.id), '')), 'B')
            || setweight(to_tsvector('simple', COALESCE(NEW.description, '')), 'C')
        ) ON CONFLICT (id) DO UPDATE SET words = excluded.words;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER video_text_kept AFTER UPDATE OF listed_at ON video FOR EACH ROW
    WHEN (OLD.listed_at IS NOT NULL OR NEW.listed_at IS NOT NULL) EXECUTE FUNCTION keep_video_text();

CREATE TABLE channel_text (
    id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE INDEX channel_text_words ON channel_text USING gin (words);
CREATE FUNCTION keep_channel_text() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO channel_text (id, words) SELECT
        NEW.id,
        setweight(to_tsvector('simple', NEW.display_name || ' ' || handle.name), 'A')
        || setweight(to_tsvector('simple', COALESCE(NEW.description, '')), 'C')
    FROM handle WHERE handle.id = NEW.id
    ON CONFLICT (id) DO UPDATE SET words = excluded.words;
    RETURN NULL;
END $$;
CREATE TRIGGER channel_text_kept AFTER INSERT OR UPDATE OF display_name, description ON channel FOR EACH ROW
    EXECUTE FUNCTION keep_channel_text();
