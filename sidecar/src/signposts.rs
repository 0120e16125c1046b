//! Where the pages deep in a list begin, so that nobody walks there from its beginning each time.
//!
//! Of a list every 50th place is kept for half a minute: its key and id in the index. What changes meanwhile moves a page by
//! as many places, as it would between two requests anyway; whether a video is listed is always looked up anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::database::sql::Bound;
use crate::listing::ListQuery;
use crate::pace::Time;

/// The key and the id of every 50th place of a list.
pub(crate) type Posts = Arc<[(Bound, i64)]>;

/// Signposts of the lists that somebody went deep into.
#[derive(Debug, Default)]
pub(crate) struct Signposts {
    kept: Mutex<HashMap<ListQuery, (Time, Posts)>>,
    /// Held by whoever makes some: others walk meanwhile.
    pub(crate) making: tokio::sync::Mutex<()>,
}

impl Signposts {
    /// Those of a list, whatever its page.
    pub(crate) fn find(&self, now: Time, query: &ListQuery) -> Option<Posts> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, posts) = kept.get(&list_of(query))?;
        (now < *until).then(|| Arc::clone(posts))
    }

    /// Keeps those of a list; when there are too many in all, the others go.
    pub(crate) fn keep(&self, now: Time, query: &ListQuery, posts: &Posts) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| now < *until);
        let all: usize = kept.values().map(|(_, posts)| posts.len() + LIST_ITSELF).sum();
        if all + posts.len() > MOST_IN_ALL {
            kept.clear();
        }
        kept.insert(list_of(query), (now + LIFE, Arc::clone(posts)));
    }
}

/// A list without its page.
fn list_of(query: &ListQuery) -> ListQuery {
    ListQuery { start: 0, count: 0, ..query.clone() }
}

/// Places between two signposts: from one on a page is walked to.
pub(crate) const STEP: i64 = 50;

/// Signposts of one list: the first 500,000 places.
pub(crate) const MOST: i64 = 10_000;

/// Signposts of all lists, about 50 bytes each.
const MOST_IN_ALL: usize = 100_000;

/// As many signposts as the key of a list weighs.
const LIST_ITSELF: usize = 10;

/// How long signposts are good.
const LIFE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signposts_are_of_a_list_and_for_a_while() {
        let signposts = Signposts::default();
        let posts: Posts = vec![(Bound::Number(7), 1)].into();
        let page = |start| ListQuery { start, count: 15, ..ListQuery::default() };
        signposts.keep(Time::ZERO, &page(300), &posts);
        assert_eq!(signposts.find(Time::from_secs(29), &page(4_000)), Some(posts.clone()));
        assert_eq!(signposts.find(Time::from_secs(30), &page(300)), None);
        let other = ListQuery { scope: crate::listing::Scope::Channel(1), ..page(300) };
        assert_eq!(signposts.find(Time::ZERO, &other), None);
        let many: Posts = vec![(Bound::Number(7), 1); MOST as usize].into();
        for channel in 0..100 {
            let scope = crate::listing::Scope::Channel(channel);
            signposts.keep(Time::ZERO, &ListQuery { scope, ..page(300) }, &many);
        }
        let kept = signposts.kept.lock().unwrap();
        assert!(kept.values().map(|(_, posts)| posts.len()).sum::<usize>() <= MOST_IN_ALL);
    }
}
