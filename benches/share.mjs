// How much of a video four viewers get from each other, with our player and with stock p2p-media-loader 2.3.1 and hls.js.
//
// Called by `cargo xtask bench share` with the server's address and the video's id; prints Markdown. Both kinds of page play the
// very same files and meet through the same tracker, in turn. Each viewer has a context of its own, comes a while after the one
// before, plays to the end and stays until all have. Bytes are what the engines tell, stalls what the same script sees on the
// video, and the origin's what its server counted.

import { loadavg } from "node:os";
import { setTimeout as after } from "node:timers/promises";
import { segments, variants } from "../e2e/lib/playlist.js";
import { text } from "../e2e/lib/parts.js";
import { launch, open } from "./chromium.mjs";
import { median, sum, table } from "./figures.mjs";
import { figures, startRoom } from "./room.mjs";

const ROUNDS = 2;
const VIEWERS = 4;
const APART_MS = 8_000;
// The minute, and as long again for stalls: who has not ended by then is told of.
const PATIENCE_MS = 120_000;

const [server, id] = process.argv.slice(2);
const room = await startRoom(server, id);
const [{ url: playlist }, ...others] = await variants(room.master);
if (others.length) throw new Error("the video has more than one rendition");
const media = sum((await segments(playlist)).map(({ length }) => length));
const kinds = [
  { name: "shoal", url: `${room.url}/ours`, rounds: [] },
  { name: "p2p-media-loader 2.3.1", url: `${room.url}/stock`, rounds: [] },
];

try {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { name, url, rounds } of kinds) {
      const found = await play(url);
      console.error(`round ${round}: ${name} ${JSON.stringify(found)}, load ${loadavg()[0].toFixed(1)}`);
      rounds.push(found);
    }
  }
} finally {
  room.close();
}
console.log(told());

/** One round: all viewers of one kind, in a browser of their own. */
async function play(url) {
  const before = await sentBytes();
  const browser = await launch();
  try {
    const opened = [];
    for (let no = 0; no < VIEWERS; no++) opened.push(after(no * APART_MS).then(() => watch(browser, url)));
    const viewers = await Promise.all(opened.map(async (page) => ended(await page)));
    const found = await Promise.all(viewers.map(async ({ page, isThrough }) => ({ isThrough, ...(await page.evaluate(figures)), ...(await page.evaluate(() => playback.told())) })));
    return { viewers: found, origin: (await sentBytes()) - before };
  } finally {
    await browser.close();
  }
}

function watch(browser, url) {
  return open(browser, url, () => {
    let [stalls, stallMs, hasBegun, since] = [0, 0, false, undefined];
    const running = () => (since === undefined ? 0 : performance.now() - since);
    window.playback = { told: () => ({ stalls, stallMs: stallMs + running() }) };
    onFirstVideo((video) => {
      video.addEventListener("playing", () => {
        hasBegun = true;
        stallMs += running();
        since = undefined;
      });
      video.addEventListener("waiting", () => {
        if (!hasBegun || video.seeking || video.ended || since !== undefined) return;
        since = performance.now();
        stalls++;
      });
      video.addEventListener("ended", () => (window.isThrough = true));
    });
  });
}

async function ended(page) {
  const isThrough = await page.waitForFunction(() => window.isThrough, undefined, { timeout: PATIENCE_MS, polling: 250 }).then(
    () => true,
    () => false,
  );
  return { page, isThrough };
}

async function sentBytes() {
  return Number(/^shoal_http_sent_bytes_total (\d+)$/m.exec(await text(`${server}/metrics`))[1]);
}

function told() {
  const columns = ["viewers", "from peers", "ideal", "duplicate bytes for each viewer", "stalls after the start", "stalled", "sent by the origin", "copies of the media", "played to the end"];
  const rows = kinds.map(({ name, rounds }) => {
    const all = rounds.flatMap(({ viewers }) => viewers);
    const bytes = (of) => of.httpBytes + of.p2pBytes;
    const shares = rounds.map(({ viewers }) => sum(viewers.map(({ p2pBytes }) => p2pBytes)) / sum(viewers.map(bytes)));
    const duplicate = median(all.map((viewer) => Math.max(0, bytes(viewer) / media - 1)));
    const origin = median(rounds.map(({ origin }) => origin));
    return [
      name,
      shares.map(percent).join(", "),
      percent(1 - 1 / VIEWERS),
      `${percent(duplicate)} (median), ${percent(Math.max(...all.map((viewer) => bytes(viewer) / media - 1)))} (most)`,
      rounds.map(({ viewers }) => sum(viewers.map(({ stalls }) => stalls))).join(", "),
      `${(sum(all.map(({ stallMs }) => stallMs)) / 1000).toFixed(1)} s`,
      `${(origin / 1e6).toFixed(1)} MB`,
      (origin / media).toFixed(2),
      `${all.filter(({ isThrough }) => isThrough).length} of ${all.length}`,
    ];
  });
  const seconds = APART_MS / 1000;
  return `${table(columns, rows)}\n\n${VIEWERS} viewers ${seconds} s apart, ${ROUNDS} rounds each in turn, media of ${(media / 1e6).toFixed(1)} MB.`;
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}
