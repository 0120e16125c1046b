//! `aquatic_ws` as a WebSocket tracker on the loopback: one thread for sockets and one for swarms, plain, without metrics.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::process::{Server, free_address};

/// Starts the binary that `cargo xtask bench tracker` has installed, pinned as the others are.
///
/// # Errors
/// If it could not be installed, or does not run here: glommio wants io_uring and locked memory.
pub(crate) fn start(folder: &Path) -> anyhow::Result<Server> {
    let binary = std::env::var_os("BENCH_AQUATIC").with_context(|| {
        std::env::var("BENCH_AQUATIC_LACKS")
            .unwrap_or_else(|_| "run `cargo xtask bench tracker`, which installs it".to_owned())
    })?;
    let address = free_address()?;
    let file = folder.join("aquatic.toml");
    fs::write(&file, configuration(&address.to_string()))?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(binary).arg("-c").arg(file);
    Server::start(&mut command, address, "/health")
}

/// What is not said stays as it comes.
fn configuration(address: &str) -> String {
    format!(
        "socket_workers = 1\nswarm_workers = 1\nlog_level = \"error\"\n\n[network]\naddress = \"{address}\"\n\
         enable_tls = false\nenable_http_health_checks = true\n"
    )
}
