//! What an upload costs: memory while it comes, bytes on the disk beside bytes sent, and bytes sent again after a cut.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context;

use crate::api;
use crate::process::{Server, free_address, shoal};
use crate::table::Table;

/// 2 GB in one part, in parts as the page sends them, and in those with a cut in the middle of one.
pub(crate) fn run() -> anyhow::Result<Table> {
    let mut table = Table::new([
        "2 GB",
        "MB/s",
        "memory before",
        "at most",
        "written of what was sent",
        "sent twice",
    ]);
    for (name, part, cuts) in [
        ("in one part", WHOLE, false),
        ("in parts of 8 MiB", PART, false),
        ("in parts of 8 MiB, cut once", PART, true),
    ] {
        table.row(measure(name, part, cuts)?);
    }
    Ok(table)
}

fn measure(name: &str, part: usize, cuts: bool) -> anyhow::Result<[String; 6]> {
    let folder = tempfile::tempdir_in(shoal().parent().unwrap_or(Path::new(".")))?;
    let server = start(folder.path())?;
    let token = api::log_in(&server, &reset_password(folder.path())?)?;
    let location = announce(&server, &token)?;
    let (before, written) = (server.anonymous_bytes()?, server.written_bytes()?);
    let began = Instant::now();
    let mut upload =
        Upload { server: &server, token: &token, location: &location, most: before, sent: 0 };
    let mut at = 0;
    while at < WHOLE {
        if cuts && at == CUT {
            upload.break_off(at, part)?;
            at = upload.arrived()?;
        }
        at = upload.part(at, part.min(WHOLE - at))?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let written = server.written_bytes()? - written;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    Ok([
        name.to_owned(),
        format!("{:.0}", WHOLE as f64 / 1e6 / seconds),
        megabytes(before),
        megabytes(upload.most),
        format!("{:.4}", written as f64 / WHOLE as f64),
        megabytes((upload.sent - WHOLE) as u64),
    ])
}

/// A file on its way to a server.
struct Upload<'a> {
    server: &'a Server,
    token: &'a str,
    location: &'a str,
    /// The most memory that was seen, without what is mapped of files.
    most: u64,
    /// Bytes that the server has, some of them twice.
    sent: usize,
}

impl Upload<'_> {
    /// Sends one part, and returns how much is there then.
    fn part(&mut self, at: usize, length: usize) -> anyhow::Result<usize> {
        let mut stream = self.begin(at, length)?;
        self.write(&mut stream, length)?;
        let answer = api::read(stream)?;
        if answer.status == 409 {
            // The server was still taking what was sent before the line broke.
            return self.arrived();
        }
        let is_taken = matches!(answer.status, 200 | 308);
        anyhow::ensure!(is_taken, "a part is answered with {}", answer.status);
        Ok(at + length)
    }

    /// Sends most of a part, and breaks the line.
    fn break_off(&mut self, at: usize, length: usize) -> anyhow::Result<()> {
        let mut stream = self.begin(at, length)?;
        self.write(&mut stream, length / 4 * 3)
    }

    /// How much the server has.
    fn arrived(&mut self) -> anyhow::Result<usize> {
        let head = format!("PUT {}\nContent-Range: bytes */{WHOLE}", self.location);
        let answer = api::send(self.server, &head, self.token, b"")?;
        let range = answer.header("range").context("nothing has arrived")?;
        let last: usize = range.rsplit('-').next().unwrap_or_default().parse()?;
        Ok(last + 1)
    }

    fn begin(&self, at: usize, length: usize) -> anyhow::Result<std::net::TcpStream> {
        let range = format!("bytes {at}-{}/{WHOLE}", at + length - 1);
        let head = format!("PUT {}\nContent-Range: {range}", self.location);
        api::begin(self.server, &head, self.token, length)
    }

    fn write(&mut self, stream: &mut std::net::TcpStream, length: usize) -> anyhow::Result<()> {
        let piece: Vec<u8> = (0..PIECE).map(|at| (at * 7 % 251) as u8).collect();
        let mut left = length;
        while left > 0 {
            let now = left.min(PIECE);
            stream.write_all(&piece[..now])?;
            left -= now;
            self.sent += now;
            self.most = self.most.max(self.server.anonymous_bytes()?);
        }
        Ok(())
    }
}

fn start(data: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(shoal());
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    // Nobody looks at the file: it is noise.
    command.env("SHOAL_IMPORT_PARALLEL", "0").env("SHOAL_TRACKER_STUN_LISTEN", "");
    Server::start(&mut command, address, "/health")
}

fn reset_password(data: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(shoal());
    let output = command.args(["user", "reset-password", "root", "--data"]).arg(data).output()?;
    let said = String::from_utf8(output.stdout)?;
    let password = said.lines().find_map(|line| line.strip_prefix("password: "));
    Ok(password.context("no password was printed")?.to_owned())
}

fn announce(server: &Server, token: &str) -> anyhow::Result<String> {
    let me = api::get(server, "/api/v1/users/me", token)?.json()?;
    let channel = &me["videoChannels"][0]["id"];
    let head = format!(
        "POST /api/v1/videos/upload-resumable\nContent-Type: application/json\n\
         X-Upload-Content-Length: {WHOLE}\nX-Upload-Content-Type: video/mp4"
    );
    let video = format!("{{\"filename\":\"a.mp4\",\"name\":\"Large\",\"channelId\":{channel}}}");
    let begun = api::send(server, &head, token, video.as_bytes())?;
    let location = begun.header("location");
    Ok(location.with_context(|| format!("not taken: {begun:?}"))?.to_owned())
}

const WHOLE: usize = 2_000_000_000;
/// As `www/upload.js` has it.
const PART: usize = 8 << 20;
/// Where the line breaks: at the beginning of a part somewhere in the middle.
const CUT: usize = 100 * PART;
const PIECE: usize = 1 << 20;
