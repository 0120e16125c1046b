// The stranger as a program of its own, which does what lines on its input say, and tells each thing as a line of JSON.
//
//   node e2e/stranger/main.js --mode peertube --listen 10.99.0.2:443 --host two.shoal.test \
//     [--key key.pem --cert cert.pem] [--ca ca.pem] [--at one.shoal.test=10.99.0.1]… [--version 6.3] [--closed]
//
// Without a certificate it makes one, and the authority of that, whose file the first line tells.
//
// Lines: find <handle, URL or host>, crawl <host or actor>, media <video>, follow <actor>, like <video>, comment <video> <text>,
// undo <number>, delete <id>, where numbers are those of what was sent.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { makeAuthority } from "../lib/names.js";
import { Crawler } from "./crawler.js";
import { Finder } from "./mastodon.js";
import { startStranger } from "./peer.js";
import { idOf, list } from "./peertube.js";

const text = { type: "string" };
const { values } = parseArgs({ options: { mode: { ...text, default: "peertube" }, listen: text, host: text, key: text, cert: text, ca: text, at: { ...text, multiple: true, default: [] }, version: { ...text, default: "newest" }, closed: { type: "boolean", default: false } } });
const [address, port] = values.listen.split(":");
const read = (path) => path && readFileSync(path, "utf8");
const addresses = Object.fromEntries(values.at.map((pair) => pair.split("=")));
const rules = { version: values.version };
const authority = values.key ? undefined : makeAuthority();
const { key, cert } = authority?.certify(values.host) ?? { key: read(values.key), cert: read(values.cert) };
const ca = [read(values.ca), authority?.ca].filter(Boolean);
const stranger = await startStranger({ mode: values.mode, host: values.host, address, port: Number(port ?? 443), key, cert, ca: ca.length ? ca : undefined, addresses, rules, isOpen: !values.closed });
const crawler = new Crawler(stranger.web, rules);
const finder = new Finder(stranger.web);
const sent = [];

const tell = (thing) => console.log(JSON.stringify(thing));
const remember = (told) => tell({ number: sent.push(told) - 1, ...told });
const isHost = (what) => !what.includes("/") && !what.includes("@");

/** An actor as this mode finds it; Mastodon follows no hosts. */
async function find(what, mode = values.mode) {
  if (isHost(what)) return crawler.instance(what);
  if (mode === "mastodon") return finder.search(what);
  return crawler.actor(what.includes("://") ? what : await crawler.finger(what));
}

/** The account that a video is by. */
async function author(id) {
  const object = await stranger.web.object(id);
  return stranger.web.object(idOf(list(object.attributedTo)[0]));
}

const COMMANDS = {
  find: async (what) => tell(await find(what)),
  crawl: async (what) => tell((await crawler.outbox(await find(what, "peertube"))).map(({ read, parts }) => ({ ...read, parts }))),
  media: async (what) => tell(await crawler.media(await crawler.video(what))),
  follow: async (what) => remember(await stranger.follow(await find(what))),
  like: async (id) => remember(await stranger.like(id, await author(id))),
  comment: async (id, ...words) => remember(await stranger.comment(id, await author(id), `<p>${words.join(" ")}</p>`)),
  undo: async (number) => remember(await stranger.undo(sent[number])),
  delete: async (id, inbox) => remember(await stranger.remove(id, inbox)),
};

async function obey(name, words) {
  if (!(name in COMMANDS)) throw new Error(`there is no command ${name}`);
  await COMMANDS[name](...words);
}

/** Tells what comes to the inboxes, one after the other. */
async function listen() {
  for (let count = 0; ; count++) {
    tell(await stranger.heard((entry) => stranger.received.indexOf(entry) >= count));
    await new Promise((done) => setImmediate(done));
  }
}

tell({ stranger: stranger.url, mode: values.mode, authority: authority?.file });
listen();
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...words] = line.trim().split(/\s+/);
  if (!name) continue;
  await obey(name, words).catch((error) => tell({ error: error.message }));
}
stranger.close();
authority?.remove();
process.exit();
