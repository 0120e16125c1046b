//! Whose turn it is to be asked: one thing of each site at once, and whose answers took much time of late comes last. Without a clock.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What all who work on tasks see.
pub(in crate::federation) type Busy = Mutex<AtWork>;

/// Who is being asked, and who was.
#[derive(Debug, Default)]
pub(in crate::federation) struct AtWork {
    /// Sites, with the tasks.
    at_work: Vec<(String, i64)>,
    /// The oldest first. As many as there can be in [`LATELY`], of those that took [`NOTABLE`].
    lately: VecDeque<Spent>,
}

#[derive(Debug)]
struct Spent {
    site: String,
    until: Instant,
    time: Duration,
}

impl AtWork {
    pub(super) fn begin(&mut self, site: &str, task: i64) {
        self.at_work.push((site.to_owned(), task));
    }

    pub(super) fn end(&mut self, task: i64, begun: Instant, now: Instant) {
        let Some(at) = self.at_work.iter().position(|(_, id)| *id == task) else { return };
        let (site, _) = self.at_work.swap_remove(at);
        let time = now.saturating_duration_since(begun);
        if time >= NOTABLE {
            self.lately.push_back(Spent { site, until: now, time });
        }
    }

    /// Sites that are being asked, and those that come after all others.
    pub(super) fn sites(&mut self, now: Instant) -> (Vec<String>, Vec<String>) {
        let is_old = |spent: &Spent| now.saturating_duration_since(spent.until) > LATELY;
        while self.lately.pop_front_if(|spent| is_old(spent)).is_some() {}
        let mut spent: HashMap<&str, Duration> = HashMap::new();
        for one in &self.lately {
            *spent.entry(&one.site).or_default() += one.time;
        }
        let greedy = spent.into_iter().filter(|(_, time)| *time >= MUCH);
        let greedy = greedy.map(|(site, _)| site.to_owned()).collect();
        (self.at_work.iter().map(|(site, _)| site.clone()).collect(), greedy)
    }

    /// Tasks at which somebody was when they were stopped.
    pub(super) fn left(&mut self) -> Vec<i64> {
        self.at_work.drain(..).map(|(_, task)| task).collect()
    }
}

/// How long it is known what somebody took.
const LATELY: Duration = Duration::from_secs(600);

/// What is less than this isn't noted: so there are no more notes than five workers have seconds.
const NOTABLE: Duration = Duration::from_secs(1);

/// Who took so much of a worker's time lately comes after all others.
const MUCH: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_much_time_of_late_comes_last_for_a_while() {
        let (mut turns, begun) = (AtWork::default(), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        turns.begin("slow.com", 1);
        turns.begin("quick.com", 2);
        assert_eq!(turns.sites(at(1)).0, ["slow.com", "quick.com"]);
        turns.end(2, at(0), at(1));
        turns.end(1, at(0), at(40));
        assert_eq!(turns.sites(at(40)), (vec![], vec![]));
        turns.begin("slow.com", 3);
        turns.end(3, at(40), at(61));
        assert_eq!(turns.sites(at(61)), (vec![], vec!["slow.com".to_owned()]));
        assert_eq!(turns.sites(at(700)).1, [""; 0]);
        turns.begin("quick.com", 4);
        turns.end(9, at(0), at(1));
        assert_eq!(turns.left(), [4]);
        assert!(turns.lately.is_empty() || turns.lately.len() == 1);
    }
}
