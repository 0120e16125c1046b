// Browsers that lack what Chromium has, played by Chromium with parts taken away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

/** Opens the embed of the clip in a browser that `change` has altered before any script of the page ran. */
async function openIn(change) {
  const { browser, server } = fixture;
  const blank = await browser.open("about:blank");
  await blank.page.addInitScript(change);
  await blank.page.goto(server.embed(server.ids.clip));
  return blank;
}

test("where only ManagedMediaSource exists, as on iPhones, it plays", async () => {
  const player = await openIn(() => {
    window.ManagedMediaSource = class extends MediaSource {};
    delete window.MediaSource;
  });
  await player.play();
  await player.moves(5);
  assert.equal(await player.frame.evaluate(() => "MediaSource" in window), false);
  assert.deepEqual((await player.seen()).errors, []);
});

test("where no media source exists, the browser is given the playlist to play by itself", async () => {
  const player = await openIn(() => {
    delete window.MediaSource;
    HTMLMediaElement.prototype.canPlayType = (type) => (type.includes("mpegurl") ? "maybe" : "");
  });
  await player.until(() => e2e.video()?.src.endsWith("-master.m3u8"));
});

test("where nothing can play it, that is said plainly", async () => {
  const player = await openIn(() => {
    delete window.MediaSource;
    HTMLMediaElement.prototype.canPlayType = () => "";
  });
  await player.until(() => e2e.seen.errors.length > 0);
  const told = await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector("[role=alert] p").textContent);
  assert.match(told, /cannot|no way to play/);
});

test("where pages may keep nothing, as in sandboxed iframes, it plays", async () => {
  const player = await openIn(() => {
    Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("denied", "SecurityError"); } });
  });
  await player.play();
  await player.moves(1);
  assert.deepEqual((await player.seen()).errors, []);
});
