//! How soon an embedded video shows its first frame, beside a bare page with hls.js that nginx serves.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::import::Source;
use crate::process::{Server, finish, free_address};
use crate::published::{node, publish, serve, workspace};

/// Twenty loads of each page in turn, in `benches/first-frame.mjs`, which tells the result as Markdown.
pub(crate) fn run() -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    // nginx's workers run as another user.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let id = publish(folder.path(), &Source::LARGE, "240,480,720")?;
    let ours = serve(folder.path(), free_address()?)?;
    let theirs = start_nginx(folder.path(), &folder.path().join("data"))?;
    let embed = format!("http://{}/videos/embed/{id}?autoplay=1&muted=1", ours.address);
    node("first-frame.mjs", &[&embed, &format!("http://{}/", theirs.address)])
}

/// nginx with hls.js's page and the same media.
fn start_nginx(folder: &Path, data: &Path) -> anyhow::Result<Server> {
    let site = folder.join("site");
    fs::create_dir(&site)?;
    let script = site.join("hls.light.min.js");
    fs::copy(workspace().join("e2e/node_modules/hls.js/dist/hls.light.min.js"), &script)
        .context("hls.js is missing: cargo xtask bench installs it")?;
    finish(Command::new("gzip").args(["-9", "--keep"]).arg(&script))?;
    fs::write(site.join("index.html"), page(&master(data)?))?;
    std::os::unix::fs::symlink(data.join("hls"), site.join("hls"))?;
    let address = free_address()?;
    let file = folder.join("nginx.conf");
    fs::write(&file, nginx_configuration(folder, &site, address))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file);
    Server::start(&mut command, address, "/")
}

/// Where the one video's master playlist is, as both servers know it.
fn master(data: &Path) -> anyhow::Result<String> {
    let video = fs::read_dir(data.join("hls"))?.next().context("no video")??;
    for file in fs::read_dir(video.path())? {
        let name = file?.file_name();
        if name.to_string_lossy().ends_with("-master.m3u8") {
            let (id, name) = (video.file_name(), name);
            return Ok(format!("/hls/{}/{}", id.to_string_lossy(), name.to_string_lossy()));
        }
    }
    anyhow::bail!("no master playlist in {}", video.path().display())
}

/// hls.js as its own manual begins.
fn page(master: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>hls.js</title>
<link rel="icon" href="data:,">
<script src="/hls.light.min.js"></script>
</head>
<body>
<video autoplay muted playsinline controls width="1060"></video>
<script>
const hls = new Hls();
hls.loadSource("{master}");
hls.attachMedia(document.querySelector("video"));
</script>
</body>
</html>
"#
    )
}

fn nginx_configuration(folder: &Path, site: &Path, address: SocketAddr) -> String {
    let (folder, site) = (folder.display(), site.display());
    format!(
        "daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 1024; }}
         http {{
           types {{ text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp4 mp4; image/jpeg jpg; }}
           access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=100; keepalive_timeout 65s;
           gzip_static on; gzip on; gzip_min_length 256; gzip_types application/vnd.apple.mpegurl;
           client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
           uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
           server {{ listen {address}; root {site}; }}
         }}"
    )
}
