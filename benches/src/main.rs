//! Side-by-side measurements: `cargo xtask bench [NAME…]`, each a table and the command that made it.
//!
//! Times depend on the machine and on what else it does, so A and B run in turn and the ratio is the figure to read.

mod api;
mod aquatic;
mod backfill;
mod browsers;
mod catalogue;
mod delivery;
mod first_frame;
mod idle;
mod import;
mod inbox;
mod pages;
mod process;
mod published;
mod serve;
mod start;
mod table;
mod tracker;
mod upload;
mod wrk;

fn main() -> anyhow::Result<()> {
    let (options, named): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    for name in &named {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "no bench {name}: choose of {}",
            known.join(", ")
        );
    }
    for (name, run) in BENCHES.iter().filter(|(known, _)| named.iter().any(|name| name == known)) {
        println!("\n## {name}\n\n`cargo xtask bench {name}`\n");
        println!("{}", run(&options)?);
    }
    Ok(())
}

/// Measures, and tells the result as Markdown.
type Bench = fn(&[String]) -> anyhow::Result<String>;

/// `cargo xtask bench` knows which of them need a network of their own.
const BENCHES: &[(&str, Bench)] = &[
    ("start", |_| Ok(start::run()?.to_string())),
    ("serve", |_| Ok(serve::run()?.to_string())),
    ("catalogue", |_| Ok(catalogue::run()?.to_string())),
    ("pages", |_| Ok(pages::run()?.to_string())),
    ("idle", |_| Ok(idle::run()?.to_string())),
    ("upload", |_| Ok(upload::run()?.to_string())),
    ("inbox", |_| Ok(inbox::run()?.to_string())),
    ("federation", |_| Ok(delivery::run()?.to_string())),
    ("backfill", |_| Ok(backfill::run()?.to_string())),
    ("import", |_| Ok(import::run()?.to_string())),
    ("first-frame", |_| first_frame::run()),
    ("tracker", |_| tracker::run()),
    ("browsers", browsers::run),
];
