// The main job: open the watch page, press play, see the video to its end, and nobody else hears of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

test("a video plays to its end on the watch page", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.clip));
  await player.play();
  await player.moves(4);
  await player.reveal();
  await player.screenshot("watch");
  await player.until(() => e2e.video().ended, undefined, 60_000);

  const { currentTime, duration } = await player.video("currentTime", "duration");
  assert.ok(Math.abs(duration - 20) < 0.5, `duration ${duration}`);
  assert.ok(duration - currentTime < 0.5, `ended at ${currentTime} of ${duration}`);
  assert.deepEqual((await player.seen()).errors, []);
  assert.deepEqual(player.log.errors, []);
  for (const url of player.log.urls.filter((url) => !url.startsWith("blob:") && !url.startsWith("data:"))) {
    assert.ok(url.startsWith(`${server.url}/`), `a stranger was asked: ${url}`);
  }
});

test("the figures are plain numbers and say what happened", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.embed(server.ids.clip));
  await player.play();
  await player.moves(2);
  const stats = await player.stats();
  for (const name of NUMBERS) assert.equal(typeof stats[name], "number", name);
  assert.equal(stats.liveLatencySeconds, null);
  assert.ok(stats.httpBytes > 10_000, `${stats.httpBytes} bytes`);
  assert.ok(stats.startupMs > 0);
  assert.ok([240, 360, 480].includes(stats.height), `height ${stats.height}`);
  assert.equal(stats.p2pBytes + stats.uploadedBytes + stats.peers, 0);
  assert.ok((await player.seen()).events.includes("shoal:ready"));
});

test("the page is usable on a small screen and in the dark", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.clip));
  await player.page.emulateMedia({ colorScheme: "dark" });
  await player.page.setViewportSize({ width: 360, height: 640 });
  await player.play();
  const overflow = await player.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px wider than the screen`);
  await player.screenshot("watch-small-dark");
});

test("the start page leads to the video", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(`${server.url}/`);
  await player.screenshot("start");
  await player.page.locator(`a[href*="/w/${server.ids.clip}"]`).first().click();
  await player.until(() => e2e.video());
  assert.ok(player.page.url().endsWith(`/w/${server.ids.clip}`));
});

const NUMBERS = ["httpBytes", "p2pBytes", "uploadedBytes", "peers", "bufferSeconds", "startupMs", "stalls", "stallMs", "droppedFrames", "rejectedPieces", "duplicateBytes", "height"];
