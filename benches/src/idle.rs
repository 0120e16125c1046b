//! What a server of 10,000 videos holds while nobody asks anything, and how soon it answers after a start.

use std::time::Duration;

use crate::catalogue;
use crate::pages;
use crate::table::{Table, median};

/// Ten starts on the same catalogue.
pub(crate) fn run() -> anyhow::Result<Table> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    drop(pages::filled(&data, VIDEOS)?);
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = catalogue::start(&data)?;
        starts.push(server.first_answer.as_secs_f64());
        // Idle is what it comes to rest at, when what a start begins is done.
        std::thread::sleep(REST);
        memory.push(server.resident_bytes()? as f64);
    }
    let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let mut table = Table::new(["with 10,000 videos", "median of 10", "worst", "wanted"]);
    let seconds = |value: f64| format!("{value:.2} s");
    table.row([
        "first answer".to_owned(),
        seconds(median(&starts)),
        seconds(worst(&starts)),
        "0.5 s".to_owned(),
    ]);
    let megabytes = |value: f64| format!("{:.0} MB", value / 1e6);
    table.row([
        "idle memory".to_owned(),
        megabytes(median(&memory)),
        megabytes(worst(&memory)),
        "60 MB".to_owned(),
    ]);
    Ok(table)
}

const VIDEOS: i64 = 10_000;
const STARTS: usize = 10;
const REST: Duration = Duration::from_secs(3);
