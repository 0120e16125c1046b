// Everything without a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser();

async function focused(page = "watch") {
  const { server, browser } = fixture;
  const player = await browser.open(server[page](server.ids.long));
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

/** What has the focus within the player. */
const focus = (player) => player.frame.evaluate(() => {
  const element = e2e.player().shadowRoot.activeElement;
  return element?.dataset.action ?? element?.dataset.role ?? element?.localName;
});

test("who leaves a menu or the panel is back on its button", async () => {
  const { player, press } = await focused();
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-action=speed]"));
  for (const action of ["quality", "speed"]) {
    for (const leave of ["Enter", "Escape"]) {
      await player.frame.locator(`[data-action=${action}]`).focus();
      await press("Enter");
      await player.until((action) => e2e.player().shadowRoot.activeElement?.closest(`[data-menu=${action}]`), action);
      await press(leave);
      assert.equal(await focus(player), action, `${leave} in the menu of ${action}`);
    }
  }
  await press("n");
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel")?.hidden === false);
  await player.frame.locator("[data-role=sharing]").focus();
  await press("Escape");
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel").hidden);
  assert.equal(await focus(player), "feeds");
});

test("in a menu arrows, home and end move, and the video stays where it is", async () => {
  const { player, press } = await focused();
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-action=speed]"));
  await press("Space");
  await player.until(() => e2e.video().paused);
  const before = await player.video("currentTime", "volume");
  await player.frame.locator("[data-action=speed]").focus();
  await press("Enter");
  const speed = () => player.frame.evaluate(() => e2e.player().shadowRoot.activeElement.dataset.speed);
  assert.equal(await speed(), "1");
  for (const [key, at] of [["ArrowDown", "1.25"], ["ArrowUp", "1"], ["Home", "0.5"], ["ArrowUp", "2"], ["ArrowDown", "0.5"], ["End", "2"], ["ArrowRight", "2"]]) {
    await press(key);
    assert.equal(await speed(), at, key);
  }
  assert.deepEqual(await player.video("currentTime", "volume"), before);
});

test("on the slider of the volume arrows, home and end turn the sound and don't seek", async () => {
  const { player, press } = await focused();
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-action=speed]"));
  await press("Space");
  await player.until(() => e2e.video().paused);
  const { currentTime } = await player.video("currentTime");
  await player.frame.locator("[data-role=volume]").focus();
  await press("Home");
  await player.until(() => e2e.video().volume === 0);
  await press("End");
  await player.until(() => e2e.video().volume === 1);
  await press("ArrowLeft");
  await player.until(() => e2e.video().volume < 1);
  assert.equal((await player.video("currentTime")).currentTime, currentTime);
});

test("what embeds is a dialog that takes the focus and gives it back", async () => {
  const { player, press } = await focused("embed");
  await player.frame.locator("[data-action=share]").focus();
  await press("Enter");
  await player.frame.getByRole("dialog", { name: "Embed" }).waitFor();
  assert.equal(await focus(player), "textarea");
  await press("Escape");
  await player.until(() => e2e.player().shadowRoot.querySelector(".share").hidden);
  assert.equal(await focus(player), "share");
});
