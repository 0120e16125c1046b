//! Which views were counted already this hour, without knowing whose they were.

use std::collections::{HashSet, VecDeque};

use sha2::{Digest, Sha256};

use crate::limits::VIEWED;
use crate::table::video::{State, Video};
use crate::table::{history, views};
use crate::visitor::Visitor;
use crate::{Sidecar, now_ms};

/// Hashes of who viewed what, under a key that is forgotten with them each hour, and never written to disk.
#[derive(Debug)]
pub(crate) struct Viewed {
    /// Of the process.
    secret: String,
    hour: i64,
    known: HashSet<[u8; 8]>,
    /// The oldest first.
    order: VecDeque<[u8; 8]>,
}

impl Viewed {
    pub(crate) fn new(secret: String) -> Viewed {
        Viewed { secret, hour: 0, known: HashSet::new(), order: VecDeque::new() }
    }

    /// Whether this is the viewer's first view of the video in this hour.
    pub(crate) fn is_first(&mut self, now_ms: i64, from: &str, video_id: i64) -> bool {
        let hour = now_ms / 3_600_000;
        if hour != self.hour {
            self.hour = hour;
            // The key of the last hour can't be had again from that of this one.
            self.secret = crate::token::hash(&self.secret);
            self.known.clear();
            self.order.clear();
        }
        let digest = Sha256::digest(format!("{}\n{from}\n{video_id}", self.secret));
        let mut view = [0; 8];
        view.copy_from_slice(&digest[..8]);
        if !self.known.insert(view) {
            return false;
        }
        self.order.push_back(view);
        if self.order.len() > VIEWED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl Sidecar {
    /// Somebody watches: counts them once an hour, and notes where they are, if they are logged in and want that.
    pub(crate) async fn watched(
        &self,
        video: &Video,
        visitor: Option<&Visitor>,
        from: &str,
        position: Option<i64>,
    ) -> sqlx::Result<()> {
        let now_ms = now_ms();
        let is_first = {
            let mut viewed = self.viewed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            viewed.is_first(now_ms, from, video.id)
        };
        if is_first && video.state == State::Published.id() {
            views::count(&self.database, now_ms, video.id).await?;
            if video.is_remote {
                self.tell_view(video).await;
            }
        }
        if let Some((visitor, position)) = visitor.zip(position)
            && visitor.keeps_history()
        {
            history::note(&self.database, now_ms, visitor.user_id, video.id, position).await?;
        }
        Ok(())
    }

    /// Brings the views of the last seven days up to date; to be called once a day, and at the start.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn roll_views(&self, now_ms: i64) -> Result<(), crate::view::Unavailable> {
        Ok(views::roll(&self.database, now_ms).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_viewer_counts_once_an_hour_for_each_video() {
        let mut viewed = Viewed::new("secret".to_owned());
        assert!(viewed.is_first(HOUR, "192.0.2.1", 7));
        assert!(!viewed.is_first(2 * HOUR - 1, "192.0.2.1", 7));
        assert!(viewed.is_first(2 * HOUR - 1, "192.0.2.1", 8));
        assert!(viewed.is_first(2 * HOUR - 1, "192.0.2.2", 7));
        assert!(viewed.is_first(2 * HOUR, "192.0.2.1", 7));
    }

    #[test]
    fn what_is_known_has_a_bound_and_no_address_in_it() {
        let mut viewed = Viewed::new("secret".to_owned());
        for no in 0..VIEWED as i64 + 1_000 {
            assert!(viewed.is_first(HOUR, "192.0.2.1", no));
        }
        assert_eq!((viewed.known.len(), viewed.order.len()), (VIEWED, VIEWED));
        assert!(!format!("{viewed:?}").contains("192.0.2.1"));
        let before = viewed.secret.clone();
        viewed.is_first(2 * HOUR, "192.0.2.1", 1);
        assert_ne!(viewed.secret, before);
        assert_eq!(viewed.known.len(), 1);
    }
}
