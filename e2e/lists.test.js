// The trust ladder, rung by rung, between a real server and viewers: what is shared by a signed list, by SHA-256, and by nothing; and that
// a list which isn't what it should be leads to no lower rung, while the server's own bytes play on.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { variants } from "./lib/playlist.js";
import { startTracker, text } from "./lib/server.js";
import { elementPage, startOrigin, startSite } from "./lib/site.js";

let site, origin, tracker, fault, lists;
const fixture = serverAndBrowser(async ({ server }) => {
  origin = await startOrigin(server.url, (seen) => fault?.(seen) ?? uncached(seen));
  tracker = await startTracker(server, { open: true });
  const page = async (id) => {
    const { master, script } = await server.parts(id);
    const through = master.replace(server.url, origin.url);
    return elementPage({ master: through, script }, `p2p="full" tracker="${tracker.url}"`);
  };
  site = await startSite({ "/long": await page(server.ids.long) });
  lists = await listsOf((await server.parts(server.ids.long)).master);
});
after(async () => {
  [site, origin].forEach((server) => server?.close());
  await tracker?.stop();
});
afterEach(() => (fault = undefined));

/** The lists of a video's renditions, by path; the keys that its master names. */
async function listsOf(master) {
  const [, key] = /org\.shoal\.signed",VALUE="[^ ]+ ([0-9a-f]{64})/.exec(await text(master));
  const found = await variants(master);
  const urls = found.map(({ url }) => url.replace(/\.m3u8$/, `-${key.slice(0, 8)}.pieces`));
  const bodies = await Promise.all(urls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())));
  return Object.fromEntries(urls.map((url, at) => [new URL(url).pathname, bodies[at]]));
}

/** A list as it is, which browsers shall not keep: each test's origin answers for itself. */
function uncached({ path, start = 0, end }) {
  return lists?.[path] && part(lists[path].subarray(start, (end ?? lists[path].length) + 1), start, end, { "cache-control": "no-store" });
}

async function watch() {
  const player = await fixture.browser.open(`${site.url}/long`);
  await player.play();
  return player;
}

const part = (body, start, end, headers = {}) => ({ status: 206, body, headers: { ...headers, "content-range": `bytes ${start}-${end}/*` } });

/** Two viewers, the second of whom comes when the first has something to give; how they fare, and what their panels say. */
async function together() {
  const before = origin.asked.length;
  const first = await watch();
  await first.until(() => e2e.player().stats().bufferSeconds > 15);
  const second = await watch();
  await second.moves(6);
  const asked = origin.asked.slice(before).map(({ path }) => path);
  return { first, second, asked };
}

/** What a viewer reads who answers the sentence and opens the panel. */
async function panel(player) {
  const { frame } = player;
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel"));
  if (await frame.locator(".consent.open").count()) await frame.locator("[data-action=accept]").click();
  await frame.locator("video").hover();
  await frame.locator("[data-action=feeds]").click();
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel").hidden === false);
  return frame.locator(".panel").innerText();
}

async function end(...players) {
  for (const player of players) {
    assert.deepEqual((await player.seen()).errors, []);
    await player.page.close();
  }
}

test("by a list that its server signed viewers share pieces, and the panel says whose word counts", async () => {
  const { first, second, asked } = await together();
  await second.until(() => e2e.player().stats().p2pBytes > 500_000);
  assert.equal((await second.stats()).rejectedPieces, 0);
  assert.match(await panel(second), /signed/);
  assert.ok(asked.some((path) => path.endsWith(".pieces")));
  assert.ok(!asked.some((path) => path.endsWith(".json")), "the lower rung isn't asked");
  await second.screenshot("rung-signed");
  await end(first, second);
});

test("by SHA-256 of whole segments they share where the server signs nothing", async () => {
  fault = ({ path }) => path.endsWith("master.m3u8") && { status: 200, body: unsigned };
  const { master } = await fixture.server.parts(fixture.server.ids.long);
  const unsigned = (await text(master)).replace(/#EXT-X-SESSION-DATA:DATA-ID="org\.shoal\.signed".*\n/, "");
  const { first, second, asked } = await together();
  await second.until(() => e2e.player().stats().p2pBytes > 500_000);
  assert.match(await panel(second), /checksums/i);
  assert.ok(!asked.some((path) => path.endsWith(".pieces")));
  await end(first, second);
});

test("where the server publishes neither nothing is shared, and the panel says so", async () => {
  const { master } = await fixture.server.parts(fixture.server.ids.long);
  const bare = (await text(master)).replace(/#EXT-X-SESSION-DATA:.*\n/g, "");
  fault = ({ path }) => path.endsWith("master.m3u8") && { status: 200, body: bare };
  const { first, second } = await together();
  assert.equal((await second.stats()).p2pBytes, 0);
  assert.match(await panel(second), /publishes no checksums/);
  await end(first, second);
});

/** What a server or a cache answers instead of the part of a list that is asked for, and what the panel then says. */
const BAD = {
  "is forged": [(list) => changed(list, list.length - 1), /not signed by its server/],
  "is cut short": [(list) => ({ status: 206, body: list.subarray(0, 100) }), /cut short or unreadable/],
  "is no list": [() => ({ status: 200, body: "<html>" }), /cut short or unreadable/],
  "belongs to another video": [(list) => changed(list, VIDEO), /belongs to another video/],
  "is missing": [() => ({ status: 404 }), /missing on its server/],
};

/** Where a window's name of its video begins: after what all begin with, the key, and its length. */
const VIDEO = 8 + 32 + 1;

function changed(list, at) {
  const other = Buffer.from(list);
  other[at] ^= 1;
  return { status: 206, body: other };
}

for (const [what, [answer, says]] of Object.entries(BAD)) {
  test(`with a list that ${what} nothing is shared, and the video plays on`, async () => {
    fault = ({ path, start = 0, end }) => {
      if (!path.endsWith(".pieces")) return undefined;
      const whole = lists[path];
      return answer(whole.subarray(start, (end ?? whole.length) + 1));
    };
    const { first, second, asked } = await together();
    assert.equal((await second.stats()).p2pBytes, 0);
    assert.match(await panel(second), says);
    assert.ok(!asked.some((path) => path.endsWith(".json")), "it never falls down the ladder");
    if (what === "is forged") await second.screenshot("list-forged");
    await second.moves(4);
    await end(first, second);
  });
}
