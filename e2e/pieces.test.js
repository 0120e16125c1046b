// A stream whose playlist has a signed list with each segment, as our live streams will: viewers check each piece as it comes, play it and pass it on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { rate, unlimited } from "./lib/network.js";
import { signedLine, signedWindow, signingKey } from "./lib/pieces.js";
import { segments, variants } from "./lib/playlist.js";
import { startTracker, text } from "./lib/server.js";
import { elementPage, startFiles, startSite } from "./lib/site.js";

const PIECE = 32 << 10;
let site, files, lying, tracker;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.long);
  const key = signingKey();
  files = await startFiles(await inPieces(master, key), { ranges: true });
  lying = await startFiles(await inPieces(master, key, spoilt), { port: 8003, ranges: true });
  tracker = await startTracker(server, { open: true });
  const page = (at) => elementPage({ master: `${at.url}/master.m3u8`, script }, `p2p="full" tracker="${tracker.url}"`);
  site = await startSite({ "/pieces": page(files), "/lying": page(lying) });
});
after(async () => {
  [site, files, lying].forEach((server) => server?.close());
  await tracker?.stop();
});

let limited = false;
afterEach(() => {
  if (limited) unlimited();
  limited = false;
});

/**
 * The best rendition's first minute with a file for each segment, as a live stream has them; its lists are of what `told` makes of
 * each.
 */
async function inPieces(master, key, told = (body) => body) {
  const [best] = (await variants(master)).sort((a, b) => b.bandwidth - a.bandwidth);
  const list = (await segments(best.url)).slice(0, 15);
  const media = Buffer.from(await (await fetch(list[0].url)).arrayBuffer());
  const hex = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const bodies = list.map(({ offset, length }) => media.subarray(offset, offset + length));
  const lines = list.map(({ duration }, at) => {
    const window = signedWindow(key, { video: "stream.g1", rendition: "media.m3u8", first: at, segments: [told(bodies[at])] });
    const signed = window.toString("hex");
    const tag = `#EXT-X-SHOAL-SEGMENT:BYTES=${bodies[at].length},SHA256=${hex(bodies[at])},SIGNED=${signed}`;
    return `#EXTINF:${duration},\n${tag}\n${at}.m4s\n`;
  });
  const [info] = (await text(master)).split("\n").filter((line) => line.startsWith("#EXT-X-STREAM-INF:") && line.includes(`BANDWIDTH=${best.bandwidth},`));
  const media_playlist = `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="init.mp4"\n${lines.join("")}#EXT-X-ENDLIST\n`;
  return {
    "/master.m3u8": Buffer.from(`#EXTM3U\n#EXT-X-VERSION:7\n${signedLine("stream.g1", key)}\n${info}\nmedia.m3u8\n`),
    "/media.m3u8": Buffer.from(media_playlist),
    "/init.mp4": media.subarray(0, list[0].offset),
    ...Object.fromEntries(bodies.map((body, at) => [`/${at}.m4s`, body])),
  };
}

/** A segment that is another from its second piece on. */
function spoilt(body) {
  const other = Buffer.from(body);
  other[PIECE] ^= 1;
  return other;
}

async function watch(path) {
  const player = await fixture.browser.open(`${site.url}${path}`);
  await player.play();
  return player;
}

test("pieces that are right are taken from viewers and played", async () => {
  const first = await watch("/pieces");
  await first.until(() => e2e.player().stats().bufferSeconds > 15);
  const second = await watch("/pieces");
  await second.until(() => e2e.player().stats().p2pBytes > 2_000_000);
  await second.moves(5);
  for (const player of [first, second]) {
    assert.deepEqual((await player.seen()).errors, []);
    assert.equal((await player.stats()).rejectedPieces, 0);
  }
});

test("over a narrow line a second viewer who starts at once plays what comes, piece by piece", async () => {
  limited = true;
  rate(12);
  const first = await watch("/pieces");
  const second = await watch("/pieces");
  await second.until(() => e2e.player().stats().p2pBytes > 500_000, undefined, 60_000);
  await second.moves(12);
  for (const player of [first, second]) {
    assert.deepEqual((await player.seen()).errors, []);
    assert.equal((await player.stats()).rejectedPieces, 0);
  }
});

test("what a server sends and its playlist doesn't vouch for is played, and given to nobody", async () => {
  const first = await watch("/lying");
  await first.until(() => e2e.player().stats().bufferSeconds > 15);
  const second = await watch("/lying");
  await second.until(() => e2e.player().stats().peers > 0);
  await second.moves(5);
  const taken = (await second.stats()).p2pBytes;
  assert.ok(taken <= 15 * PIECE, `${taken} bytes, of which no more than the first pieces are right`);
  assert.equal((await second.stats()).rejectedPieces, 0);
});
