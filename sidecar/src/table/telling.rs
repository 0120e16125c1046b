//! A video with all that other servers are told of it, by one query: what is told is of one moment, and how it was is known again.

use sqlx::FromRow;
use wire::id::VideoId;

use crate::database::{Database, reading, record};
use crate::table::about::Caption;
use crate::table::video::{Video, columns};

/// All that goes into a video's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) video: Video,
    pub(crate) beside: Beside,
}

record! {
    /// What stands in other tables.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Beside {
        account: String,
        channel: String,
        /// Each in a line.
        tags: Option<String>,
        /// Language, time and file of each in a line.
        captions: Option<String>,
    }
}

impl Telling {
    /// As their owner wrote them.
    pub(crate) fn tags(&self) -> Vec<String> {
        let lines = self.beside.tags.as_deref().unwrap_or_default().lines();
        lines.map(str::to_owned).collect()
    }

    pub(crate) fn captions(&self) -> Vec<Caption> {
        let lines = self.beside.captions.as_deref().unwrap_or_default().lines();
        lines.filter_map(caption).collect()
    }

    /// Memory that it takes, more or less.
    pub(crate) fn bytes(&self) -> usize {
        let Telling { video, beside } = self;
        let long = [&video.description, &video.support, &video.media];
        let long = long.into_iter().chain([&beside.tags, &beside.captions]).flatten();
        size_of::<Telling>() + SHORT + long.map(String::len).sum::<usize>()
    }
}

/// A video by its UUID, whoever may see it.
pub(crate) async fn find(database: &Database, uuid: &VideoId) -> sqlx::Result<Option<Telling>> {
    reading!(database, pool => {
        let row = sqlx::query(FIND).bind(uuid.to_string()).fetch_optional(pool).await?;
        let read = |row| {
            Ok(Telling { video: Video::from_row(&row)?, beside: Beside::from_row(&row)? })
        };
        row.map(read).transpose()
    })
}

fn caption(line: &str) -> Option<Caption> {
    let mut words = line.splitn(3, ' ');
    Some(Caption {
        language: words.next()?.to_owned(),
        updated_at: words.next()?.parse().ok()?,
        file: words.next()?.to_owned(),
    })
}

/// Nothing in these lines has a line's end: see [`crate::field::line`].
const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    ", (SELECT handle.name FROM handle WHERE handle.id = video.channel_id) AS channel, \
     (SELECT handle.name FROM channel JOIN handle ON handle.id = channel.account_id WHERE channel.id = video.channel_id) AS account, \
     (SELECT STRING_AGG(tag.name, '\n' ORDER BY tag.lower_name) FROM tag WHERE tag.video_id = video.id) AS tags, \
     (SELECT STRING_AGG(caption.language || ' ' || caption.updated_at || ' ' || caption.file, '\n' ORDER BY caption.language) \
     FROM caption WHERE caption.video_id = video.id) AS captions FROM video WHERE uuid = $1"
);

/// Bytes of its name and its other words, which are short.
const SHORT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::about as tables;
    use crate::table::video::tests::{about, made};
    use crate::table::{caption as captions, channel, video};

    #[tokio::test]
    async fn one_query_tells_what_five_do() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("The sea")).await;
            for (language, file) in [("fr", "b.vtt"), ("en", "a.vtt")] {
                captions::set(database, 20, id, language, file).await.unwrap();
            }
            let bare = video::About { tags: Vec::new(), ..about("Bare") };
            for id in [id, made(database, "bob", bare).await] {
                let row = video::by_id(database, id).await.unwrap().unwrap();
                let told = find(database, &row.uuid.parse().unwrap()).await.unwrap().unwrap();
                let channel = channel::by_id(database, row.channel_id).await.unwrap().unwrap();
                assert_eq!(
                    (&told.beside.channel, &told.beside.account),
                    (&channel.name, &channel.account_name)
                );
                assert_eq!(told.tags(), tables::tags(database, id).await.unwrap());
                assert_eq!(told.captions(), tables::captions(database, id).await.unwrap());
                assert_eq!(told.video, row);
            }
            assert_eq!(find(database, &VideoId::from_random([7; 16])).await.unwrap(), None);
        }
    }
}
