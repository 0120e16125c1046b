-- Videos whose media is still to be removed: noted with whatever deletes their row, so that no crash brings a video back.
-- {when_a_video_goes} is what notes it, which each database says in its own words.

CREATE TABLE withdrawal (
    uuid TEXT PRIMARY KEY
);

{when_a_video_goes}
