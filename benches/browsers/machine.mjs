// What else the machine did meanwhile: figures that a busy machine gave are not worth much.

import { cpus, release, totalmem } from "node:os";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpuSeconds } from "./lines.mjs";

/** Who it is. */
export function machine() {
  const processors = cpus();
  const chromium = execFileSync(process.env.E2E_CHROMIUM ?? "/usr/bin/chromium", ["--version"], { encoding: "utf8" });
  return {
    processor: processors[0].model,
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    chromium: /[\d.]+/.exec(chromium)[0],
  };
}

/**
 * Watches from here on; what it returns tells, in shares of all cores, how much was `used` and how much of that by `others` than this
 * bench and all that it started. What others' virtual machines took counts as theirs, too.
 */
export function watchMachine() {
  const before = { at: performance.now(), all: busySeconds(), ours: cpuSeconds() };
  return () => {
    const had = ((performance.now() - before.at) / 1000) * cpus().length;
    const [all, ours] = [busySeconds() - before.all, cpuSeconds() - before.ours];
    return { used: all / had, others: Math.max(0, all - ours) / had };
  };
}

/** For how long the machine's cores were busy, by proc(5). */
function busySeconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / 100;
}
