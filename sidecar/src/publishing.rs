//! The ladder from an uploaded file to a published video: what becomes of a job, and what its owner is told.
//!
//! ```text
//! queued → probing → transcoding (percent) → published
//!    ↑________|____________|____________|→ failed, for good or until its owner tries again
//! ```
//! Decisions alone: no clock, no database.

use std::time::Duration;

use crate::limits::{ATTEMPTS, BACK_OFF};

/// How far a job is, in the words of the table and of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has begun, or it waits to be tried again.
    Queued,
    /// The file is being looked at.
    Probing,
    /// Renditions are being made.
    Transcoding,
    /// All of them are there.
    Published,
    /// It ended without them.
    Failed,
}

/// What a worker has to say of a job when it lets go of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed {
        reason: String,
        /// The file's own fault: trying again would end the same way.
        is_final: bool,
    },
    /// The worker was asked to stop, or was killed.
    Interrupted {
        by: Interruption,
    },
}

/// How a worker stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// It said so: this was no attempt.
    Farewell,
    /// It went without a word: perhaps the file is what killed it.
    Silence,
}

/// What becomes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) state: JobState,
    pub(crate) stage: Stage,
    pub(crate) percent: i64,
    pub(crate) attempts: i64,
    pub(crate) due_at: i64,
    pub(crate) reason: Option<String>,
}

/// The numbers of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl JobState {
    pub(crate) fn id(self) -> i64 {
        match self {
            JobState::Waiting => 1,
            JobState::Running => 2,
            JobState::Done => 3,
            JobState::Failed => 4,
        }
    }

    pub(crate) fn parse(id: i64) -> Option<JobState> {
        let all = [JobState::Waiting, JobState::Running, JobState::Done, JobState::Failed];
        all.into_iter().find(|state| state.id() == id)
    }

    /// By PeerTube's word, of which we know fewer states; `None` of it is any state.
    pub(crate) fn named(word: &str) -> Option<Option<JobState>> {
        let all = [JobState::Waiting, JobState::Running, JobState::Done, JobState::Failed];
        match word {
            "all" => Some(None),
            "delayed" => Some(Some(JobState::Waiting)),
            _ => all.into_iter().find(|state| state.label() == word).map(Some),
        }
    }

    /// PeerTube's word for it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Running => "active",
            JobState::Done => "completed",
            JobState::Failed => "failed",
        }
    }
}

impl Stage {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Stage::Queued => "queued",
            Stage::Probing => "probing",
            Stage::Transcoding => "transcoding",
            Stage::Published => "published",
            Stage::Failed => "failed",
        }
    }
}

/// What becomes of a job that was tried so often, now that a worker lets go of it.
pub(crate) fn after(now_ms: i64, attempts: i64, outcome: &Outcome) -> Next {
    match outcome {
        Outcome::Done => Next {
            state: JobState::Done,
            stage: Stage::Published,
            percent: 100,
            attempts,
            due_at: now_ms,
            reason: None,
        },
        Outcome::Interrupted { by: Interruption::Farewell } => again(now_ms, attempts - 1, None),
        Outcome::Interrupted { by: Interruption::Silence } if attempts < ATTEMPTS => {
            again(now_ms, attempts, None)
        }
        Outcome::Interrupted { by: Interruption::Silence } => {
            failed(now_ms, attempts, format!("the worker ended {attempts} times while at it"))
        }
        Outcome::Failed { reason, is_final: false } if attempts < ATTEMPTS => {
            again(now_ms + back_off_ms(attempts), attempts, Some(reason.clone()))
        }
        Outcome::Failed { reason, .. } => failed(now_ms, attempts, reason.clone()),
    }
}

/// What becomes of a failed job whose owner tries again; `None` if it hasn't failed.
pub(crate) fn retried(now_ms: i64, state: JobState) -> Option<Next> {
    (state == JobState::Failed).then(|| again(now_ms, 0, None))
}

/// What becomes of a job that the host ends; `None` if it is over.
pub(crate) fn cancelled(now_ms: i64, state: JobState, attempts: i64) -> Option<Next> {
    let is_open = matches!(state, JobState::Waiting | JobState::Running);
    is_open.then(|| failed(now_ms, attempts, "cancelled by an administrator".to_owned()))
}

fn again(due_at: i64, attempts: i64, reason: Option<String>) -> Next {
    Next { state: JobState::Waiting, stage: Stage::Queued, percent: 0, attempts, due_at, reason }
}

fn failed(now_ms: i64, attempts: i64, reason: String) -> Next {
    Next {
        state: JobState::Failed,
        stage: Stage::Failed,
        percent: 0,
        attempts,
        due_at: now_ms,
        reason: Some(reason),
    }
}

pub(crate) fn back_off_ms(attempts: i64) -> i64 {
    let times = 4_u32.saturating_pow(u32::try_from(attempts - 1).unwrap_or(0));
    let wait: Duration = BACK_OFF.saturating_mul(times);
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(is_final: bool) -> Outcome {
        Outcome::Failed { reason: "no space left".to_owned(), is_final }
    }

    #[track_caller]
    fn check(attempts: i64, outcome: &Outcome, wanted: (JobState, Stage, i64, i64)) {
        let next = after(1_000, attempts, outcome);
        assert_eq!((next.state, next.stage, next.attempts, next.due_at), wanted, "{outcome:?}");
    }

    #[test]
    fn a_job_that_fails_waits_longer_each_time_and_then_ends() {
        check(1, &failure(false), (JobState::Waiting, Stage::Queued, 1, 31_000));
        check(2, &failure(false), (JobState::Waiting, Stage::Queued, 2, 121_000));
        check(3, &failure(false), (JobState::Waiting, Stage::Queued, 3, 481_000));
        check(4, &failure(false), (JobState::Failed, Stage::Failed, 4, 1_000));
        assert_eq!(after(0, 1, &failure(false)).reason.as_deref(), Some("no space left"));
    }

    #[test]
    fn a_bad_file_is_not_tried_again() {
        check(1, &failure(true), (JobState::Failed, Stage::Failed, 1, 1_000));
        assert_eq!(after(0, 1, &failure(true)).reason.as_deref(), Some("no space left"));
    }

    #[test]
    fn a_server_that_stops_is_no_attempt_and_one_that_is_killed_is() {
        let farewell = Outcome::Interrupted { by: Interruption::Farewell };
        let silence = Outcome::Interrupted { by: Interruption::Silence };
        check(4, &farewell, (JobState::Waiting, Stage::Queued, 3, 1_000));
        check(3, &silence, (JobState::Waiting, Stage::Queued, 3, 1_000));
        check(4, &silence, (JobState::Failed, Stage::Failed, 4, 1_000));
    }

    #[test]
    fn what_is_done_is_whole_and_only_what_failed_is_tried_again() {
        check(2, &Outcome::Done, (JobState::Done, Stage::Published, 2, 1_000));
        assert_eq!(after(0, 1, &Outcome::Done).percent, 100);
        for (state, is_retried) in [
            (JobState::Waiting, false),
            (JobState::Running, false),
            (JobState::Done, false),
            (JobState::Failed, true),
        ] {
            assert_eq!(retried(9, state).is_some(), is_retried, "{state:?}");
            let is_open = matches!(state, JobState::Waiting | JobState::Running);
            assert_eq!(cancelled(9, state, 1).is_some(), is_open, "{state:?}");
            assert_eq!(JobState::parse(state.id()), Some(state));
        }
        assert_eq!(retried(9, JobState::Failed).unwrap().attempts, 0);
    }
}
