// Real pages in Chromium, each on a line of its own: ours with peers on and off, and stock p2p-media-loader, on the same files by turns.
//
// Called by `cargo xtask bench browsers` with our server's address, the address at which viewers find it, the video's id, a plan
// (JSON: see benches/src/browsers/plan.rs) and the file that becomes the raw figures, as benches/src/browsers/report.rs reads them.

import { writeFileSync } from "node:fs";
import { material, stream } from "../e2e/lib/live.js";
import { parts } from "../e2e/lib/parts.js";
import { layLines, RATES } from "./browsers/lines.mjs";
import { machine } from "./browsers/machine.mjs";
import { startOrigin } from "./browsers/origin.mjs";
import { round, roundSeconds } from "./browsers/round.mjs";
import { start, startSeconds } from "./browsers/start.mjs";
import { sum } from "./figures.mjs";
import { KINDS, startRoom } from "./room.mjs";

const [upstream, address, id, planned, into] = process.argv.slice(2);
const plan = JSON.parse(planned);
const streams = {};
const origin = await startOrigin(address, upstream, streams);
const { master, script } = await parts(`http://${address}/videos/embed/${id}`);
const made = await material(master);

/** Each round in turn, each with a stream of its own; which kind comes first changes from round to round. */
const turns = (name, rounds) => Array.from({ length: rounds }, (_, no) => KINDS.map((_, at) => ({ kind: KINDS[(at + no) % KINDS.length], name: `${name}-${no}-${at}` }))).flat();
const [vod, live] = [turns("vod", plan.rounds), turns("live", plan.rounds)];
for (const { name } of live) streams[name] = stream(made, plan.live);
const masters = Object.fromEntries(live.map(({ name }) => [name, `http://${address}/${name}/master.m3u8`]));
const room = await startRoom(script, { vod: master, ...masters });
const lines = await layLines(Math.max(2, plan.vod.viewers, plan.live.viewers));
console.error(`about ${minutes()} minutes from here on`);

const report = { made: new Date().toISOString(), machine: machine(), ratesMbps: RATES, plan, vod: [], live: [] };
try {
  const { on, off } = Object.fromEntries(KINDS.map((kind) => [kind, `${room.url}/${kind}/vod`]));
  report.start = await start({ on, off, lines, pairs: plan.pairs });
  for (const { kind } of vod) await watched("vod", kind, plan.vod, { url: `${room.url}/${kind}/vod` });
  for (const { kind, name } of live) await watched("live", kind, plan.live, { url: `${room.url}/${kind}/${name}`, stream: streams[name] });
  writeFileSync(into, `${JSON.stringify(report, null, 1)}\n`);
} finally {
  room.close();
  origin.close();
}

async function watched(what, kind, { viewers, apartSeconds, seconds }, more) {
  const found = await round({ lines: lines.slice(0, viewers), origin, apartSeconds, seconds, segments: made.segments.slice(0, more.stream?.count), ...more });
  report[what].push({ kind, ...found });
  const copies = sum(found.pages.map(({ lateBytes }) => lateBytes.media)) / found.publishedBytes;
  const { stalls, startMs, isThrough } = Object.fromEntries(["stalls", "startMs", "isThrough"].map((name) => [name, found.pages.map((page) => page[name])]));
  console.error(`${what}, ${kind}: ${copies.toFixed(2)} copies; starts ${startMs.map((ms) => ms?.toFixed(0)).join(", ")} ms; ${sum(stalls)} stalls; ${isThrough.filter(Boolean).length} of ${viewers} to the end; others used ${(found.machine.others * 100).toFixed(0)} % of the machine`);
}

function minutes() {
  const rounds = plan.rounds * KINDS.length;
  return Math.ceil((startSeconds(plan.pairs) + rounds * (roundSeconds(plan.vod) + roundSeconds(plan.live))) / 60);
}
