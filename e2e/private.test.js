// A private video: nobody reads it without a capability, with one it plays, and nobody is told who else watches.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { countConnections } from "./lib/connections.js";
import { serverAndBrowser } from "./lib/fixture.js";
import { capability, change, ownPage, uuidOf } from "./lib/private.js";
import { elementPage, startSite } from "./lib/site.js";

let site, uuid, files, open;
const fixture = serverAndBrowser(async ({ server, browser }) => {
  await browser.context.addInitScript(countConnections);
  const { script } = await server.parts(server.ids.minute);
  uuid = uuidOf(server, "A minute");
  const video = change(server, uuid, { access: "capability" });
  files = [video.master, video.poster, ...video.renditions.flatMap(({ playlist, media }) => [playlist, media])];
  const master = (shown) => `${server.url}/hls/${uuid}/~${shown}/${video.master}`;
  open = (shown = capability(server, uuid), p2p = "off") => ownPage(browser, server, script, { p2p, src: master(shown) });
  site = await startSite({ "/element": elementPage({ master: master(capability(server, uuid)), script }, `p2p="off"`) });
  await settled();
});
after(() => site?.close());

/** The server looks at a file that it has open after a second. */
async function settled() {
  for (const file of files) while ((await fetch(`${fixture.server.url}/hls/${uuid}/${file}`)).status !== 404) {}
}

test("without a capability all media of a private video is 404", async () => {
  const { server } = fixture;
  const statuses = async (paths) => [...new Set(await Promise.all(paths.map(async (path) => (await fetch(server.url + path)).status)))];
  const at = (folder) => files.map((file) => `/hls/${uuid}/${folder}${file}`);
  assert.deepEqual(await statuses(at("")), [404]);
  assert.deepEqual(await statuses(at(`~${capability(server, uuid, 1_700_000_000)}/`)), [404]);
  assert.deepEqual(await statuses(at(`~${capability(server, uuidOf(server, "A clip"))}/`)), [404]);
  assert.deepEqual(await statuses(at(`~${capability(server, uuid)}/`)), [200]);
});

test("with a capability it plays and seeks, and nothing of WebRTC is touched", async () => {
  const player = await open();
  await player.play();
  await player.moves(2);
  await player.seek(40);
  await player.screenshot("private");
  assert.deepEqual(await player.frame.evaluate(() => connections), { peers: 0, sockets: 0 });
  assert.deepEqual((await player.seen()).errors, []);
  const refused = () => performance.getEntriesByType("resource").filter(({ responseStatus }) => responseStatus >= 400).map(({ name }) => name).filter((name) => name.includes("/hls/"));
  assert.deepEqual(await player.frame.evaluate(refused), []);
  const media = player.log.urls.filter((url) => url.includes("/hls/"));
  assert.ok(media.length > 3 && media.every((url) => url.includes("/~")), media.join(" "));
});

test("with one that has ended the player says so in words", async () => {
  const player = await open(capability(fixture.server, uuid, 1_700_000_000));
  await player.until(() => e2e.state().told);
  assert.equal((await player.stats()).httpBytes, 0);
});

test("a page of another host plays nothing with it", async () => {
  const player = await fixture.browser.open(`${site.url}/element`);
  await player.until(() => e2e.state().told);
  assert.equal((await player.stats()).httpBytes, 0);
});

test("the tracker tells viewers of a private video nothing, even if their pages ask", async () => {
  const shown = capability(fixture.server, uuid);
  const players = [await open(shown, "full"), await open(shown, "full")];
  for (const player of players) await player.play();
  for (const player of players) {
    await player.moves(5);
    const { peers, p2pBytes } = await player.stats();
    assert.deepEqual([peers, p2pBytes], [0, 0]);
  }
});

test("a video that becomes public again is everybody's", async () => {
  const { server, browser } = fixture;
  const player = await open();
  await player.play();
  change(server, uuid, { access: "open" });
  while (!(await fetch(`${server.url}/hls/${uuid}/${files[0]}`)).ok) {}
  await player.seek(50);
  assert.deepEqual((await player.seen()).errors, []);
  const other = await browser.open(server.watch(server.ids.minute));
  await other.play();
});
