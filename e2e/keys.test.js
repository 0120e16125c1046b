// Everything without a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

async function focused() {
  const { server, browser } = fixture;
  const player = await browser.open(server.watch(server.ids.long));
  await player.play();
  await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector("[tabindex]").focus());
  const press = (key) => player.page.keyboard.press(key);
  return { player, press };
}

test("space pauses and plays", async () => {
  const { player, press } = await focused();
  await press("Space");
  await player.until(() => e2e.video().paused);
  await press("Space");
  await player.until(() => !e2e.video().paused);
  await player.moves();
});

test("arrows seek and turn the sound up and down", async () => {
  const { player, press } = await focused();
  await press("Space");
  await player.until(() => e2e.video().paused);
  const start = (await player.video("currentTime")).currentTime;
  await press("ArrowRight");
  await player.until((start) => e2e.video().currentTime >= start + 4, start);
  await press("ArrowLeft");
  await player.until((start) => e2e.video().currentTime < start + 2, start);
  const { volume } = await player.video("volume");
  await press("ArrowDown");
  await player.until((volume) => e2e.video().volume < volume, volume);
  await press("ArrowUp");
  await player.until((volume) => e2e.video().volume >= volume - 0.001, volume);
});

test("m mutes", async () => {
  const { player, press } = await focused();
  await press("m");
  await player.until(() => e2e.video().muted);
  await press("m");
  await player.until(() => !e2e.video().muted);
});

test("f fills the screen", async () => {
  const { player, press } = await focused();
  await press("f");
  await player.until(() => document.fullscreenElement);
  await press("f");
  await player.until(() => !document.fullscreenElement);
});

test("tab reaches every control, and each has a name", async () => {
  const { player, press } = await focused();
  const reached = new Set();
  for (let step = 0; step < 20; step++) {
    await press("Tab");
    const control = await player.frame.evaluate(() => {
      const element = e2e.player().shadowRoot.activeElement;
      return element && { what: element.dataset.action ?? element.dataset.role, name: element.getAttribute("aria-label") ?? element.textContent.trim() };
    });
    if (!control) break;
    assert.ok(control.name, `${control.what} has no name`);
    reached.add(control.what);
  }
  for (const what of ["play", "seek", "mute", "volume", "speed", "quality", "fullscreen"]) assert.ok(reached.has(what), `${what} is not reached; only ${[...reached]}`);
});

test("speed is chosen from its menu", async () => {
  const { player } = await focused();
  await player.reveal();
  await player.frame.locator("[data-action=speed]").click();
  await player.frame.locator("[data-menu=speed] button", { hasText: "2" }).last().click();
  await player.until(() => e2e.video().playbackRate === 2);
  assert.equal((await player.video("playbackRate")).playbackRate, 2);
});
