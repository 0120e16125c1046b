//! Weighs what an embedded player downloads before its first frame, media apart, and guards the limit.

use crate::run::{self, Server};
use crate::{http, shell, www};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Serves one video with the release binary, asks for its embed page and weighs it with everything that it names.
pub(crate) fn check(shoal: &Path) -> Result<()> {
    let folder = shell::target().join(format!("budget-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let page = embed_page(shoal, &folder);
    fs::remove_dir_all(&folder)?;
    let weights = weigh(page?, scripts_and_styles()?)?;
    for (name, bytes) in &weights {
        println!("{bytes:>8}  {name}");
    }
    let total: usize = weights.values().sum();
    println!("{total:>8}  together, of {LIMIT} allowed");
    for (name, bytes) in afterwards()? {
        println!("{bytes:>8}  {name}, after the first frame");
    }
    if total > LIMIT {
        bail!(
            "an embed downloads {total} bytes before its first frame, {} too many",
            total - LIMIT
        );
    }
    Ok(())
}

fn embed_page(shoal: &Path, folder: &Path) -> Result<String> {
    let clip = folder.join("clip.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2"]);
    shell::run(
        ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]).arg(&clip),
    )?;
    let url = run::import(shoal, folder, &clip)?;
    let id = url.rsplit('/').next().context("the watch URL has no id")?.to_owned();
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut server = Server::start(shoal, folder, address)?;
    server.wait_until_healthy()?;
    let answer = http::get(address, &format!("/videos/embed/{id}"))?;
    server.stop()?;
    if answer.status != 200 {
        bail!("/videos/embed/{id} answers {}", answer.status);
    }
    String::from_utf8(answer.body).context("the embed page is not UTF-8")
}

fn scripts_and_styles() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(www::dist())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".br") && !name.ends_with(".gz") {
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(files)
}

/// Brotli sizes of what everybody's player loads after the first frame, or when there is something to verify.
fn afterwards() -> Result<BTreeMap<String, usize>> {
    let files = scripts_and_styles()?.into_iter();
    let weigh = |(name, content): (String, Vec<u8>)| Ok((name, www::brotli(&content)?.len()));
    let is_for_all = |name: &str| AFTERWARDS.iter().any(|start| name.starts_with(start));
    files.filter(|(name, _)| is_for_all(name)).map(weigh).collect()
}

/// Brotli sizes of the page and of each file that it, or a file it names, mentions: never too few. What a player loads after
/// the first frame, or only where its page has captions or a storyboard or isn't English, is none of them, unless the page says so.
fn weigh(page: String, mut files: BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, usize>> {
    let mut weights = BTreeMap::new();
    let mut unread = vec![(PAGE.to_owned(), page.into_bytes())];
    while let Some((name, content)) = unread.pop() {
        weights.insert(name.clone(), www::brotli(&content)?.len());
        let text = String::from_utf8_lossy(&content);
        let is_wanted = |file: &&String| {
            let is_later = AFTERWARDS.iter().chain(&FOR_SOME).any(|later| file.starts_with(later));
            text.contains(file.as_str()) && (!is_later || name == PAGE)
        };
        let named: Vec<String> = files.keys().filter(is_wanted).cloned().collect();
        unread.extend(named.into_iter().filter_map(|name| files.remove_entry(&name)));
    }
    Ok(weights)
}

const PAGE: &str = "the embed page";
/// How the names begin of what a player loads after the first frame.
const AFTERWARDS: [&str; 4] = ["controls-", "panel-", "verifier-", "watching-"];
/// How the names begin of what a player loads for some alone.
const FOR_SOME: [&str; 2] = ["extras-", "words-"];

/// The bound that we set ourselves; PeerTube's embed downloads 535 KB.
const LIMIT: usize = 120_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_directly_or_by_a_script_is_weighed_and_nothing_else() {
        let files = [
            ("player.js", "load('player-1.wasm'); if (later) load('extras-1.js', 'verifier-1.js')"),
            ("extras-1.js", "captions"),
            ("verifier-1.js", "digests"),
            ("player-1.wasm", "wasm"),
            ("site.css", "other page"),
        ];
        let files =
            files.map(|(name, content)| (name.to_owned(), content.as_bytes().to_vec())).into();
        let weights = weigh("<script src=/static/player.js>".to_owned(), files).unwrap();
        assert_eq!(
            weights.keys().collect::<Vec<_>>(),
            ["player-1.wasm", "player.js", "the embed page"]
        );
    }
}
