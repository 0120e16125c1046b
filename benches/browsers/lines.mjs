// A line of its own for each viewer, with a rate limit each way, and one that all from the servers passes.
//
// Runs in the network that `cargo xtask bench` makes (xtask/src/netns.rs): both its hosts are on veth0, whose other end becomes a
// port of a bridge. Each viewer is a further network behind another port, with an address of its own, so that what the servers
// send to whom can be told apart; a bucket (tbf) stands at either end.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In Mbit/s: what the servers send, what a viewer takes, what one gives. */
export const RATES = { origin: 40, down: 20, up: 10 };

/** As many lines as there are viewers. */
export async function layLines(count) {
  run("ip link add bridge0 type bridge mcast_snooping 0");
  run("ip link set bridge0 up");
  run("ip link set veth1 master bridge0");
  limit("veth0", RATES.origin);
  // What a server has handed to the kernel counts as sent: not much more than what is.
  writeFileSync("/proc/sys/net/ipv4/tcp_wmem", "4096 65536 131072");
  const scripts = mkdtempSync(join(tmpdir(), "shoal-bench-"));
  process.on("exit", () => rmSync(scripts, { recursive: true, force: true }));
  return Promise.all(Array.from({ length: count }, (_, no) => lay(no, scripts)));
}

/** Its `address`; the `browser`'s path, which is a program that runs there; and `cpuSeconds()`, which all that run there took. */
async function lay(no, scripts) {
  // Holds the network until this process and all others end.
  const holder = spawn("unshare", ["--net", "sh", "-c", "echo there; exec sleep infinity"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  holder.unref();
  holder.stdout.unref();
  const network = `/proc/${holder.pid}/ns/net`;
  const [port, address] = [`viewer${no}`, `10.99.0.${10 + no}`];
  run(`ip link add ${port} type veth peer name eth0 netns ${holder.pid}`);
  run(`ip link set ${port} master bridge0 up`);
  limit(port, RATES.down);
  const there = (command) => run(`nsenter --net=${network} ${command}`);
  there("ip link set lo up");
  there(`ip address add ${address}/24 dev eth0`);
  there("ip link set eth0 up");
  there("ip route add default via 10.99.0.254");
  there(`tc ${bucket("eth0", RATES.up)}`);
  const browser = join(scripts, port);
  const chromium = process.env.E2E_CHROMIUM ?? "/usr/bin/chromium";
  writeFileSync(browser, `#!/bin/sh\nexec nsenter --net=${network} ${chromium} "$@"\n`, { mode: 0o755 });
  const inode = readlinkSync(network);
  return { address, browser, cpuSeconds: () => cpuSeconds(inode) };
}

function limit(device, megabits) {
  run(`tc ${bucket(device, megabits)}`);
}

function bucket(device, megabits) {
  return `qdisc replace dev ${device} root tbf rate ${megabits}mbit burst 64kb latency 200ms`;
}

function run(command) {
  const [program, ...words] = command.split(" ");
  execFileSync(program, words, { stdio: ["ignore", "ignore", "inherit"] });
}

/** What processes of a network have taken of the processor, with those of theirs that have ended; of all networks here if none is named. */
export function cpuSeconds(network) {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.map((id) => ticks(id, network)).reduce((all, one) => all + one, 0) / TICKS;
}

function ticks(id, network) {
  try {
    if (network && readlinkSync(`/proc/${id}/ns/net`) !== network) return 0;
    const stat = readFileSync(`/proc/${id}/stat`, "utf8");
    // Fields 14 to 17 of proc(5), counted after the name, which may hold blanks.
    const taken = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 15);
    return taken.map(Number).reduce((all, one) => all + one, 0);
  } catch {
    // It ended meanwhile.
    return 0;
  }
}

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
