//! Runs a command in a network of its own, which vanishes with it.
//!
//! Inside, some hosts (10.99.0.1 and the next ones) stand on a veth pair, since browsers trade over WebRTC only where they
//! see a real interface. Those that play other servers have names, such as `one.shoal.test`, in a list that only this network has. Traffic between local addresses passes `lo`, so a rate limit belongs there.
//!
//! `unshare` instead of `ip netns add`: the kernel removes an unnamed namespace with its last process, and the process
//! namespace around it takes every browser and server along, even when the tests are killed.

use crate::shell;
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A command that runs `program` inside a fresh network.
///
/// # Errors
/// If this machine does not let us make one: a test that needs it must then fail, not be left out.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Result<Command> {
    if !try_one() {
        bail!(
            "cannot make a network namespace here, which the browser tests need; \
             run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
        );
    }
    let mut command = isolate();
    command.args(["sh", "-ec", SET_UP, "sh"]).arg(program);
    Ok(command)
}

fn try_one() -> bool {
    let mut command = isolate();
    command.args(["sh", "-ec", SET_UP, "sh", "true"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    command.status().is_ok_and(|status| status.success())
}

fn isolate() -> Command {
    let mut command = match shell::find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "unshare"]);
            command
        }
        None => Command::new("unshare"),
    };
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}

/// Brings the network up, then runs the arguments; `sh` stays as process 1, so that an interrupt reaches them.
const SET_UP: &str = "
export PATH=\"$PATH:/usr/sbin:/sbin\"
ip link set lo up
ip link add veth0 type veth peer name veth1
ip link set veth0 up
ip link set veth1 up
ip address add 10.99.0.1/24 dev veth0
ip address add 10.99.0.2/24 dev veth0
ip address add 10.99.0.3/24 dev veth0
hosts=$(mktemp)
printf '127.0.0.1 localhost\\n10.99.0.1 one.shoal.test\\n10.99.0.2 two.shoal.test\\n10.99.0.3 three.shoal.test\\n' > \"$hosts\"
mount --bind \"$hosts\" /etc/hosts
ip route add default via 10.99.0.254
status=0
\"$@\" || status=$?
rm -f \"$hosts\"
exit $status
";
