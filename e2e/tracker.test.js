// Strangers' clients meet through our tracker: npm bittorrent-tracker, in the swarms of a video that the instance has.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { client } from "./lib/npmtracker.js";
import { variants } from "./lib/playlist.js";
import { startServer, text } from "./lib/server.js";

let server;
let socket;
let hashes;
const clients = [];

// The test reads the counters, and not from the machine itself as the server sees it.
process.env.SHOAL_SERVER_PUBLIC_METRICS = "true";

before(async () => {
  server = await startServer();
  socket = `${server.url.replace("http", "ws")}/tracker/socket`;
  const { master } = await server.parts(server.ids.clip);
  hashes = (await variants(master)).map((_, position) => position1(master, position));
});

after(async () => {
  for (const client of clients) client.destroy();
  await server?.close();
});

/** The info-hash of p2p-media-loader 1.x to 2.2.x. */
function position1(master, position) {
  const digest = createHash("md5").update(`v2-${master}-main-${position}`).digest();
  return digest.subarray(1).toString("base64");
}

/** A client that has announced; each has a connection of its own unless it is told to share. */
async function join(hash, peerId, query = peerId) {
  const made = client(`${socket}?${query}`, hash, peerId);
  clients.push(made);
  const updated = once(made, "update");
  made.start();
  return { made, update: (await updated)[0] };
}

test("two npm clients are introduced to each other, and the answer comes back", async () => {
  const first = await join(hashes[0], "-PM0203-aaaaaaaaaaaa");
  assert.deepEqual([first.update.complete, first.update.incomplete, first.update.interval], [0, 1, 120]);
  const offered = once(first.made, "peer");
  const second = client(`${socket}?second`, hashes[0], "-PM0203-bbbbbbbbbbbb");
  clients.push(second);
  const answered = once(second, "peer");
  second.start();
  const [offer] = await offered;
  assert.deepEqual([offer.isInitiator, offer.heard], [false, { type: "offer", sdp: "v=0\r\ns=offer\r\n" }]);
  const [answer] = await answered;
  assert.deepEqual([answer.isInitiator, answer.heard], [true, { type: "answer", sdp: "v=0\r\ns=answer\r\n" }]);
  assert.equal(Buffer.from(answer.id, "hex").toString(), "-PM0203-aaaaaaaaaaaa");
  assert.deepEqual([...first.made.warnings, ...second.warnings], []);
});

test("clients in several swarms share one connection", async () => {
  const before = await counter("shoal_tracker_connections_total");
  for (const [no, hash] of hashes.entries()) await join(hash, `-PM0203-shared${String(no).padStart(6, "0")}`, "shared");
  assert.equal(await counter("shoal_tracker_connections_total"), before + 1);
});

test("a scrape counts, and stopping leaves the swarm", async () => {
  const hash = hashes.at(-1);
  const { made } = await join(hash, "-PM0203-leaver000000");
  const count = async () => {
    const scraped = once(made, "scrape");
    made.scrape();
    return (await scraped)[0].incomplete;
  };
  const full = await count();
  const updated = once(made, "update");
  made.stop();
  assert.equal((await updated)[0].incomplete, full - 1);
});

test("a swarm of no video is refused with a warning, and the connection stays", async () => {
  const { made } = await join(hashes[0], "-PM0203-stays0000000", "mixed");
  const stranger = client(`${socket}?mixed`, "nobody knows this...", "-PM0203-stranger0000");
  clients.push(stranger);
  const warned = once(stranger, "warning");
  stranger.start();
  assert.match((await warned)[0].message, /does not know the info_hash/);
  const updated = once(made, "update");
  made.update();
  await updated;
  assert.deepEqual(made.warnings, []);
});

async function counter(name) {
  const metrics = await text(`${server.url}/metrics`);
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(metrics)[1]);
}
