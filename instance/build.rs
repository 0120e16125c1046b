//! Rebuilds the binary when the assets that it carries inside change, files that are new among them.

use std::path::Path;

fn main() {
    // A path that does not exist would make every build a rebuild.
    let watched = if Path::new("../www/dist").is_dir() { "../www/dist" } else { "../www" };
    println!("cargo:rerun-if-changed={watched}");
    println!("cargo:rerun-if-changed=templates");
    let mut names: Vec<_> = std::fs::read_dir("../www/dist")
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    names.sort_unstable();
    println!("cargo:rustc-env=SHOAL_EMBEDDED={}", names.join(" "));
}
