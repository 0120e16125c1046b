//! What the control plane counts, as Prometheus text; no label says who somebody is, or what they publish or watch.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::Sidecar;
use crate::error::{ApiError, GrantError};
use crate::publishing::JobState;
use crate::table::stats;
use crate::table::video::tally;

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By [`KINDS`], and by the first digit of the status, from 1.
    requests: [[AtomicU64; 5]; KINDS.len()],
    /// By [`LOGINS`].
    logins: [AtomicU64; LOGINS.len()],
    uploads: AtomicU64,
}

impl Metrics {
    pub(crate) fn count_request(&self, kind: &str, status: StatusCode) {
        let row = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len() - 1);
        let class = usize::from(status.as_u16() / 100) - 1;
        if let Some(counter) = self.requests[row].get(class) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// What became of somebody's name and password.
    pub(crate) fn count_login<T>(&self, done: &Result<T, ApiError>) {
        let no = match done {
            Ok(_) => 0,
            Err(ApiError::Grant(GrantError::Credentials)) => 1,
            Err(ApiError::TooMany(_)) => 2,
            Err(_) => 3,
        };
        self.logins[no].fetch_add(1, Relaxed);
    }

    pub(crate) fn count_upload(&self) {
        self.uploads.fetch_add(1, Relaxed);
    }

    fn render(&self, page: &mut Page) {
        let requests = KINDS.iter().zip(&self.requests).flat_map(|(kind, classes)| {
            (1..).zip(classes).map(move |(class, counter)| {
                let labels = format!("{{kind=\"{kind}\",status=\"{class}xx\"}}");
                (labels, counter.load(Relaxed) as f64)
            })
        });
        let asked = requests.filter(|(_, count)| *count > 0.0);
        page.say("api_requests_total", "counter", "Requests to the API.", asked);
        let logins = LOGINS.iter().zip(&self.logins);
        let logins =
            logins.map(|(end, counter)| (label("result", end), counter.load(Relaxed) as f64));
        page.say("logins_total", "counter", "Names and passwords that somebody gave.", logins);
        let uploads = self.uploads.load(Relaxed) as f64;
        page.one("uploads_total", "counter", "Files that came in whole.", uploads);
    }
}

/// What is asked of a database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asking {
    Reading,
    Writing,
}

/// Counts one query while it lives, and how long it took.
#[derive(Debug)]
pub(crate) struct Timer {
    asking: Asking,
    since: Instant,
}

impl Timer {
    pub(crate) fn start(asking: Asking) -> Timer {
        Timer { asking, since: Instant::now() }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let spent = &SPENT[self.asking as usize];
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        spent.queries.fetch_add(1, Relaxed);
        spent.micros.fetch_add(micros, Relaxed);
    }
}

#[derive(Debug)]
struct Spent {
    queries: AtomicU64,
    micros: AtomicU64,
}

/// Of the whole process, which has one database: queries are everywhere, and each would have to be told whose it is.
static SPENT: [Spent; 2] = [
    Spent { queries: AtomicU64::new(0), micros: AtomicU64::new(0) },
    Spent { queries: AtomicU64::new(0), micros: AtomicU64::new(0) },
];

impl Sidecar {
    /// All counters, and what there is just now; without the latter if the database doesn't answer.
    pub async fn metrics(&self) -> String {
        let mut page = Page::default();
        self.metrics.render(&mut page);
        say_spent(&mut page);
        let gauges = tokio::time::timeout(PATIENCE, self.gauges()).await;
        match gauges {
            Ok(Ok(gauges)) => {
                for (name, help, samples) in gauges {
                    page.say(name, "gauge", help, samples.into_iter());
                }
            }
            Ok(Err(error)) => tracing::warn!("metrics lack what the database has: {error}"),
            Err(_) => tracing::warn!("metrics lack what the database has: it doesn't answer"),
        }
        page.0
    }

    async fn gauges(&self) -> sqlx::Result<Vec<Gauge>> {
        let database = &self.database;
        let mut all = Vec::new();
        for (name, help, kind) in [
            ("users", "Users.", "users"),
            ("channels", "Channels.", "channels"),
            ("videos", "Videos of this instance that are listed.", "local"),
        ] {
            let count = tally(database, kind, "").await? as f64;
            all.push((name, help, vec![(String::new(), count)]));
        }
        let jobs = stats::jobs(database).await?.into_iter().filter_map(|(state, count)| {
            Some((label("state", JobState::parse(state)?.label()), count as f64))
        });
        all.push(("jobs", "Work on videos, of the last days.", jobs.collect()));
        let waiting = stats::waiting(database).await?;
        let one = |count: i64| vec![(String::new(), count as f64)];
        all.push(("uploads", "Files on their way in.", one(waiting.uploads)));
        all.push(("registrations", "Those who wait for an account.", one(waiting.registrations)));
        Ok(all)
    }
}

type Gauge = (&'static str, &'static str, Vec<(String, f64)>);

fn say_spent(page: &mut Page) {
    let spent = || ["read", "write"].iter().zip(&SPENT);
    let queries =
        spent().map(|(kind, spent)| (label("kind", kind), spent.queries.load(Relaxed) as f64));
    page.say("database_queries_total", "counter", "Queries.", queries);
    let seconds =
        spent().map(|(kind, spent)| (label("kind", kind), spent.micros.load(Relaxed) as f64 / 1e6));
    let help = "Time spent on queries, and on waiting for a connection.";
    page.say("database_seconds_total", "counter", help, seconds);
}

fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}

/// Prometheus text.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn say(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl Iterator<Item = (String, f64)>,
    ) {
        let _ = writeln!(self.0, "# HELP shoal_{name} {help}\n# TYPE shoal_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(self.0, "shoal_{name}{labels} {value}");
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.say(name, kind, help, std::iter::once((String::new(), value)));
    }
}

/// What requests are about; the last is all else.
const KINDS: [&str; 10] = [
    "entry", "videos", "comments", "channels", "mine", "users", "jobs", "servers", "house", "other",
];

/// How tries to log in end: let in, a wrong name or password, too many tries, kept out for another reason.
const LOGINS: [&str; 4] = ["good", "wrong", "limited", "refused"];

/// Whoever collects gives up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::upload::tests::{sender, settled};
    use crate::work::tests::instances;

    #[test]
    fn requests_and_logins_are_counted_under_few_names() {
        let metrics = Metrics::default();
        metrics.count_request("videos", StatusCode::OK);
        metrics.count_request("never heard of", StatusCode::NOT_FOUND);
        metrics.count_login::<()>(&Err(GrantError::Credentials.into()));
        metrics.count_login(&Ok(()));
        let mut page = Page::default();
        metrics.render(&mut page);
        for line in [
            "shoal_api_requests_total{kind=\"videos\",status=\"2xx\"} 1\n",
            "shoal_api_requests_total{kind=\"other\",status=\"4xx\"} 1\n",
            "shoal_logins_total{result=\"wrong\"} 1\n",
            "shoal_logins_total{result=\"good\"} 1\n",
            "shoal_logins_total{result=\"limited\"} 0\n",
        ] {
            assert!(page.0.contains(line), "{}", page.0);
        }
    }

    #[tokio::test]
    async fn what_there_is_is_told() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            settled(&sidecar.database, "a", alice).await.unwrap();
            let text = sidecar.metrics().await;
            for line in [
                "shoal_users 2\n",
                "shoal_channels 2\n",
                "shoal_videos 0\n",
                "shoal_jobs{state=\"waiting\"} 1\n",
                "shoal_uploads 0\n",
                "shoal_registrations 0\n",
                "shoal_database_seconds_total{kind=\"write\"}",
            ] {
                assert!(text.contains(line), "{text}");
            }
            assert!(sidecar.health().await.is_ok());
            sidecar.close().await;
            assert!(sidecar.health().await.unwrap_err().contains("database"));
            assert!(!sidecar.metrics().await.contains("shoal_users"));
        }
    }
}
