//! Tells the story that a file of the operations' fuzzer stands for: `cargo run -p swarm-fuzzing --example tell -- FILE`.

use std::io;

fn main() -> io::Result<()> {
    for file in std::env::args_os().skip(1) {
        swarm_fuzzing::tell(&std::fs::read(file)?, &|line| println!("{line}"));
    }
    Ok(())
}
