// Real rate limits. Between two addresses of this machine packets pass `lo`, so that is where the bucket stands.

import { execFileSync } from "node:child_process";

/** Limits everything on the test's network to `megabits` per second, until changed or lifted with `unlimited`. */
export function rate(megabits) {
  // A packet larger than the bucket would be dropped: lo's default MTU is 64 KiB.
  execFileSync("ip", ["link", "set", "lo", "mtu", "1500"]);
  execFileSync("tc", ["qdisc", "replace", "dev", "lo", "root", "tbf", "rate", `${Math.round(megabits * 1000)}kbit`, "burst", "32kb", "latency", "200ms"]);
}

/** Lifts the limit. */
export function unlimited() {
  execFileSync("tc", ["qdisc", "delete", "dev", "lo", "root"], { stdio: "ignore" });
  execFileSync("ip", ["link", "set", "lo", "mtu", "65536"]);
}
