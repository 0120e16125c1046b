// A live stream: where it is watched from, and how it ends.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { countConnections } from "./lib/connections.js";
import { serverAndBrowser } from "./lib/fixture.js";
import { material, stream } from "./lib/live.js";
import { elementPage, listen, startSite } from "./lib/site.js";

/** As many as trackers pass on, `wire::announce::OFFERS`. */
const OFFERS = 10;

let live, origin, site, silent;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.minute);
  live = stream(await material(master), { seconds: 12, window: 8 });
  origin = await listen(8004, live.answer);
  // It takes what it is asked, and says nothing.
  silent = await listen(8005, () => {});
  const nothing = { master: `${silent.url}/master.m3u8`, script };
  site = await startSite({
    "/": elementPage({ master: `${origin.url}/master.m3u8`, script }, `p2p="off"`),
    "/unknown": elementPage(nothing, "autoplay muted"),
    "/live": elementPage(nothing, "autoplay muted live"),
  });
});
after(() => [origin, site, silent].forEach((server) => server?.close()));

test("a live stream is watched from near its end, goes on as it does, and ends with it", async () => {
  live.begin();
  const player = await fixture.browser.open(`${site.url}/`);
  await player.play();
  await player.moves(1);
  // The playlist begins 32 s before its end; three segments of 4 s from there is where it is watched, or from the next boundary.
  const { liveLatencySeconds } = await player.stats();
  assert.ok(liveLatencySeconds > 4 && liveLatencySeconds < 20, `${liveLatencySeconds} s behind`);
  await player.until(() => e2e.video().ended, undefined, 60_000);
  assert.deepEqual((await player.seen()).errors, []);
});

test("where the page says that it is live, connections are offered before its playlists are here, and only there", async () => {
  await fixture.browser.context.addInitScript(countConnections);
  const made = async (path) => {
    const player = await fixture.browser.open(`${site.url}${path}`);
    await player.until(() => connections.sockets > 0);
    await player.page.waitForTimeout(500);
    return player.frame.evaluate(() => connections.peers);
  };
  assert.deepEqual([await made("/unknown"), await made("/live")], [0, OFFERS]);
});
