// Viewers give each other what they have, and lose nothing by it.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { rate, unlimited } from "./lib/network.js";
import { startTracker } from "./lib/server.js";
import { elementPage, startSite } from "./lib/site.js";
import { stockPage, stockScripts } from "./lib/stock.js";

let site, tracker;
const fixture = serverAndBrowser(async ({ server, browser }) => {
  await browser.context.addInitScript(keepConnections);
  const parts = await server.parts(server.ids.minute);
  tracker = await startTracker(server);
  site = await startSite({
    "/off": elementPage(parts, `p2p="off"`),
    "/receive": elementPage(parts, `p2p="receive"`),
    "/full": elementPage(parts, `p2p="full"`),
    "/apart": elementPage(parts, `p2p="full" tracker="${tracker.url}"`),
    "/iframe": `<!doctype html><title>A blog</title><iframe width="640" height="360" allow="autoplay" src="${server.embed(server.ids.minute)}"></iframe>`,
    ...stockScripts,
    "/stock": stockPage(parts.master, { tracker: server.tracker, stun: server.stun }),
  });
});
after(async () => {
  site?.close();
  await tracker?.stop();
});

let limited = false;
afterEach(() => {
  if (limited) unlimited();
  limited = false;
});

/** Opens a page of ours and plays it. */
async function watch(url) {
  const player = await fixture.browser.open(url);
  await player.play();
  return player;
}

const watchPage = (id = fixture.server.ids.minute) => watch(fixture.server.watch(id));

/** Waits until the player has had `bytes` of its peers, checked. */
const receives = (player, bytes = ENOUGH) => player.until((bytes) => e2e.player().stats().p2pBytes > bytes, bytes);

async function wentWell(...players) {
  for (const player of players) {
    assert.deepEqual((await player.seen()).errors, []);
    assert.equal((await player.stats()).rejectedPieces, 0);
  }
}

test("each later of three viewers gets bytes from those before", async () => {
  const first = await watchPage();
  const second = await watchPage();
  await receives(second);
  const third = await watchPage();
  await receives(third);
  await first.until(() => e2e.player().stats().uploadedBytes > 0);
  const { peers } = await third.stats();
  assert.ok(peers >= 1 && peers <= 2, `${peers} peers`);
  await wentWell(first, second, third);
});

test("nobody but the server is asked", async () => {
  const first = await watchPage();
  const second = await fixture.browser.open("about:blank");
  const sockets = [];
  second.page.on("websocket", (socket) => sockets.push(socket.url()));
  await second.page.goto(fixture.server.watch(fixture.server.ids.minute));
  await second.play();
  await receives(second);
  const urls = [...first.log.urls, ...second.log.urls].filter((url) => url.startsWith("http"));
  assert.deepEqual([...new Set(urls.map((url) => new URL(url).origin))], [fixture.server.url]);
  assert.deepEqual([...new Set(sockets)], [fixture.server.tracker]);
  const servers = await second.frame.evaluate(() => connections.peers.flatMap((peer) => peer.getConfiguration().iceServers.flatMap(({ urls }) => urls)));
  assert.deepEqual([...new Set(servers)], [fixture.server.stun]);
});

test("a viewer whose peer closes its page in the middle of a segment plays on", async () => {
  limited = true;
  rate(6);
  const first = await watchPage();
  await first.moves(5);
  const second = await watchPage();
  await receives(second, 20_000);
  await first.page.close();
  await second.until(() => e2e.player().stats().peers === 0);
  await second.moves(10);
  await wentWell(second);
});

test("viewers who know each other go on without the tracker, and newcomers find them when it is back", async () => {
  const first = await watch(`${site.url}/apart`);
  const second = await watch(`${site.url}/apart`);
  await receives(second);
  await tracker.stop();
  await second.moves(3);
  assert.ok((await second.stats()).peers > 0);
  await tracker.start();
  const third = await watch(`${site.url}/apart`);
  await third.until((bytes) => e2e.player().stats().p2pBytes > bytes, ENOUGH, RECONNECTED_MS);
  await wentWell(first, second, third);
});

test("what peers hold keeps coming while the origin is gone", async () => {
  const first = await watchPage();
  // It then holds more than another viewer loads ahead.
  await first.frame.evaluate(() => (e2e.video().playbackRate = 4));
  await first.until(() => e2e.video().currentTime > 20);
  await first.frame.evaluate(() => (e2e.video().playbackRate = 1));
  const second = await watchPage();
  await second.until(() => e2e.player().stats().peers > 0);

  await fixture.server.stop();
  try {
    const { p2pBytes } = await second.stats();
    await receives(second, p2pBytes + ENOUGH);
    await second.moves(10);
    assert.equal((await second.video("error")).error, null);
  } finally {
    await fixture.server.start();
  }
  await second.moves(10, 60_000);
  assert.deepEqual((await second.seen()).errors, []);
});

test("after a change of quality viewers share in the other rendition", async () => {
  const players = [await watchPage(fixture.server.ids.long), await watchPage(fixture.server.ids.long)];
  const heights = (await players[0].qualities()).sort((a, b) => a - b);
  for (const height of [heights[0], heights.at(-1)]) {
    const before = (await players[1].stats()).p2pBytes;
    for (const player of players) {
      await player.choose(height);
      await player.until((height) => e2e.video().videoHeight === height, height, 60_000);
    }
    await receives(players[1], before + ENOUGH / 2);
  }
  await wentWell(...players);
});

test("with p2p off no connection is made", async () => {
  const other = await watch(`${site.url}/full`);
  const player = await watch(`${site.url}/off`);
  await player.moves(5);
  assert.deepEqual(await counted(player), { peers: 0, sockets: 0 });
  const { p2pBytes, uploadedBytes, peers } = await player.stats();
  assert.deepEqual([p2pBytes, uploadedBytes, peers], [0, 0, 0]);
  await wentWell(other, player);
});

test("a viewer that only receives uploads nothing", async () => {
  const giver = await watch(`${site.url}/full`);
  const receiver = await watch(`${site.url}/receive`);
  await receives(receiver);
  await giver.page.close();
  const other = await watch(`${site.url}/full`);
  await other.moves(5);
  assert.equal((await other.stats()).p2pBytes, 0);
  assert.equal((await receiver.stats()).uploadedBytes, 0);
});

test("an iframe on another host's page shares with the watch page", async () => {
  const watching = await watchPage();
  const framed = await (await fixture.browser.open(`${site.url}/iframe`)).inFrame("iframe");
  await framed.play();
  await receives(framed);
  await watching.until(() => e2e.player().stats().uploadedBytes > 0);
  await wentWell(watching, framed);
});

test("a stock page gets bytes from ours", async () => {
  const ours = await watchPage();
  const { page } = await fixture.browser.open(`${site.url}/stock`);
  await page.waitForFunction((bytes) => stock.p2pBytes > bytes, ENOUGH, { polling: 100 });
  await ours.until(() => e2e.player().stats().uploadedBytes > 0);
  assert.deepEqual(await page.evaluate(() => stock.errors), []);
});

test("ours gets bytes from a stock page", async () => {
  const { page } = await fixture.browser.open(`${site.url}/stock`);
  await page.waitForFunction((bytes) => stock.httpBytes > bytes, ENOUGH, { polling: 100 });
  const ours = await watchPage();
  await receives(ours);
  await wentWell(ours);
});

test("an element that leaves its page leaves no connection open", async () => {
  const first = await watch(`${site.url}/full`);
  const second = await watch(`${site.url}/full`);
  await receives(second);
  await second.frame.evaluate(() => e2e.player().remove());
  await second.until(() => connections.peers.every(({ signalingState }) => signalingState === "closed"));
  await second.until(() => connections.sockets.every(({ readyState }) => readyState === WebSocket.CLOSED));
  await first.until(() => e2e.player().stats().peers === 0);
  assert.ok((await counted(second)).peers > 0, "nothing was counted");
});

function counted(player) {
  return player.frame.evaluate(() => ({ peers: connections.peers.length, sockets: connections.sockets.length }));
}

/** Runs in every frame before its own scripts: keeps each connection that is made. */
function keepConnections() {
  const kept = { peers: [], sockets: [] };
  const keeping = (constructor, made) =>
    class extends constructor {
      constructor(...given) {
        super(...given);
        made.push(this);
      }
    };
  window.RTCPeerConnection = keeping(RTCPeerConnection, kept.peers);
  window.WebSocket = keeping(WebSocket, kept.sockets);
  window.connections = kept;
}

// More than the header of a segment and less than one: a segment of 2 s has about 400 KB.
const ENOUGH = 200_000;
// Those who lost their tracker stay away for a while, longer each time.
const RECONNECTED_MS = 60_000;
