//! Prints what we send for commands: a line of JSON in, a line of JSON with the messages in hex out.
//!
//! `swarm/wire/fixtures/make.mjs` gives them to the npm package, to see that it reads what we meant.

use std::io::{self, BufRead, Write};

use serde_json::Value;
use wire::peer::{Command, Hello};

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
    let number_if_any = |name: &str| asked[name].as_u64();
    let list = |name: &str| -> Vec<u64> {
        let list = asked[name].as_array().cloned().unwrap_or_default();
        list.into_iter().filter_map(|number| number.as_u64()).collect()
    };
    let announcement = || Command::announcement(number("near"), list("l"), list("p"));
    match number("c") {
        0 => match number_if_any("x") {
            Some(version) => {
                announcement().with_hello(Hello { version, uplink_kbps: number_if_any("u") })
            }
            None => announcement(),
        },
        1 => Command::SegmentRequest { segment, request, offset: number("b") },
        2 => Command::SegmentData { segment, size: number("s"), request },
        3 => Command::SegmentDataSendingCompleted { segment, request },
        4 => Command::SegmentAbsent { segment, request },
        5 => Command::CancelSegmentRequest { segment, request },
        16 => Command::Changes {
            held: list("l"),
            gone: list("g"),
            fetching: list("p"),
            coming: list("c_"),
            dropped: list("d"),
            uplink_kbps: number_if_any("u"),
        },
        17 => Command::Fresh { segment, owned: number_if_any("o") },
        18 => Command::PartRequest {
            segment,
            request,
            start: number("b"),
            end: number("e"),
            needed_in: number_if_any("n"),
            uplink_kbps: number_if_any("u"),
        },
        19 => Command::Bye,
        20 => Command::Pieces { segment, piece_bytes: number("z"), pieces: list("l") },
        unknown => panic!("no command has the code {unknown}"),
    }
}
