// Mirrors that are honest, that lie, that fail and that are slow: the video plays through, and nothing wrong is played.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { variants } from "./lib/playlist.js";
import { elementPage, startOrigin, startSite } from "./lib/site.js";

/** What a mirror sends, by the kind of mirror; nothing: what its own host has. */
const KINDS = {
  honest: () => undefined,
  lying: (seen, right) => ({ ...right, body: flipped(right.body) }),
  failing: () => ({ status: 503 }),
  cutting: (seen, right) => ({ ...right, body: right.body.subarray(0, right.body.length >> 1) }),
};

let site, media;
const mirrors = {};
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.minute);
  media = await mediaOf(master);
  const pages = {};
  for (const [at, kind] of Object.keys(KINDS).entries()) {
    mirrors[kind] = await startOrigin(server.url, (seen) => fault(kind, seen), 8010 + at);
    const base = new URL(".", master.replace(server.url, mirrors[kind].url)).href;
    pages[`/${kind}`] = elementPage({ master, script }, `p2p="off" mirrors="${base}"`);
  }
  site = await startSite(pages);
});
after(() => [site, ...Object.values(mirrors)].forEach((server) => server?.close()));

function flipped(body) {
  const other = Buffer.from(body);
  for (let at = 0; at < other.length; at += 64 << 10) other[at] ^= 1;
  return other;
}

/** Each rendition's file, by path. */
async function mediaOf(master) {
  const files = {};
  for (const { url } of await variants(master)) {
    const [, name] = /^([^#\s]+\.mp4)$/m.exec(await (await fetch(url)).text());
    const at = new URL(name, url);
    files[at.pathname] = Buffer.from(await (await fetch(at)).arrayBuffer());
  }
  return files;
}

function fault(kind, seen) {
  const file = media[seen.path];
  assert.ok(file, `a mirror is asked for ${seen.path}`);
  const body = file.subarray(seen.start, seen.end + 1);
  const headers = { "content-range": `bytes ${seen.start}-${seen.end}/${file.length}` };
  return KINDS[kind](seen, { status: 206, headers, body });
}

/** Plays the minute at twice its speed from a page with such a mirror, and returns the figures at its end. */
async function playThrough(kind) {
  const player = await fixture.browser.open(`${site.url}/${kind}`);
  await player.play();
  await player.frame.evaluate(() => (e2e.video().playbackRate = 2));
  await player.until(() => e2e.video().ended, undefined, 90_000);
  assert.deepEqual((await player.seen()).errors, []);
  const stats = await player.stats();
  assert.equal(stats.stalls, 0, JSON.stringify(stats));
  await player.page.close();
  return { stats, asked: mirrors[kind].asked.length };
}

test("an honest mirror takes some of the load, with sharing off", async () => {
  const { stats, asked } = await playThrough("honest");
  assert.ok(asked > 2, `${asked} requests`);
  assert.equal(stats.rejectedPieces, 0);
  assert.ok(stats.mirrorBytes > 200_000 && stats.mirrorBytes < stats.httpBytes, JSON.stringify(stats));
});

test("of a mirror that lies nothing is played, and it isn't asked again", async () => {
  const { stats, asked } = await playThrough("lying");
  assert.equal(asked, 1);
  assert.equal(stats.rejectedPieces, 1);
});

for (const kind of ["failing", "cutting"]) {
  test(`a mirror that is ${kind} isn't asked again`, async () => {
    const { asked } = await playThrough(kind);
    assert.equal(asked, 1);
  });
}
