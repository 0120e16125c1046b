//! CPU for sending 1 MiB ranges over the loopback, ours beside nginx.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::process::{Server, free_address, shoal};
use crate::table::{Table, median};
use crate::wrk;

/// Five rounds in turn, after one that warms both up.
pub(crate) fn run() -> anyhow::Result<Table> {
    let folder = tempfile::tempdir()?;
    // nginx's workers run as another user.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let data = folder.path().join("data");
    publish(&data)?;
    let media = format!("/hls/{ID}/{FILE}");
    let script = SCRIPT.replace("MEDIA", &media);
    let servers = [
        ("shoal", start_shoal(&data, &media)?),
        ("nginx", start_nginx(folder.path(), &data, &media)?),
    ];
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for ((_, server), costs) in servers.iter().zip(&mut costs) {
            let found = wrk::run(server, folder.path(), &script, (16, 3))?;
            // What it received is what was sent.
            let cost = found.cpu_seconds / (found.bytes / f64::from(1 << 30));
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let mut table = Table::new(["server", "CPU-s/GiB, median of 5", "least", "beside nginx"]);
    let nginx = median(&costs[1]);
    for ((name, _), costs) in servers.iter().zip(&costs) {
        let (middle, least) = (median(costs), costs.iter().copied().fold(f64::INFINITY, f64::min));
        table.row([
            (*name).to_owned(),
            format!("{middle:.3}"),
            format!("{least:.3}"),
            format!("{:.2}", middle / nginx),
        ]);
    }
    Ok(table)
}

/// A library with one file of media; its bytes mean nothing.
fn publish(data: &Path) -> anyhow::Result<()> {
    let folder = data.join("hls").join(ID);
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(data.join("videos"))?;
    let mut file = fs::File::create(folder.join(FILE))?;
    let mebibyte: Vec<u8> =
        (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..MEBIBYTES {
        file.write_all(&mebibyte)?;
    }
    let record = format!(
        r#"{{"id":"{ID}","title":"bench","durationMs":1,"publishedAtMs":1,"master":"g1-master.m3u8","poster":"g1-poster.jpg","renditions":[],"isImporting":false}}"#
    );
    Ok(fs::write(data.join("videos").join(format!("{ID}.json")), record)?)
}

fn start_shoal(data: &Path, media: &str) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(shoal());
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    Server::start(&mut command, address, media)
}

fn start_nginx(folder: &Path, data: &Path, media: &str) -> anyhow::Result<Server> {
    let address = free_address()?;
    let file = folder.join("nginx.conf");
    fs::write(&file, nginx_configuration(folder, data, address))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file);
    Server::start(&mut command, address, media)
}

fn nginx_configuration(folder: &Path, data: &Path, address: SocketAddr) -> String {
    let (folder, data) = (folder.display(), data.display());
    format!(
        "daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 1024; }}
         http {{
           access_log off; sendfile on; tcp_nopush on; open_file_cache max=100; keepalive_requests 1000000;
           client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
           uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
           server {{ listen {address}; root {data}; }}
         }}"
    )
}

/// Aligned 1 MiB ranges in a repeatable order.
const SCRIPT: &str = r#"
local next = 0
request = function()
  next = (next * 5 + 3) % 64
  local start = next * 1048576
  return wrk.format("GET", "MEDIA", { ["Range"] = "bytes=" .. start .. "-" .. (start + 1048575) })
end
"#;

const ID: &str = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
const FILE: &str = "g1-720-fragmented.mp4";
/// A video of some minutes, which lies in the page cache as a popular one does.
const MEBIBYTES: usize = 64;
const ROUNDS: usize = 5;
