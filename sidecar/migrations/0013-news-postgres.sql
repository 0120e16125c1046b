CREATE FUNCTION note_video() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO news (kind, subject) VALUES (1, CASE WHEN TG_OP = 'DELETE' THEN OLD.uuid ELSE NEW.uuid END);
    RETURN NULL;
END $$;
CREATE FUNCTION note_actor() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO news (kind, subject)
        VALUES (CAST(TG_ARGV[0] AS BIGINT), CAST(CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END AS TEXT));
    RETURN NULL;
END $$;
CREATE TRIGGER video_changed AFTER UPDATE OF updated_at, listed_at ON video FOR EACH ROW
    WHEN (NEW.is_remote = FALSE AND (NEW.updated_at <> OLD.updated_at OR NEW.listed_at IS DISTINCT FROM OLD.listed_at))
    EXECUTE FUNCTION note_video();
CREATE TRIGGER video_ended AFTER DELETE ON video FOR EACH ROW WHEN (OLD.is_remote = FALSE) EXECUTE FUNCTION note_video();
CREATE TRIGGER account_changed AFTER UPDATE OF updated_at ON account FOR EACH ROW
    WHEN (NEW.user_id IS NOT NULL AND NEW.updated_at <> OLD.updated_at) EXECUTE FUNCTION note_actor('2');
CREATE TRIGGER account_ended AFTER DELETE ON account FOR EACH ROW WHEN (OLD.user_id IS NOT NULL) EXECUTE FUNCTION note_actor('2');
CREATE TRIGGER channel_changed AFTER UPDATE OF updated_at ON channel FOR EACH ROW
    WHEN (NEW.is_remote = FALSE AND NEW.updated_at <> OLD.updated_at) EXECUTE FUNCTION note_actor('3');
CREATE TRIGGER channel_ended AFTER DELETE ON channel FOR EACH ROW WHEN (OLD.is_remote = FALSE) EXECUTE FUNCTION note_actor('3');
