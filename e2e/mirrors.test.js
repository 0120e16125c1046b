// Mirrors that are honest, that lie, that fail and that are slow: the video plays on, and nothing wrong is played.

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
  const { master, script } = await server.parts(server.ids.long);
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

/** Plays from a page with such a mirror until that was asked, and some more, and returns the figures then. */
async function playOn(kind) {
  const player = await fixture.browser.open(`${site.url}/${kind}`);
  await player.play();
  // Chance decides whom each segment is asked of.
  for (let tries = 0; tries < 90 && mirrors[kind].asked.length === 0; tries++) await player.moves(1);
  await player.moves(20);
  assert.deepEqual((await player.seen()).errors, []);
  const stats = await player.stats();
  assert.ok(stats.stalls <= 1, JSON.stringify(stats));
  await player.page.close();
  return { stats, asked: mirrors[kind].asked.length };
}

test("an honest mirror takes some of the load, with sharing off", async () => {
  const { stats, asked } = await playOn("honest");
  assert.ok(asked > 0);
  assert.equal(stats.rejectedPieces, 0);
  assert.ok(stats.mirrorBytes > 200_000 && stats.mirrorBytes < stats.httpBytes, JSON.stringify(stats));
});

test("of a mirror that lies nothing is played, and it isn't asked again", async () => {
  const { stats, asked } = await playOn("lying");
  // Another request may be out by the time the first piece is known to be wrong.
  assert.ok(asked <= 2, `${asked} times`);
  assert.equal(stats.rejectedPieces, 1);
});

test("a mirror that cuts what it sends short isn't asked again", async () => {
  const { asked } = await playOn("cutting");
  assert.equal(asked, 1);
});

test("a mirror that is ill is asked three times at most", async () => {
  const { asked } = await playOn("failing");
  assert.ok(asked >= 1 && asked <= 3, `${asked} times`);
});
