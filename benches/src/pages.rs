//! What browsing and a video's page weigh when they are downloaded, in brotli and without pictures.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::api::{self, Answer};
use crate::catalogue;
use crate::process::Server;
use crate::table::Table;

/// A start page full of cards, a search, and a video's page, each with what it names.
pub(crate) fn run() -> anyhow::Result<Table> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = filled(&data, VIDEOS)?;
    let listed = api::get(&server, "/api/v1/videos?count=1", "")?.json()?;
    let short = listed["data"][0]["shortUUID"]
        .as_str()
        .with_context(|| format!("no video is listed: {listed}"))?
        .to_owned();
    let embed = whole(&server, &format!("/videos/embed/{short}"))?.names;
    let mut table = Table::new(["page", "HTML", "with all that it names", "wanted"]);
    for (name, path, besides, wanted) in [
        ("the start page", "/", None, "60 KB"),
        ("a search", "/search?q=sea", None, "60 KB"),
        ("a video's page, above its embed", &*format!("/w/{short}"), Some(&embed), "40 KB"),
    ] {
        let page = whole(&server, path)?;
        let known = |name: &&String| besides.is_none_or(|names| !names.contains(*name));
        let mut bytes = page.bytes;
        for name in page.names.iter().filter(known) {
            bytes += api::get_as(&server, name, "", "Accept-Encoding: br")?.body.len();
        }
        let kilobytes = |bytes: usize| format!("{:.1} KB", bytes as f64 / 1e3);
        table.row([name.to_owned(), kilobytes(page.bytes), kilobytes(bytes), wanted.to_owned()]);
    }
    Ok(table)
}

/// A server whose catalogue has so many videos.
pub(crate) fn filled(data: &Path, videos: i64) -> anyhow::Result<Server> {
    fs::create_dir_all(data)?;
    drop(catalogue::start(data)?);
    tokio::runtime::Runtime::new()?.block_on(catalogue::fill(data, videos))?;
    catalogue::start(data)
}

/// A page, and what it loads beside pictures.
struct Page {
    bytes: usize,
    names: BTreeSet<String>,
}

fn whole(server: &Server, path: &str) -> anyhow::Result<Page> {
    let Answer { status, body, .. } = api::get(server, path, "")?;
    anyhow::ensure!(status == 200, "{path} answers {status}");
    let html = String::from_utf8(body).context("a page is not UTF-8")?;
    let tags = html.split('<').filter(|tag| LOADING.iter().any(|sign| tag.starts_with(sign)));
    let address = |tag: &str| {
        let value = tag.split_once(" src=\"").or_else(|| tag.split_once(" href=\""))?.1;
        value.split('"').next().filter(|name| name.starts_with('/')).map(str::to_owned)
    };
    let is_media = |name: &String| name.starts_with("/hls/") || name.starts_with("/feeds/");
    let names = tags.filter_map(address).filter(|name| !is_media(name)).collect();
    Ok(Page { bytes: compressed(html.as_bytes())?, names })
}

/// As a proxy before the server would send it.
fn compressed(content: &[u8]) -> anyhow::Result<usize> {
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed.len())
}

/// More than a page shows.
const VIDEOS: i64 = 60;
/// Tags by which a page loads something.
const LOADING: [&str; 5] = [
    "script ",
    "link rel=\"stylesheet\"",
    "link rel=\"icon\"",
    "link rel=\"modulepreload\"",
    "link rel=\"preload\"",
];
