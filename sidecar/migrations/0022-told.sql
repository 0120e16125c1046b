-- Who was told of a comment: 0 nobody, 1 whom it concerns, 2 whoever follows. Those are told when it is gone, and nobody else.
ALTER TABLE comment ADD COLUMN told BIGINT NOT NULL DEFAULT 0 CHECK (told BETWEEN 0 AND 2);
UPDATE comment SET told = CASE WHEN (SELECT privacy FROM video WHERE video.id = comment.video_id) = 1 THEN 2 ELSE 1 END
    WHERE state <> 2;
