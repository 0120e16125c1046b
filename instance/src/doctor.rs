//! `shoal doctor`: what a working instance needs, one line for each thing.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use wire::pieces::key_id;

use crate::config::{Config, PublicUrl};
use crate::{serve, signing};

/// What one check found; the text says what, and what to do.
type Finding = Result<String, String>;

/// Checks everything and prints one line each.
///
/// # Errors
/// When something has to be mended first.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let findings = [
        tool("ffmpeg"),
        tool("ffprobe"),
        data_folder(&config.server.data),
        signing_key(&config.server.data),
        public_url(config.server.public_url.as_ref()),
        import_settings(config),
        port(config),
    ];
    for finding in &findings {
        match finding {
            Ok(text) => say(&format!("ok    {text}")),
            Err(text) => say(&format!("wrong {text}")),
        }
    }
    match findings.iter().filter(|finding| finding.is_err()).count() {
        0 => Ok(()),
        wrong => Err(anyhow::anyhow!("{wrong} of {} checks failed", findings.len())),
    }
}

/// To a reader who may have seen enough.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn tool(name: &str) -> Finding {
    let output = Command::new(name).arg("-version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        format!("{name} does not run ({error}): install ffmpeg, imports need it")
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(2).unwrap_or("of unknown version").to_owned();
    if output.status.success() {
        Ok(format!("{name} {version}"))
    } else {
        Err(format!("{name} ends with {}: install it anew", output.status))
    }
}

/// A file is made there and removed, which is the only certain test.
fn data_folder(data: &Path) -> Finding {
    let shown = data.display();
    let trial = data.join(format!(".shoal-doctor-{}", std::process::id()));
    let tried = std::fs::create_dir_all(data)
        .and_then(|()| std::fs::write(&trial, b""))
        .and_then(|()| std::fs::remove_file(&trial));
    match tried {
        Ok(()) => Ok(format!("the data folder {shown} can be written")),
        Err(error) => Err(format!(
            "the data folder {shown} cannot be written ({error}): change its owner, or --data"
        )),
    }
}

fn signing_key(data: &Path) -> Finding {
    match signing::look(data) {
        Ok(Some(signer)) => Ok(format!("videos are signed with the key {}", key_id(signer.key()))),
        Ok(None) => Ok("the key that signs videos is made when it is first needed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn public_url(url: Option<&PublicUrl>) -> Finding {
    Ok(match url {
        None => "public_url is not set: good for a trial on this machine, set it before others link here".to_owned(),
        Some(url) if url.to_string().starts_with("https://") => format!("public_url is {url}"),
        Some(url) => format!("public_url is {url}: browsers withhold features from pages without https"),
    })
}

fn import_settings(config: &Config) -> Finding {
    Ok(format!("imports make renditions of at most {:?} lines", config.import.heights))
}

fn port(config: &Config) -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let listener =
        runtime.block_on(serve::listen(config.server.listen)).map_err(|error| error.to_string())?;
    drop(listener);
    Ok(format!("{} is free", config.server.listen))
}
