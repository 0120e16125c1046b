//! `shoal job`: what the machine works on.

use clap::Subcommand;
use serde::Serialize;
use sidecar::{JobLine, when};

use super::{Output, minute, say, with};
use crate::cli::Settings;
use crate::config::Config;

/// What is done to jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List the jobs of the last days, the newest first.
    List {
        /// waiting, active, completed or failed [default: all].
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        count: u32,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Try a failed job again.
    Retry {
        /// Its number.
        job: i64,
        #[command(flatten)]
        settings: Settings,
    },
    /// End a job that waits or is being done; it may be tried again.
    Cancel {
        /// Its number.
        job: i64,
        #[command(flatten)]
        settings: Settings,
    },
}

/// A job, as `--json` tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: i64,
    state: &'static str,
    stage: String,
    percent: i64,
    attempts: i64,
    video: String,
    name: String,
    reason: Option<String>,
    may_retry: bool,
    updated_at: String,
}

impl JobCommand {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            JobCommand::List { state, count, output, settings } => {
                list(&settings.load()?, state.as_deref(), count, output)
            }
            JobCommand::Retry { job, settings } => {
                with(&settings.load()?, async |sidecar| sidecar.host_retry(job).await)?;
                say(&format!("job {job} is tried again, by a server that runs or the next one"))
            }
            JobCommand::Cancel { job, settings } => {
                with(&settings.load()?, async |sidecar| sidecar.host_cancel(job).await)?;
                say(&format!("job {job} is cancelled"))
            }
        }
    }
}

fn list(config: &Config, state: Option<&str>, count: u32, output: Output) -> anyhow::Result<()> {
    let jobs = with(config, async |sidecar| sidecar.host_jobs(state, 0, count).await)?;
    let lines: Vec<Line> = jobs.into_iter().map(line).collect();
    output.list(
        &[
            ("JOB", &|line: &Line| line.id.to_string()),
            ("STATE", &|line| line.state.to_owned()),
            ("STAGE", &|line| line.stage.clone()),
            ("DONE", &|line| format!("{} %", line.percent)),
            ("TRIES", &|line| line.attempts.to_string()),
            ("UPDATED", &|line| minute(&line.updated_at)),
            ("VIDEO", &|line| line.video.clone()),
            ("NAME", &|line| line.name.clone()),
            ("REASON", &|line| line.reason.clone().unwrap_or("-".to_owned())),
        ],
        &lines,
    )
}

fn line(job: JobLine) -> Line {
    Line {
        id: job.id,
        state: job.state,
        stage: job.stage,
        percent: job.percent,
        attempts: job.attempts,
        video: job.uuid,
        name: job.name,
        reason: job.reason,
        may_retry: job.may_retry,
        updated_at: when::iso(job.updated_at),
    }
}
