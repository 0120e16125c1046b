// What a page can do without when parts of the player come late, once in vain, or never; and what it says when the player itself doesn't.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { startTracker, text } from "./lib/server.js";
import { elementPage, startOrigin, startSite } from "./lib/site.js";

const CAPTIONS = JSON.stringify([{ language: "en", label: "English", src: "http://[" }, { language: "fr", label: "Français", src: "/none.vtt" }]);
const quoted = (value) => value.replaceAll('"', "&quot;");

let site, origin, tracker;
const fixture = serverAndBrowser(async ({ server }) => {
  const { master, script } = await server.parts(server.ids.long);
  const unsigned = (await text(master)).replace(/#EXT-X-SESSION-DATA:DATA-ID="org\.shoal\.signed".*\n/, "");
  origin = await startOrigin(server.url, ({ path }) => path.endsWith("master.m3u8") && { status: 200, body: unsigned });
  tracker = await startTracker(server, { open: true });
  const page = (src, attributes) => elementPage({ master: src, script }, `p2p="full" tracker="${tracker.url}" ${attributes}`);
  const digests = master.replace(server.url, origin.url);
  site = await startSite({
    "/digests": page(digests, ""),
    "/captions": page(master, `captions="${quoted(CAPTIONS)}"`),
    "/bare": page(master, 'controls="off"'),
    "/no-address": page("http://[", ""),
    "/opening": page(master, 'data-opening="{}"'),
  });
});
after(async () => {
  [site, origin].forEach((server) => server?.close());
  await tracker?.stop();
});
afterEach(() => fixture.browser.context.unrouteAll({ behavior: "ignoreErrors" }));

/** Has what is asked for by such addresses answered by `answer(route, tries)`. */
async function spoil(pattern, answer) {
  let tries = 0;
  await fixture.browser.context.route(pattern, (route) => answer(route, ++tries));
}

const once = (route, tries) => (tries === 1 ? route.fulfill({ status: 502 }) : route.continue());
const never = () => {};
const open = async (path) => {
  const player = await fixture.browser.open(site.url + path);
  await player.frame.evaluate(() => localStorage.clear());
  await player.page.reload();
  return player;
};

async function watch(path) {
  const player = await open(path);
  await player.play();
  return player;
}

/** Somebody who has something to give, by checksums of whole segments, and all that it needs. */
async function giver() {
  const player = await watch("/digests");
  await player.until(() => e2e.player().stats().bufferSeconds > 15);
  return player;
}

const hasSwitch = () => e2e.player().shadowRoot.querySelector("[data-role=sharing]");
const failure = () => e2e.player().shadowRoot.querySelector("[role=alert]:not([hidden])")?.textContent ?? "";

test("with a verifier that never comes the video plays on from its server, and says that nothing is taken", async () => {
  await giver();
  await spoil(/verifier-/, never);
  const player = await watch("/digests");
  await player.until(() => e2e.player().stats().peers > 0);
  await player.until(() => e2e.player().stats().hindrance === "uncheckable");
  await player.moves(20, 60_000);
  assert.equal((await player.stats()).p2pBytes, 0);
  assert.deepEqual((await player.seen()).errors, []);
});

test("a verifier that fails once is asked for again, and viewers share", async () => {
  await giver();
  await spoil(/verifier-.*\.js/, once);
  const player = await watch("/digests");
  await player.until(() => e2e.player().stats().p2pBytes > 500_000);
  assert.equal((await player.stats()).hindrance, null);
});

test("a panel that fails once comes, and the other controls don't wait for it", async () => {
  await spoil(/panel-/, (route, tries) => (tries === 1 ? route.fulfill({ status: 502 }) : undefined));
  const player = await watch("/digests");
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-action=speed]"));
  await fixture.browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await player.until(hasSwitch);
});

test("captions without an address are left out, the others and the switch for sharing come", async () => {
  const player = await watch("/captions");
  await player.until(hasSwitch);
  const named = await player.frame.locator("[data-caption]").allTextContents();
  assert.deepEqual(named, ["Off", "Français"]);
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-action=speed]"));
});

test("the sentence on sharing stays where nothing else turns sharing off", async () => {
  const panelless = await open("/digests");
  await panelless.page.route(/panel-/, (route) => route.fulfill({ status: 404 }));
  await panelless.page.reload();
  await panelless.play();
  const bare = await watch("/bare");
  // The sentence goes after twelve seconds of its own, and asks again after as many.
  await bare.moves(14, 60_000);
  for (const player of [panelless, bare]) {
    const isThere = await player.frame.evaluate(() => !!e2e.player().shadowRoot.querySelector(".consent.open"));
    assert.ok(isThere);
  }
});

test("an address that is none is said plainly, and announced", async () => {
  const player = await open("/no-address");
  await player.until(failureIsSaid, undefined, 60_000);
  await player.until(() => e2e.seen.errors.length > 0);
});

const failureIsSaid = () => [...(e2e.player().shadowRoot?.querySelectorAll("[role=alert]") ?? [])].some((alert) => alert.checkVisibility() && alert.textContent.trim());

test("a hint for the start that can't be used is left out, and the video plays", async () => {
  const player = await watch("/opening");
  assert.deepEqual((await player.seen()).errors, []);
});

test("a player that doesn't come says so, and comes when it is tried again", async () => {
  await spoil(/player-.*\.wasm/, (route) => route.fulfill({ status: 502 }));
  const player = await open("/digests");
  await player.until(failureIsSaid);
  assert.match(await player.frame.evaluate(failure), /could not be loaded/);
  assert.match((await player.seen()).errors[0], /502/);
  await player.screenshot("not-loaded");
  await fixture.browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await player.frame.getByRole("button", { name: "Try again" }).click();
  await player.play();
});
