// A live stream: where it is watched from, and how it ends.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { material, stream } from "./lib/live.js";
import { elementPage, listen, startSite } from "./lib/site.js";

let live, origin, site;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.minute);
  live = stream(await material(master), { seconds: 12, window: 8 });
  origin = await listen(8004, live.answer);
  site = await startSite({ "/": elementPage({ master: `${origin.url}/master.m3u8`, script }, `p2p="off"`) });
});
after(() => [origin, site].forEach((server) => server?.close()));

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
