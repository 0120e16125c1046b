//! How soon `shoal serve` answers, what it holds while idle, and how large it is.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::process::{Server, free_address, shoal};
use crate::table::{Table, median};

/// Twenty starts in an empty data folder.
pub(crate) fn run() -> anyhow::Result<Table> {
    let data = tempfile::tempdir()?;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let address = free_address()?;
        let mut command = Command::new(shoal());
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data.path());
        let server = Server::start(&mut command, address, "/")?;
        starts.push(server.first_answer.as_secs_f64());
        // Idle is what it comes to rest at, not the moment of the answer.
        std::thread::sleep(REST);
        memory.push(server.resident_bytes()? as f64);
    }
    let binary = fs::metadata(shoal())?.len() as f64;
    let worst = starts.iter().copied().fold(0.0, f64::max);
    let mut table = Table::new(["what", "found", "wanted"]);
    table.row([
        "first answer, median of 20".to_owned(),
        format!("{:.0} ms", median(&starts) * 1e3),
        "300 ms".to_owned(),
    ]);
    table.row(["first answer, worst".to_owned(), format!("{:.0} ms", worst * 1e3), "–".to_owned()]);
    table.row([
        "idle memory, median".to_owned(),
        format!("{:.1} MB", median(&memory) / 1e6),
        "30 MB".to_owned(),
    ]);
    table.row(["binary".to_owned(), format!("{:.1} MB", binary / 1e6), "–".to_owned()]);
    Ok(table)
}

const STARTS: usize = 20;
const REST: Duration = Duration::from_millis(300);
