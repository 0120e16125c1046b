// Stock pages (hls.js with npm p2p-media-loader) meet through our tracker and our STUN, on our media: the baseline that our own
// player is held beside. And the hostile peer that our player is tested with gets into a swarm and does what it says.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { hostilePage, WAYS } from "./lib/hostile.js";
import { infoHash, swarms } from "./lib/identity.js";
import { segments } from "./lib/playlist.js";
import { startTracker } from "./lib/server.js";
import { startSite } from "./lib/site.js";
import { stockPage, stockScripts } from "./lib/stock.js";

let site, tracker;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master } = await server.parts(server.ids.long);
  const meeting = { tracker: server.tracker, stun: server.stun };
  const [best] = (await swarms(master)).sort((a, b) => b.height - a.height);
  const room = { ...meeting, hash: best.hash, segments: await segments(best.url) };
  const pages = Object.keys(WAYS).map((way) => [`/${way}`, hostilePage(way, room)]);
  tracker = await startTracker(server);
  const stock = { "/stock": stockPage(master, meeting), "/apart": stockPage(master, { ...meeting, tracker: tracker.url }) };
  site = await startSite({ ...stockScripts, ...stock, ...Object.fromEntries(pages) });
});
after(async () => {
  site?.close();
  await tracker?.stop();
});

/** Opens a page of the site; `until` waits for a condition written for the page, and tells what `figures` hold if it never comes. */
async function open(path, figures) {
  const { page, log } = await fixture.browser.open(`${site.url}${path}`);
  const until = async (condition) => {
    try {
      await page.waitForFunction(condition, undefined, { polling: 100 });
    } catch (error) {
      const told = await page.evaluate((name) => window[name], figures).catch(String);
      throw new Error(`${path}: never came true: ${condition}\n${JSON.stringify({ told, errors: log.errors })}`, { cause: error });
    }
  };
  return { page, log, until, figures: () => page.evaluate((name) => window[name], figures) };
}

test("an info-hash is computed as docs/protocol.md works one out", () => {
  const variant = { bandwidth: 2149280, codecs: "mp4a.40.2,avc1.64001f", width: 1280, height: 720 };
  assert.equal(infoHash("https://example.com/live/master.m3u8", variant), "F123ZzViggOyOP6N+87T");
  assert.equal(infoHash("https://example.com/live/master.m3u8", { ...variant, codecs: "avc1.100.31" }), "F123ZzViggOyOP6N+87T");
});

test("stock pages meet through our tracker and trade segments", async () => {
  const first = await open("/stock", "stock");
  await first.until(() => stock.httpBytes > 2_000_000);
  const second = await open("/stock", "stock");
  await second.until(() => stock.p2pBytes > 1_000_000);
  await first.until(() => stock.uploadedBytes > 1_000_000);
  for (const { figures, log } of [first, second]) {
    assert.deepEqual((await figures()).errors, []);
    assert.deepEqual(log.errors, []);
    const hosts = new Set(log.urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).origin));
    assert.deepEqual([...hosts].sort(), [fixture.server.url, site.url].sort());
  }
});

test("stock pages meet through a tracker that runs alone", async () => {
  const first = await open("/apart", "stock");
  await first.until(() => stock.httpBytes > 0);
  const second = await open("/apart", "stock");
  await second.until(() => stock.p2pBytes > 0);
});

test("an honest peer of the hostile kind serves a stock page", async () => {
  const peer = await open("/good", "hostile");
  const page = await open("/stock", "stock");
  await page.until(() => stock.p2pBytes > 1_000_000);
  await peer.until(() => hostile.bytes > 1_000_000);
  assert.deepEqual((await peer.figures()).errors, []);
  assert.deepEqual((await page.figures()).errors, []);
});

// What the ways do to a stock page shows that they do it: it checks no digest, and closes what breaks the rules.
const EFFECTS = {
  wrongBytes: { peer: () => hostile.bytes > 500_000, page: () => stock.p2pBytes > 500_000 },
  falseHave: { peer: () => hostile.requests > 3 && hostile.sent > 3, page: () => stock.met > 0 },
  silence: { peer: () => hostile.requests > 0 && hostile.bytes === 0, page: () => stock.met > 0 },
  stall: { peer: () => hostile.requests > 0 && hostile.sent > 2, page: () => stock.met > 0 },
  flood: { peer: () => hostile.sent > 5_000, page: () => stock.met > 0 },
  giant: { peer: () => hostile.sent > 10, page: () => stock.met > 0 },
  empty: { peer: () => hostile.requests > 0 && hostile.sent > 2, page: () => stock.met > 0 },
  // The size of a segment is unknown until the first bytes of it come, so that a stock page takes the first false size.
  wrongSize: { peer: () => hostile.requests > 0 && hostile.sent > 1, page: () => stock.met > 0 },
};

for (const [way, { peer, page }] of Object.entries(EFFECTS)) {
  test(`a peer that ${WAYS[way]} gets into a stock page's swarm`, async () => {
    const hostile = await open(`/${way}`, "hostile");
    const stock = await open("/stock", "stock");
    await hostile.until(peer);
    await stock.until(page);
  });
}
