// Who feeds whom, as viewers see it: three browsers with their panels, and what keeps viewers from sharing.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { readFileSync } from "node:fs";
import { join as path } from "node:path";
import { startBrowser } from "./lib/browser.js";
import { serverAndBrowser } from "./lib/fixture.js";
import { swarms } from "./lib/identity.js";
import { screenshots } from "./lib/media.js";
import { elementPage, startSite } from "./lib/site.js";

let site;
const fixture = serverAndBrowser(async ({ server }) => {
  const parts = await server.parts(server.ids.minute);
  site = await startSite({
    "/lost": elementPage(parts, `p2p="full" tracker="ws://10.99.0.1:9/nobody"`),
    "/unreflected": elementPage(parts, `p2p="full" tracker="${server.tracker}" stun="stun:10.99.0.2:9"`),
    "/silent": "<!doctype html><title>Nobody</title>",
    "/saving": elementPage(parts, `p2p="full" tracker="${server.tracker}"`),
  });
});
after(() => site?.close());

const figure = (player, name) => player.frame.locator(`[data-figure=${name}]`).textContent();
const panelSays = (pattern) => new RegExp(pattern).test(e2e.player().shadowRoot.querySelector(".panel")?.textContent ?? "");

test("three browsers feed each other, and their panels say so", async () => {
  const { server } = fixture;
  const browsers = [];
  try {
    const viewers = [];
    for (let no = 0; no < 3; no++) {
      browsers.push(await startBrowser());
      const viewer = await browsers[no].open(server.watch(server.ids.minute));
      await viewer.page.setViewportSize({ width: 640, height: 560 });
      await viewer.play();
      await viewer.frame.locator("[data-action=accept]").click();
      await viewer.reveal();
      await viewer.frame.locator("[data-action=feeds]").click();
      await viewer.moves(2);
      viewers.push(viewer);
    }
    const [first, second, third] = viewers;
    for (const later of [second, third]) await later.until(() => e2e.player().stats().p2pBytes > 200_000);
    await first.until(() => e2e.player().stats().uploadedBytes > 200_000);
    // The panel counts once a second.
    const isCounted = (name) => parseFloat(e2e.player().shadowRoot.querySelector(`[data-figure=${name}]`).textContent) > 0;
    await third.until(isCounted, "p2p");
    await first.until(isCounted, "uploaded");
    assert.match(await figure(third, "peers"), /^[12]$/);
    assert.match(await figure(third, "saved"), /MB/);
    await showTogether(viewers);
  } finally {
    for (const browser of browsers) await browser.close();
  }
});

/** One picture of all three, for the README. */
async function showTogether(viewers) {
  const pictures = [];
  for (const [no, viewer] of viewers.entries()) {
    await viewer.reveal();
    await viewer.screenshot(`swarm-${no + 1}`);
    pictures.push(readFileSync(path(screenshots, `swarm-${no + 1}.png`)).toString("base64"));
  }
  const { page } = await fixture.browser.open("about:blank");
  await page.setViewportSize({ width: 1560, height: 460 });
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture}">`).join("");
  await page.setContent(`<style>body{margin:0;display:flex;gap:12px;background:#dde5ea;padding:12px}img{width:504px}</style>${images}`);
  await page.screenshot({ path: path(screenshots, "swarm.png") });
}

test("without its tracker a viewer is told so, and the video plays on", async () => {
  const player = await fixture.browser.open(`${site.url}/lost`);
  await player.play();
  await player.until(panelSays, "No other viewers can be found");
  await player.until(() => /No other viewers can be found/.test(e2e.player().shadowRoot.querySelector(".notice").textContent));
  assert.equal((await player.stats()).hindrance, "tracker");
  await player.screenshot("no-tracker");
  await player.moves(3);
  assert.deepEqual((await player.seen()).errors, []);
});

test("without STUN a viewer whom nobody can reach is told so, and the video plays on", async () => {
  const { server, browser } = fixture;
  const { master } = await server.parts(server.ids.minute);
  const [{ hash }] = await swarms(master);
  // A member of the swarm who never answers.
  const { page } = await browser.open(`${site.url}/silent`);
  assert.match(await page.evaluate(join, { tracker: server.tracker, hash }), /"incomplete":1/);
  const player = await browser.open(`${site.url}/unreflected`);
  await player.play();
  await player.until(panelSays, "address helper");
  await player.moves(3);
  assert.deepEqual((await player.seen()).errors, []);
});

/** Runs in a page: announces somebody and then says no more. */
function join({ tracker, hash }) {
  const socket = new WebSocket(tracker);
  const announce = { action: "announce", info_hash: hash, peer_id: "-PM0203-silent000000", event: "started", offers: [] };
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify(announce));
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = () => reject(new Error("the tracker hung up"));
  });
}

test("who saves data takes and gives nothing", async () => {
  const { browser } = fixture;
  const saving = await browser.open("about:blank");
  await saving.page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: Object.assign(new EventTarget(), { saveData: true }) }));
  const giver = await browser.open(`${site.url}/saving`);
  await giver.play();
  await giver.moves(2);
  await saving.page.goto(`${site.url}/saving`);
  await saving.play();
  await saving.until(() => e2e.player().stats().p2pBytes > 200_000);
  await giver.page.close();
  const other = await browser.open(`${site.url}/saving`);
  await other.play();
  await other.until(() => e2e.player().stats().peers > 0);
  await other.moves(4);
  assert.equal((await saving.stats()).uploadedBytes, 0);
  assert.equal((await other.stats()).p2pBytes, 0);
});
