-- Whether somebody of another server, or all of it, is blocked here: kept with the blocks, since those and what was said are many.
ALTER TABLE remote_actor ADD COLUMN is_blocked BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX remote_actor_blocked ON remote_actor (id) WHERE is_blocked = TRUE;
UPDATE remote_actor SET is_blocked = TRUE WHERE id IN
    (SELECT barred.id FROM remote_actor AS barred JOIN handle AS named ON named.id = barred.id
    JOIN block ON block.target IN (barred.host, named.name) OR barred.host LIKE '%.' || block.target);
UPDATE comment SET replies =
    (SELECT COUNT(*) FROM comment AS below WHERE below.thread_id = comment.id AND below.state = 1
    AND NOT EXISTS (SELECT 1 FROM remote_actor WHERE remote_actor.id = below.account_id AND remote_actor.is_blocked = TRUE))
    WHERE id IN (SELECT thread_id FROM comment AS said JOIN remote_actor ON remote_actor.id = said.account_id
    WHERE remote_actor.is_blocked = TRUE);
