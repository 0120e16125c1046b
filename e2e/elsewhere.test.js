// Other people's pages: an iframe, and the bare element with one script tag.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { foreign } from "./lib/media.js";
import { elementPage, startFiles, startSite } from "./lib/site.js";

let site, files;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.clip);
  files = await startFiles(foreign());
  site = await startSite({
    "/iframe": `<!doctype html><title>A blog</title><iframe width="640" height="360" allowfullscreen allow="autoplay" src="${server.embed(server.ids.clip)}"></iframe>`,
    "/element": elementPage({ master, script }),
    "/foreign": elementPage({ master: `${files.url}/index.m3u8`, script }),
  });
});
after(() => {
  site?.close();
  files?.close();
});

test("an iframe on a page of another host plays", async () => {
  const page = await fixture.browser.open(`${site.url}/iframe`);
  const player = await page.inFrame("iframe");
  await player.play();
  await player.moves(2);
  await player.screenshot("iframe");
  assert.deepEqual((await player.seen()).errors, []);
});

test("a bare element on a page of another host plays with one script tag", async () => {
  const player = await fixture.browser.open(`${site.url}/element`);
  await player.play();
  await player.moves(2);
  await player.screenshot("element");
  const hosts = new Set(player.log.urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).host));
  assert.deepEqual([...hosts].sort(), [new URL(fixture.server.url).host, new URL(site.url).host].sort());
  assert.deepEqual((await player.seen()).errors, []);
  assert.deepEqual(player.log.errors, []);
});

test("an element whose source changes plays the other video", async () => {
  const player = await fixture.browser.open(`${site.url}/element`);
  await player.play();
  const { master } = await fixture.server.parts(fixture.server.ids.long);
  await player.frame.evaluate((master) => e2e.player().setAttribute("src", master), master);
  await player.until(() => e2e.video()?.duration > 500);
  await player.play();
});

test("a stranger's playlist without codecs, in separate files, on a clock of its own, plays from its beginning to its end", async () => {
  const player = await fixture.browser.open(`${site.url}/foreign`);
  await player.play();
  await player.until(() => e2e.video().ended, undefined, 60_000);
  const { currentTime, duration } = await player.video("currentTime", "duration");
  assert.ok(duration > 7 && duration < 9 && currentTime > 7, `${currentTime} of ${duration}`);
  assert.deepEqual((await player.seen()).errors, []);
});
