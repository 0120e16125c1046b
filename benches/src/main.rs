//! Side-by-side measurements: `cargo xtask bench [serve|start|import]`, each a table and the command that made it.
//!
//! Times depend on the machine and on what else it does, so A and B run in turn and the ratio is the figure to read.

mod import;
mod process;
mod serve;
mod start;
mod table;

fn main() -> anyhow::Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let all = [("start", start::run as fn() -> _), ("serve", serve::run), ("import", import::run)];
    for name in &named {
        anyhow::ensure!(
            all.iter().any(|(known, _)| known == name),
            "no bench {name}: choose start, serve or import"
        );
    }
    for (name, run) in
        all.iter().filter(|(known, _)| named.is_empty() || named.iter().any(|name| name == known))
    {
        println!("\n## {name}\n\n`cargo xtask bench {name}`\n");
        let table: table::Table = run()?;
        println!("{table}");
    }
    Ok(())
}
