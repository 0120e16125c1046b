// The viewer's choice of quality, and the player's own under a real rate limit on a ten-minute video.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { rate, unlimited } from "./lib/network.js";
import { variants } from "./lib/playlist.js";

const fixture = serverAndBrowser();
let limited = false;
const limit = (megabits) => {
  rate(megabits);
  limited = true;
};
afterEach(() => {
  if (limited) unlimited();
  limited = false;
});

test("the viewer chooses a quality and gets it", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.clip));
  await player.play();
  const heights = (await player.qualities()).sort((a, b) => a - b);
  assert.ok(heights.length >= 2, `qualities ${heights}`);
  for (const height of [heights[0], heights.at(-1)]) {
    await player.choose(height);
    await player.until((height) => e2e.video().videoHeight === height, height);
    await player.moves();
    assert.equal((await player.stats()).height, height);
  }
  assert.deepEqual((await player.seen()).errors, []);
});

test("a chosen quality stays through a seek", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  const lowest = Math.min(...(await player.qualities()));
  await player.choose(lowest);
  await player.until((height) => e2e.video().videoHeight === height, lowest);
  await player.seek(400);
  await player.moves(2);
  assert.equal((await player.video("videoHeight")).videoHeight, lowest);
});

test("quality follows the line down and up again", async () => {
  const { server, browser } = fixture;
  const { master } = await server.parts(server.ids.long);
  const ladder = (await variants(master)).sort((a, b) => a.bandwidth - b.bandwidth);
  const [lowest, top] = [ladder[0], ladder.at(-1)];
  const wide = (top.bandwidth * 5) / 1e6;
  const narrow = Math.min(lowest.bandwidth * 2, top.bandwidth * 0.7) / 1e6;

  limit(wide);
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.until((top) => e2e.video().videoHeight === top, top.height, 60_000);
  const before = await player.stats();

  limit(narrow);
  await player.until((top) => e2e.video().videoHeight < top, top.height, 100_000);
  const during = await player.stats();
  assert.ok(during.stallMs - before.stallMs < 5_000, `stalled ${during.stallMs - before.stallMs} ms when the line narrowed`);

  limit(wide);
  await player.until((top) => e2e.video().videoHeight === top, top.height, 100_000);
  const { mostBuffered, errors } = await player.seen();
  assert.ok(mostBuffered < MOST_HELD_SECONDS, `${mostBuffered} s held`);
  assert.deepEqual(errors, []);
});

test("a narrow line still lets the viewer seek", async () => {
  const { server, browser } = fixture;
  const { master } = await server.parts(server.ids.long);
  const lowest = Math.min(...(await variants(master)).map(({ bandwidth }) => bandwidth));
  limit((lowest * 3) / 1e6);
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.seek(420);
  await player.seek(60);
  await player.moves(2);
});

test("what was watched is let go, so that a long video fits in memory", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.frame.evaluate(() => (e2e.video().playbackRate = 12));
  await player.until(() => e2e.video().currentTime > 180, undefined, 60_000);
  await player.frame.evaluate(() => (e2e.video().playbackRate = 1));
  const { mostBuffered, errors } = await player.seen();
  assert.ok(mostBuffered < MOST_HELD_SECONDS, `${mostBuffered} s held`);
  assert.deepEqual(errors, []);
  await player.seek(2);
});

// 30 s ahead, 30 to 40 s behind, and a segment under way at either end: the bounds of swarm/src/limits.rs.
const MOST_HELD_SECONDS = 85;
