//! Side-by-side measurements: `cargo xtask bench [start|serve|import|first-frame|tracker]`, each a table and the command that made it.
//!
//! Times depend on the machine and on what else it does, so A and B run in turn and the ratio is the figure to read.

mod first_frame;
mod import;
mod process;
mod serve;
mod start;
mod table;
mod tracker;

fn main() -> anyhow::Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let all: [(&str, Bench); 5] = [
        ("start", || Ok(start::run()?.to_string())),
        ("serve", || Ok(serve::run()?.to_string())),
        ("import", || Ok(import::run()?.to_string())),
        ("first-frame", first_frame::run),
        ("tracker", || Ok(tracker::run()?.to_string())),
    ];
    for name in &named {
        anyhow::ensure!(
            all.iter().any(|(known, _)| known == name),
            "no bench {name}: choose start, serve, import, first-frame or tracker"
        );
    }
    for (name, run) in
        all.iter().filter(|(known, _)| named.is_empty() || named.iter().any(|name| name == known))
    {
        println!("\n## {name}\n\n`cargo xtask bench {name}`\n");
        println!("{}", run()?);
    }
    Ok(())
}

/// Measures, and tells the result as Markdown.
type Bench = fn() -> anyhow::Result<String>;
