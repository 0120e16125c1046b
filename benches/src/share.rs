//! What viewers get from each other: how much of a video, and what that costs the start.
//!
//! Browsers trade only over a real interface, so these run in the network that `cargo xtask bench` makes. One rendition of about
//! 1 Mbit/s, so that the network and who asks whom decide, not the processor.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;

use crate::import::Source;
use crate::published::{node, publish, serve};

/// Four viewers, in `benches/share.mjs`.
pub(crate) fn run() -> anyhow::Result<String> {
    measure("share.mjs")
}

/// The first frame beside another viewer, in `benches/share-start.mjs`.
pub(crate) fn run_start() -> anyhow::Result<String> {
    measure("share-start.mjs")
}

fn measure(script: &str) -> anyhow::Result<String> {
    TcpListener::bind((HOST.ip(), 0)).context(
        "these viewers meet in a network of their own: run `cargo xtask bench share share-start`",
    )?;
    let folder = tempfile::tempdir()?;
    let id = publish(folder.path(), &SOURCE, "480")?;
    let server = serve(folder.path(), HOST)?;
    node(script, &[&format!("http://{}", server.address), &id])
}

/// One of the two hosts of that network; pages come from the other.
const HOST: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 1)), 9000);

/// A keyframe every 2 s, so that the one rendition is remuxed.
const SOURCE: Source = Source {
    size: "854x480",
    keyframes: "60",
    rate: &["-b:v", "900k", "-maxrate", "1000k", "-bufsize", "2000k"],
};
