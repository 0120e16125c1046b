//! Prints what we send for announcements and requests: a line of JSON in, a line of JSON with the messages in hex out.
//!
//! `swarm/wire/fixtures/make.mjs` gives them to the npm package, to see that it reads what we meant.

use std::io::{self, BufRead, Write};

use serde_json::Value;
use wire::peer::Command;

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let number = |name: &str| asked[name].as_u64().unwrap_or(0);
        let messages = command(&asked).encode(number("max") as usize);
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<String> = messages.iter().map(hex).collect();
        writeln!(io::stdout(), "{}", serde_json::to_string(&lines)?)?;
    }
    Ok(())
}

fn command(asked: &Value) -> Command {
    let number = |name: &str| asked[name].as_u64().unwrap_or(0);
    let (segment, request) = (number("i"), number("r"));
    let segments = |name: &str| {
        let list = asked[name].as_array().cloned().unwrap_or_default();
        list.into_iter().filter_map(|segment| segment.as_u64())
    };
    match number("c") {
        0 => Command::announcement(number("near"), segments("l"), segments("p")),
        1 => Command::SegmentRequest { segment, request, offset: number("b") },
        2 => Command::SegmentData { segment, size: number("s"), request },
        3 => Command::SegmentDataSendingCompleted { segment, request },
        4 => Command::SegmentAbsent { segment, request },
        _ => Command::CancelSegmentRequest { segment, request },
    }
}
