//! Every crate in the tree may be shipped under AGPL-3.0-or-later, and none of the banned ones is in it.

use crate::tidy::metadata;
use serde_json::Value;

#[test]
fn every_licence_fits_ours() {
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            fits(licence),
            "{} {}: licence {licence:?} does not fit",
            package["name"],
            package["version"]
        );
    }
}

#[test]
fn banned_crates_are_not_in_the_tree() {
    for package in packages() {
        let name = package["name"].as_str().unwrap_or_default();
        let reason = BANNED.iter().find(|(banned, _)| *banned == name).map(|(_, reason)| reason);
        assert_eq!(reason, None, "{name} is banned");
    }
}

#[test]
fn licence_expressions_are_understood() {
    for fitting in [
        "MIT",
        "MIT/Apache-2.0",
        "LGPL-2.0-only OR MIT",
        "(MIT OR GPL-2.0-only) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(fits(fitting), "{fitting}");
    }
    for other in
        ["", "GPL-2.0-only", "MIT AND GPL-2.0-only", "AGPL-3.0-only", "(MIT", "MIT OR", "SSPL-1.0"]
    {
        assert!(!fits(other), "{other}");
    }
}

fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().cloned().unwrap_or_default()
}

/// Whether some choice among an SPDX expression's alternatives is acceptable throughout.
fn fits(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    any(&mut rest) == Some(true) && rest.is_empty()
}

fn any(rest: &mut &[&str]) -> Option<bool> {
    let mut fits = all(rest)?;
    while take(rest, "OR") {
        fits |= all(rest)?;
    }
    Some(fits)
}

fn all(rest: &mut &[&str]) -> Option<bool> {
    let mut fits = one(rest)?;
    while take(rest, "AND") {
        fits &= one(rest)?;
    }
    Some(fits)
}

fn one(rest: &mut &[&str]) -> Option<bool> {
    if take(rest, "(") {
        let fits = any(rest)?;
        return take(rest, ")").then_some(fits);
    }
    let (&licence, after) = rest.split_first()?;
    *rest = after;
    if take(rest, "WITH") {
        // An exception only permits more.
        *rest = rest.get(1..)?;
    }
    Some(ALLOWED.contains(&licence))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == word => {
            *rest = after;
            true
        }
        _ => false,
    }
}

/// Licences whose code may become part of a work under AGPL-3.0-or-later.
const ALLOWED: &[&str] = &[
    "0BSD",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "LGPL-2.1-or-later",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "a long C build and a second crypto provider beside ring"),
    ("openssl-sys", "a C library that the binary would need on every host"),
];
