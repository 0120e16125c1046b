// Jumping about, within what is loaded and far outside of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

test("the viewer seeks forth and back", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  for (const second of [3, 300, 30, 590, 0.5, 299]) await player.seek(second);
  assert.deepEqual((await player.seen()).errors, []);
  assert.deepEqual(player.log.errors, []);
});

test("many seeks in a row end where the last one said", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.frame.evaluate(() => {
    for (const second of [500, 20, 450, 60, 400, 100, 350]) e2e.video().currentTime = second;
  });
  await player.seek(200);
  await player.moves(2);
  const { currentTime } = await player.video("currentTime");
  assert.ok(currentTime >= 200 && currentTime < 260, `at ${currentTime}`);
});

test("the seek bar seeks", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.reveal();
  const bar = await player.frame.locator("input[type=range][data-role=seek]").boundingBox();
  await player.page.mouse.click(bar.x + bar.width / 2, bar.y + bar.height / 2);
  await player.until(() => e2e.video().currentTime > 240 && e2e.video().currentTime < 360 && !e2e.video().seeking);
  await player.moves();
});

test("seeking to the very end ends the video, and play starts it again", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.clip));
  await player.play();
  await player.frame.evaluate(() => (e2e.video().currentTime = e2e.video().duration));
  await player.until(() => e2e.video().ended);
  await player.frame.evaluate(() => e2e.video().play());
  await player.until(() => e2e.video().currentTime > 0.5 && e2e.video().currentTime < 15);
});
