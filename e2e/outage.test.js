// The server goes away in the middle and comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

test("playback survives ten seconds without a server", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.moves(2);

  await server.stop();
  const stopped = performance.now();
  // Where nothing is loaded, so that the outage is felt.
  await player.frame.evaluate(() => (e2e.video().currentTime = 300));
  await player.frame.evaluate((wait) => new Promise((resolve) => setTimeout(resolve, wait)), 10_000 - (performance.now() - stopped));
  const waiting = await player.video("currentTime", "error", "paused");
  assert.ok(Math.abs(waiting.currentTime - 300) < 1, `at ${waiting.currentTime}`);
  assert.equal(waiting.error, null);

  await server.start();
  await player.until(() => e2e.video().currentTime > 302, undefined, 40_000);
  assert.deepEqual((await player.seen()).errors, []);
});
