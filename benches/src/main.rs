//! Side-by-side measurements: `cargo xtask bench [NAME…]`, each a table and the command that made it.
//!
//! Times depend on the machine and on what else it does, so A and B run in turn and the ratio is the figure to read.

mod api;
mod aquatic;
mod backfill;
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
mod share;
mod start;
mod table;
mod tracker;
mod upload;
mod wrk;

fn main() -> anyhow::Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
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
        println!("{}", run()?);
    }
    Ok(())
}

/// Measures, and tells the result as Markdown.
type Bench = fn() -> anyhow::Result<String>;

/// `cargo xtask bench` knows which of them need a network of their own.
const BENCHES: &[(&str, Bench)] = &[
    ("start", || Ok(start::run()?.to_string())),
    ("serve", || Ok(serve::run()?.to_string())),
    ("catalogue", || Ok(catalogue::run()?.to_string())),
    ("pages", || Ok(pages::run()?.to_string())),
    ("idle", || Ok(idle::run()?.to_string())),
    ("upload", || Ok(upload::run()?.to_string())),
    ("inbox", || Ok(inbox::run()?.to_string())),
    ("federation", || Ok(delivery::run()?.to_string())),
    ("backfill", || Ok(backfill::run()?.to_string())),
    ("import", || Ok(import::run()?.to_string())),
    ("first-frame", first_frame::run),
    ("tracker", tracker::run),
    ("share", share::run),
    ("share-start", share::run_start),
];
