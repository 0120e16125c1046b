//! What this viewer tells others of itself and of new segments, and what they tell.
//!
//! ```text
//! connected ─▶ everything that is held, and hello ─▶ what has changed (to whoever said hello), or everything again
//! a live playlist lists more ─▶ "fresh" to all who haven't heard ─▶ they look at the playlist now, and tell on
//! somebody fetches it ─▶ "owned" to all who haven't heard ─▶ nobody else need fetch it for now
//! ```

use wire::peer::{Command, EXTENSION, Hello};

use crate::Time;
use crate::engine::{Engine, Soonest, What};
use crate::limits::{FRESH_AHEAD, NEWS_INTERVAL, PROMPTS};
use crate::message::{LinkId, Sharing, Why};

use super::links::Link;
use super::segments::Segments;

/// What peers may ask for, what is on its way from the server, and what from peers; each ascends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct News {
    held: Vec<usize>,
    fetched: Vec<usize>,
    coming: Vec<usize>,
}

/// Which segments of a live stream somebody has heard of: numbers after that of the last one, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Listed.
    pub(super) fresh: usize,
    /// Held by somebody, or being fetched.
    pub(super) owned: usize,
}

impl Word {
    fn with(self, other: Word) -> Word {
        Word { fresh: self.fresh.max(other.fresh), owned: self.owned.max(other.owned) }
    }
}

impl Engine {
    /// Tells the peers of each swarm what is held: at first, and whenever that has changed. To stock peers, who gives nothing says
    /// nothing, as they do.
    pub(crate) fn tell_peers(&mut self, now: Time) {
        let renditions: Vec<usize> = self.share.swarms.keys().collect();
        for rendition in renditions {
            self.greet(rendition);
            self.tell_changes(now, rendition);
            self.tell_fresh(rendition);
        }
    }

    /// Announces everything to whoever has just been connected.
    fn greet(&mut self, rendition: usize) {
        let is_new = |link: &Link| link.rendition == rendition && link.is_open() && !link.is_told;
        for id in self.links_where(is_new) {
            let told = self.share.swarms.get(&rendition).and_then(|swarm| swarm.told.clone());
            let news = told.unwrap_or_else(|| self.news_of(rendition));
            let hello = self.hello();
            let command = self.announcement(&news).with_hello(hello);
            self.say(id, &command);
            if let Some(link) = self.share.links.get_mut(&id) {
                link.is_told = true;
            }
            if let Some(swarm) = self.share.swarms.get_mut(&rendition) {
                swarm.told.get_or_insert(news);
            }
        }
    }

    fn hello(&self) -> Hello {
        let uplink_kbps = match self.share.permitted {
            Sharing::Full => self.uplink_kbps(),
            _ => Some(0),
        };
        Hello { version: EXTENSION, uplink_kbps }
    }

    fn tell_changes(&mut self, now: Time, rendition: usize) {
        let (news, uplink_kbps) = (self.news_of(rendition), self.uplink_kbps());
        let Some(swarm) = self.share.swarms.get_mut(&rendition) else { return };
        let Some(told) = swarm.told.as_ref() else { return };
        if *told == news {
            swarm.has_news = false;
            return;
        }
        // What is newly held others wait for, and that somebody fetches what is new saves them doing so; all else can wait a moment,
        // and often is over by then.
        let newest = told.held.last().max(told.fetched.last());
        let is_awaited = news.held.last() > told.held.last() || news.fetched.last() > newest;
        if !is_awaited && now.since(swarm.told_at) < NEWS_INTERVAL {
            swarm.has_news = true;
            return;
        }
        let changes = changes(told, &news, uplink_kbps);
        (swarm.told_at, swarm.has_news) = (now, false);
        swarm.told = Some(news.clone());
        let is_full = self.share.permitted == Sharing::Full;
        let due: Vec<(LinkId, bool)> = self
            .links_of(rendition)
            .filter(|(_, link)| link.is_told && link.is_open())
            .map(|(id, link)| (id, link.is_extended()))
            .collect();
        for (id, is_extended) in due {
            match is_extended {
                true => self.say(id, &changes),
                false if is_full => self.say(id, &self.announcement(&news)),
                false => {}
            }
        }
    }

    fn announcement(&self, news: &News) -> Command {
        Command::announcement(self.here(), numbers(&news.held), numbers(&news.fetched))
    }

    /// What there is to tell of a rendition.
    fn news_of(&self, rendition: usize) -> News {
        let is_known = |no: &usize| self.digest_of(rendition, *no).is_some();
        let asked = |is_from_peer: bool| {
            let all = self
                .requests
                .values()
                .filter(move |request| request.is_from_peer() == is_from_peer);
            let nos = all.filter_map(|request| match request.what {
                What::Segment { rendition: of, no } if of == rendition => Some(no),
                _ => None,
            });
            // What is being checked will be held in a moment.
            let checked = self.share.checks.values().map(|check| check.key);
            let checked = checked.filter(|(of, _)| is_from_peer && *of == rendition);
            let nos = nos.chain(checked.map(|(_, no)| no));
            nos.filter(is_known).fold(Vec::new(), |mut sorted: Vec<usize>, no| {
                if let Err(at) = sorted.binary_search(&no) {
                    sorted.insert(at, no);
                }
                sorted
            })
        };
        if self.share.permitted != Sharing::Full {
            return News::default();
        }
        let held = self.share.store.verified_of(rendition).collect();
        News { held, fetched: asked(false), coming: asked(true) }
    }

    /// The segment under the playhead.
    fn here(&self) -> u64 {
        let line = self.renditions.get(self.target).and_then(|rendition| rendition.timeline());
        line.and_then(|line| line.segment_from(self.playhead.position)).unwrap_or(0) as u64
    }

    pub(crate) fn announcement_came(
        &mut self,
        id: LinkId,
        loaded: &[u64],
        loading: &[u64],
        hello: Option<Hello>,
    ) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        link.has_told = true;
        link.holds = Segments::of(loaded);
        link.holds.subtract(&link.lacks);
        link.fetches = Segments::of(loading);
        link.comes = Segments::default();
        link.begun.clear();
        link.hello = link.hello.or(hello);
        link.kbps = link.kbps.or(hello.and_then(|hello| hello.uplink_kbps));
        link.note_owned(loaded);
        link.note_owned(loading);
    }

    /// Something may follow if a segment is waited for, or others have to hear of one.
    pub(crate) fn changes_came(&mut self, id: LinkId, lists: [&[u64]; 5]) -> bool {
        let Some(link) = self.share.links.get_mut(&id).filter(|link| link.is_extended()) else {
            return false;
        };
        let heard = link.heard;
        let [held, gone, fetching, coming, dropped] = lists;
        let all = [held, gone, fetching, coming, dropped].into_iter().flatten();
        for no in all.filter_map(|no| usize::try_from(*no).ok()) {
            link.holds.remove(no);
            link.fetches.remove(no);
            link.comes.remove(no);
        }
        for no in [held, gone, dropped].into_iter().flatten() {
            link.forget_begun(usize::try_from(*no).unwrap_or(usize::MAX));
        }
        held.iter().for_each(|no| link.holds.insert(*no));
        link.holds.subtract(&link.lacks);
        fetching.iter().for_each(|no| link.fetches.insert(*no));
        coming.iter().for_each(|no| link.comes.insert(*no));
        [held, fetching, coming].into_iter().for_each(|list| link.note_owned(list));
        self.share.is_waiting || link.heard != heard
    }

    /// A peer has heard of new segments. One that our playlist doesn't list makes us look at it now, a few times at most.
    pub(crate) fn fresh_came(
        &mut self,
        now: Time,
        id: LinkId,
        segment: u64,
        owned: Option<u64>,
    ) -> bool {
        let Some(link) = self.share.links.get_mut(&id).filter(|link| link.is_extended()) else {
            return false;
        };
        let (fresh, rendition, heard) = (after(segment), link.rendition, link.heard);
        link.heard = heard.with(Word { fresh, owned: owned.map_or(0, after) });
        let is_new = link.heard != heard;
        let rendition = self.renditions.get_mut(rendition).map(|rendition| &mut rendition.playlist);
        if let Some(crate::catalogue::Known::Yes(line)) = rendition
            && fresh > line.end()
            && fresh <= line.end() + FRESH_AHEAD
            && let Some(live) = &mut line.live
            && live.prompts < PROMPTS
        {
            live.prompts += 1;
            live.due_at = live.due_at.min(now);
            return true;
        }
        is_new
    }

    /// Passes on what is listed and owned to those who haven't heard it.
    fn tell_fresh(&mut self, rendition: usize) {
        let line = self.renditions.get(rendition).and_then(|rendition| rendition.timeline());
        let Some(fresh) = line.filter(|line| line.live.is_some()).map(|line| line.end()) else {
            return;
        };
        let word = Word { fresh, owned: self.owned(rendition, fresh) };
        let is_due = |link: &Link| {
            link.rendition == rendition
                && link.is_told
                && link.is_open()
                && link.is_extended()
                && link.heard.with(word) != link.heard
        };
        for id in self.links_where(is_due) {
            let owned = word.owned.checked_sub(1).map(|no| no as u64);
            self.say(id, &Command::Fresh { segment: fresh.saturating_sub(1) as u64, owned });
            if let Some(link) = self.share.links.get_mut(&id) {
                link.heard = link.heard.with(word);
            }
        }
    }

    /// The number after the last segment that anybody holds or fetches, as far as we have heard, below `end`.
    pub(crate) fn owned(&self, rendition: usize, end: usize) -> usize {
        let told = self.share.swarms.get(&rendition).and_then(|swarm| swarm.told.as_ref());
        let lists = told.into_iter().flat_map(|told| [&told.held, &told.fetched, &told.coming]);
        let ours = lists.filter_map(|list| list.last()).map(|no| no + 1);
        let believed = self.links_of(rendition).filter(|(_, link)| !link.conduct.is_doubtful());
        let theirs = believed.map(|(_, link)| link.heard.owned);
        ours.chain(theirs).filter(|owned| *owned <= end).max().unwrap_or(0)
    }

    pub(crate) fn news_deadlines(&self, soonest: &mut Soonest) {
        for swarm in self.share.swarms.values().filter(|swarm| swarm.has_news) {
            soonest.take(swarm.told_at + NEWS_INTERVAL, Why::News);
        }
    }
}

impl Link {
    pub(super) fn note_owned(&mut self, list: &[u64]) {
        let owned = list.last().map_or(0, |no| after(*no));
        self.heard = self.heard.with(Word { fresh: 0, owned });
    }
}

fn after(segment: u64) -> usize {
    usize::try_from(segment).map_or(0, |no| no.saturating_add(1))
}

fn numbers(list: &[usize]) -> Vec<u64> {
    list.iter().map(|no| *no as u64).collect()
}

/// What has to be said so that who knew `before` knows `after`.
fn changes(before: &News, after: &News, uplink_kbps: Option<u64>) -> Command {
    let new = |after: &[usize], before: &[usize]| {
        after.iter().filter(|no| before.binary_search(no).is_err()).map(|no| *no as u64).collect()
    };
    let is_anywhere = |no: usize| {
        [&after.held, &after.fetched, &after.coming]
            .iter()
            .any(|list| list.binary_search(&no).is_ok())
    };
    let lost = [&before.fetched, &before.coming].into_iter().flatten();
    Command::Changes {
        held: new(&after.held, &before.held),
        gone: new(&before.held, &after.held),
        fetching: new(&after.fetched, &before.fetched),
        coming: new(&after.coming, &before.coming),
        dropped: lost.filter(|no| !is_anywhere(**no)).map(|no| *no as u64).collect(),
        uplink_kbps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(held: &[usize], fetched: &[usize], coming: &[usize]) -> News {
        News { held: held.to_vec(), fetched: fetched.to_vec(), coming: coming.to_vec() }
    }

    #[test]
    fn only_what_changed_is_said() {
        let said = changes(&news(&[1, 2], &[4, 5], &[6]), &news(&[2, 4], &[], &[7]), Some(9));
        assert_eq!(
            said,
            Command::Changes {
                held: vec![4],
                gone: vec![1],
                fetching: vec![],
                coming: vec![7],
                dropped: vec![5, 6],
                uplink_kbps: Some(9),
            }
        );
    }
}
