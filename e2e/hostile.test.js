// Peers that misbehave cost a viewer nothing but their help: the video plays to its end without a stall.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { hostilePage, WAYS } from "./lib/hostile.js";
import { swarms } from "./lib/identity.js";
import { segments } from "./lib/playlist.js";
import { startSite } from "./lib/site.js";

let site;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master } = await server.parts(server.ids.minute);
  const [{ hash, url }] = await swarms(master);
  const room = { hash, tracker: server.tracker, stun: server.stun, segments: await segments(url) };
  site = await startSite(Object.fromEntries(Object.keys(WAYS).map((way) => [`/${way}`, hostilePage(way, room)])));
});
after(() => site?.close());

/** Opens a peer of that kind. */
async function peer(way) {
  const { page } = await fixture.browser.open(`${site.url}/${way}`);
  const until = (condition) => page.waitForFunction(condition, undefined, { polling: 100 });
  return { until, figures: () => page.evaluate(() => hostile) };
}

/** Plays the minute at twice its speed beside the peers, and returns the figures at its end. */
async function playThrough(...peers) {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.minute));
  await player.play();
  await player.frame.evaluate(() => (e2e.video().playbackRate = 2));
  for (const { until } of peers) await until(() => hostile.connected > 0);
  await player.until(() => e2e.video().ended, undefined, 90_000);
  assert.deepEqual((await player.seen()).errors, []);
  const stats = await player.stats();
  assert.equal(stats.stalls, 0, JSON.stringify(stats));
  return stats;
}

test("the control: an honest peer of the same make is made use of", async () => {
  const good = await peer("good");
  const { p2pBytes, rejectedPieces } = await playThrough(good);
  assert.ok(p2pBytes > 0);
  assert.equal(rejectedPieces, 0);
  assert.equal((await good.figures()).closedByOther, 0);
});

/** Beside a peer that misbehaves: what the viewer has counted at the end, and what the peer has. */
const CLAIMS = {
  wrongBytes: ({ p2pBytes, rejectedPieces, peers }, { closedByOther }) => rejectedPieces > 0 && p2pBytes === 0 && peers === 0 && closedByOther > 0,
  falseHave: ({ p2pBytes }) => p2pBytes === 0,
  silence: ({ p2pBytes, peers }, { bytes, closedByOther }) => p2pBytes === 0 && bytes === 0 && peers === 0 && closedByOther > 0,
  // Its few bytes, less than a piece, are thrown away unseen.
  stall: ({ p2pBytes, duplicateBytes, peers }, { closedByOther }) => p2pBytes === 0 && duplicateBytes > 0 && peers === 0 && closedByOther > 0,
  flood: ({ p2pBytes, peers }, { closedByOther }) => p2pBytes === 0 && peers === 0 && closedByOther > 0,
  giant: ({ p2pBytes, peers }, { closedByOther }) => p2pBytes === 0 && peers === 0 && closedByOther > 0,
  empty: ({ p2pBytes }) => p2pBytes === 0,
  wrongSize: ({ p2pBytes, peers }, { closedByOther }) => p2pBytes === 0 && peers === 0 && closedByOther > 0,
};

for (const [way, claim] of Object.entries(CLAIMS)) {
  test(`the video plays through beside a peer that ${WAYS[way]}`, async () => {
    const bad = await peer(way);
    const [stats, figures] = [await playThrough(bad), await bad.figures()];
    assert.ok(claim(stats, figures), `${claim}\n${JSON.stringify({ stats, figures })}`);
  });
}

test("a liar is shown out, and an honest peer beside it still serves", async () => {
  const [liar, good] = [await peer("wrongBytes"), await peer("good")];
  const { p2pBytes, rejectedPieces } = await playThrough(liar, good);
  assert.ok(p2pBytes > 0 && rejectedPieces > 0, `${p2pBytes} bytes, ${rejectedPieces} rejected`);
  await liar.until(() => hostile.closedByOther > 0);
});
