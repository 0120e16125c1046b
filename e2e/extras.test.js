// What only some videos have: captions, and pictures on the seek bar.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { change, ownPage, uuidOf } from "./lib/private.js";
import { startFiles } from "./lib/site.js";

const HOSTILE = `<img src=x onerror="document.title='broken into'"><script>document.title='broken into'</script>`;
const vtt = (text) => `WEBVTT\n\n00:00.000 --> 00:30.000\n${text}\n`;

let files, open, captions, storyboard;
const fixture = serverAndBrowser(async ({ server, browser }) => {
  files = await startFiles({ "/en.vtt": vtt("Captions for the minute\nin two lines"), "/fr.vtt": vtt("Sous-titres"), "/bad.vtt": vtt(HOSTILE) });
  captions = JSON.stringify([
    { language: "en", label: "English", src: `${files.url}/en.vtt` },
    { language: "fr", label: "Français", src: `${files.url}/fr.vtt` },
    { language: "x-bad", label: HOSTILE, src: `${files.url}/bad.vtt` },
  ]);
  const uuid = uuidOf(server, "A minute");
  const { master, storyboard: { file, ...sizes } } = change(server, uuid, {});
  storyboard = JSON.stringify({ src: `/hls/${uuid}/${file}`, ...sizes });
  const { script } = await server.parts(server.ids.minute);
  open = async (attributes) => {
    const player = await ownPage(browser, server, script, { p2p: "off", src: `/hls/${uuid}/${master}`, ...attributes });
    await player.play();
    return player;
  };
});
after(() => files?.close());

const control = (player, selector) => player.frame.locator(`shoal-player ${selector}`);
const shown = () => [...e2e.video().textTracks].filter(({ mode }) => mode === "showing").map(({ language }) => language).join();
const untilShown = (player, language) =>
  player.until((language) => [...e2e.video().textTracks].filter(({ mode }) => mode === "showing").map((track) => track.language).join() === language, language);

test("captions are chosen in a menu, by a key, and remembered", async () => {
  const player = await open({ captions });
  assert.equal(await player.frame.evaluate(shown), "");
  await player.reveal();
  await control(player, "[data-action=captions]").click();
  assert.deepEqual(await control(player, "[data-caption]").allTextContents(), ["Off", "English", "Français", HOSTILE]);
  await player.screenshot("captions-menu");
  await control(player, "[data-caption=en]").click();
  await untilShown(player, "en");
  await player.until(() => e2e.video().textTracks[0].activeCues?.[0]?.line === -5);
  await player.moves(1);
  await player.reveal();
  await player.screenshot("captions");
  const press = (key) => player.page.keyboard.press(key);
  await press("c");
  await untilShown(player, "");
  await press("c");
  await untilShown(player, "en");

  const next = await open({ captions });
  await untilShown(next, "en");
  await next.frame.evaluate(() => e2e.player().shadowRoot.querySelector("[tabindex]").focus());
  await next.page.keyboard.press("c");
  await untilShown(next, "");
  const last = await open({ captions });
  await last.until(() => e2e.player().shadowRoot.querySelector("[data-action=captions]"));
  assert.equal(await last.frame.evaluate(shown), "", "off is remembered, too");
});

test("what captions say and are called is text", async () => {
  const player = await open({ captions });
  await player.reveal();
  await control(player, "[data-action=captions]").click();
  await control(player, "[data-caption=x-bad]").click();
  await player.until(() => e2e.video().textTracks[0].activeCues?.length === 1);
  await player.moves(1);
  await player.screenshot("captions-hostile");
  assert.equal(await player.frame.evaluate(() => document.title), "");
  assert.equal(await player.frame.evaluate(() => e2e.player().shadowRoot.querySelectorAll("img, script").length), 0);
});

test("the seek bar shows what is where", async () => {
  const player = await open({ storyboard });
  await player.until(() => e2e.player().shadowRoot.querySelector(".preview"));
  const bar = await control(player, "[data-role=seek]").boundingBox();
  const at = async (part) => {
    await player.page.mouse.move(bar.x + bar.width * part, bar.y + bar.height / 2);
    await player.until(() => e2e.player().shadowRoot.querySelector(".preview img")?.complete);
    return player.frame.evaluate(() => {
      const preview = e2e.player().shadowRoot.querySelector(".preview");
      const { width, left, right } = preview.getBoundingClientRect();
      const image = preview.querySelector("img");
      return { time: preview.textContent, moved: image.style.translate, loaded: image.naturalWidth, width, left, right };
    });
  };
  const middle = await at(0.5);
  assert.deepEqual([middle.time, middle.moved, middle.loaded, middle.width], ["0:30", "-576px -108px", 768, 192]);
  await player.screenshot("storyboard");
  const first = await at(0.001);
  assert.deepEqual([first.time, first.moved], ["0:00", "0px"]);
  assert.ok(first.left >= bar.x - 1, `${first.left} lies outside of ${bar.x}`);
  const last = await at(0.999);
  assert.deepEqual([last.time, last.moved], ["0:59", "-384px -324px"]);
  assert.ok(last.right <= bar.x + bar.width + 1);
  await player.page.mouse.move(bar.x, bar.y - 100);
  await player.until(() => e2e.player().shadowRoot.querySelector(".preview").hidden);
  assert.equal(await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector("[data-action=captions]")), null);
});

test("what can't be read is left out, and the video plays", async () => {
  for (const bad of ["{", "[]", "7", `{"src":"/a.jpg"}`, `{"src":"/a.jpg","totalWidth":1,"totalHeight":1,"spriteWidth":0,"spriteHeight":1,"spriteDuration":1}`]) {
    const player = await open({ storyboard: bad, captions: bad });
    await player.until(() => e2e.player().shadowRoot.querySelector(".preview"));
    await player.moves();
    assert.deepEqual((await player.seen()).errors, []);
    await player.page.close();
  }
});

test("a page that names neither loads no more than before", async () => {
  const player = await open({});
  await player.moves(1);
  assert.ok(!player.log.urls.some((url) => url.includes("extras")));
  assert.equal(await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector(".preview")), null);
});
