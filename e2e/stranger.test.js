// The strangers of e2e/stranger/ before anybody is measured by them: they believe what two real PeerTubes said to each other, and nothing else.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { makeAuthority } from "./lib/names.js";
import { Crawler } from "./stranger/crawler.js";
import { activity, actor, anything, collection, note, video } from "./stranger/peertube.js";
import { Finder } from "./stranger/mastodon.js";
import { FORMS, startStranger } from "./stranger/peer.js";
import { believedByMastodon, believedByPeerTube, makeKeys, Refusal, signDraft } from "./stranger/signature.js";

const folder = new URL("../sidecar/fixtures/federation/", import.meta.url);
const recorded = readdirSync(folder).sort().map((name) => ({ name, ...JSON.parse(readFileSync(new URL(name, folder), "utf8")) }));
const signed = recorded.filter(({ reqHeaders }) => reqHeaders.signature);
const keys = Object.fromEntries(recorded.filter(({ resBody }) => resBody?.publicKey).map(({ resBody }) => [resBody.id, resBody.publicKey.publicKeyPem]));
const keyOf = async (id) => keys[id.split("#")[0]];
// The recorded ones are on 127.0.0.1.
const versions = ["6.3", "newest"].map((version) => ({ version, isLocal: true }));

/** A recorded request as its receiver saw it. */
function seen({ method, url, reqHeaders, rawBody }) {
  return { method, host: reqHeaders.host, target: url, headers: reqHeaders, body: rawBody && Buffer.from(rawBody) };
}

/** The one document of this kind that was recorded first, to be changed. */
function first(fits) {
  const { reqBody, resBody } = recorded.find(({ method, reqBody, resBody }) => fits(method === "POST" ? reqBody : resBody));
  return structuredClone(reqBody || resBody);
}

test("every recorded signature is believed, as PeerTube and as Mastodon do, and only by its own key", async () => {
  assert.equal(signed.length, 102);
  for (const one of signed) {
    const at = new Date(one.t);
    const signer = await believedByPeerTube(seen(one), keyOf, at);
    assert.equal(await believedByMastodon(seen(one), keyOf, at), signer, one.name);
    for (const key of Object.values(keys).filter((key) => key !== keys[signer])) {
      await assert.rejects(believedByPeerTube(seen(one), async () => key, at), Refusal, one.name);
    }
  }
});

test("every recorded document is taken by PeerTube 6.3 and by the newest", () => {
  const kinds = new Set();
  for (const { name, method, reqBody, resBody, resHeaders } of recorded) {
    const document = method === "POST" ? reqBody : resBody;
    if (name.includes("nodeinfo") || resHeaders["content-type"]?.startsWith("image/")) continue;
    kinds.add(document.type);
    for (const rules of versions) assert.deepEqual(anything(document, rules).problems, [], `${name} ${rules.version}`);
  }
  const activities = ["Accept", "Announce", "ApproveReply", "Create", "Delete", "Dislike", "Follow", "Like", "Undo", "Update", "View"];
  const objects = ["Application", "Group", "Note", "OrderedCollection", "OrderedCollectionPage", "Person", "Playlist", "PlaylistElement", "Video", undefined];
  assert.deepEqual([...kinds].sort(), [...activities, ...objects].sort());
});

test("of recorded videos nothing is left out but pages, and sockets that are made up again", () => {
  const videos = recorded.filter(({ resBody }) => resBody?.type === "Video");
  for (const { resBody } of videos) {
    for (const rules of versions) {
      const { read, dropped } = video(resBody, rules);
      const left = dropped.map((path) => resBody.url[path.split("/").at(-1)]);
      assert.ok(left.every(({ mediaType, href }) => mediaType === "text/html" || href.startsWith("ws:")), JSON.stringify(left));
      assert.equal(read.trackers[0], "ws://127.0.0.1:9000/tracker/socket");
      const files = resBody.url.find(({ tag }) => tag).tag.filter(({ mediaType }) => mediaType === "video/mp4");
      assert.ok(files.length > 0);
      assert.deepEqual(read.hls.files, files);
      assert.match(read.hls.sums, /segments-sha256\.json$/);
      assert.equal(read.comments, "enabled");
    }
  }
});

test("a post that was changed, or is late, or says less, is refused by both", async () => {
  const one = signed.find(({ method }) => method === "POST");
  const [request, at] = [seen(one), new Date(one.t)];
  const later = (minutes) => new Date(+at + minutes * 60_000);
  const header = (name, change) => ({ ...request, headers: { ...request.headers, [name]: change(request.headers[name]) } });
  const unsigned = (name) => header("signature", (text) => text.replace(` ${name}`, ""));
  const refused = {
    "another body": { ...request, body: Buffer.from(`${one.rawBody} `) },
    "another digest": header("digest", () => "SHA-256=AAAA"),
    "no digest": header("digest", () => undefined),
    "another inbox": { ...request, target: "/inbox" },
    "another host": header("host", () => "elsewhere.example"),
    "another date": header("date", () => later(1).toUTCString()),
    "a date that can't be read": header("date", () => one.t),
    "no signature": header("signature", () => undefined),
    "a signature of nothing": header("signature", (text) => text.replace(/signature="[^"]*"/, 'signature=""')),
    "two keys": header("signature", (text) => `keyId="https://evil.example/",${text}`),
    "an unsigned date": unsigned("date"),
    "an unsigned digest": unsigned("digest"),
    "a strange algorithm": header("signature", (text) => text.replace("date digest", "date digest x-unsaid")),
    "an offer of RFC 9421 that fails": header("signature-input", () => 'sig1=("@method");created=1'),
  };
  for (const [what, changed] of Object.entries(refused)) {
    await assert.rejects(believedByPeerTube(changed, keyOf, at), Refusal, what);
    await assert.rejects(believedByMastodon(changed, keyOf, at), Refusal, what);
  }
  await assert.rejects(believedByPeerTube(request, keyOf, later(31)), Refusal);
  await assert.rejects(believedByPeerTube(request, keyOf, later(-31)), Refusal);
  await assert.rejects(believedByMastodon(request, keyOf, later(66)), Refusal);
  await assert.rejects(believedByMastodon(request, keyOf, later(-61)), Refusal);
  await assert.rejects(believedByPeerTube(unsigned("host"), keyOf, at), Refusal);
  await assert.rejects(believedByPeerTube(header("digest", (text) => text.replace("SHA", "sha")), keyOf, at), Refusal);
  await assert.rejects(believedByPeerTube(request, async () => undefined, at), Refusal);
});

test("what the stranger signs is believed in the forms that each knows, with and without a query", async () => {
  const { publicKey, privateKey } = makeKeys();
  const now = new Date("2026-11-26T12:00:00Z");
  const keyId = "https://two.shoal.test/users/ada#main-key";
  for (const body of [undefined, Buffer.from('{"type":"Like"}')]) {
    const request = { method: body ? "POST" : "GET", host: "one.shoal.test", target: "/inbox?page=1", body };
    for (const [form, sign] of Object.entries(FORMS)) {
      const made = { ...request, headers: sign(request, { keyId, privateKey, now }) };
      assert.equal(await believedByMastodon(made, async () => publicKey, now), keyId, form);
      const peertube = believedByPeerTube(made, async () => publicKey, now);
      if (form === "standard") await assert.rejects(peertube, Refusal);
      else assert.equal(await peertube, keyId.split("#")[0], form);
      const elsewhere = { ...made, host: "three.shoal.test", headers: { ...made.headers, host: "three.shoal.test" } };
      if (form !== "standard") await assert.rejects(believedByMastodon(elsewhere, async () => publicKey, now), Refusal, form);
      await assert.rejects(believedByMastodon({ ...made, target: "/other" }, async () => publicKey, now), Refusal, form);
      await assert.rejects(believedByMastodon({ ...made, method: "PUT" }, async () => publicKey, now), Refusal, form);
    }
    const short = { ...request, headers: signDraft(request, { keyId, privateKey, now, hasQuery: false }) };
    assert.equal(await believedByMastodon(short, async () => publicKey, now), keyId);
  }
});

test("RFC 9421 with less than Mastodon asks for is refused", async () => {
  const { publicKey, privateKey } = makeKeys();
  const now = new Date("2026-11-26T12:00:00Z");
  const request = { method: "POST", host: "one.shoal.test", target: "/inbox", body: Buffer.from("{}") };
  for (const left of ["@method", "@target-uri", "content-digest"]) {
    const covered = ["@method", "@target-uri", "content-digest"].filter((name) => name !== left);
    const made = { ...request, headers: FORMS.standard(request, { keyId: "https://two.shoal.test/a", privateKey, now, covered }) };
    await assert.rejects(believedByMastodon(made, async () => publicKey, now), Refusal, left);
  }
  const made = { ...request, headers: FORMS.standard(request, { keyId: "https://two.shoal.test/a", privateKey, now }) };
  const input = (change) => ({ ...made, headers: { ...made.headers, "signature-input": change(made.headers["signature-input"]) } });
  for (const change of [(text) => `${text}, sig2=("@method");created=1`, (text) => text.replace(/created=\d+;/, ""), (text) => text.replace("sig1", "sig2"), (text) => text.replace("@method", "@path")]) {
    await assert.rejects(believedByMastodon(input(change), async () => publicKey, now), Refusal);
  }
  await assert.rejects(believedByMastodon({ ...made, body: Buffer.from("[]") }, async () => publicKey, now), Refusal);
});

test("a video that lacks what PeerTube needs is refused, for that", () => {
  const good = first((document) => document?.type === "Video");
  const changes = {
    type: { type: "Audio" },
    id: { id: "videos/1" },
    name: { name: "ab" },
    uuid: { uuid: "38fda7c9-bbb7-564f-bb9b-d64d33f575c4" },
    duration: { duration: "P1D" },
    views: { views: -1 },
    published: { published: "yesterday" },
    updated: { updated: undefined },
    icon: { icon: [] },
    url: { url: "https://one.example/w/1" },
    attributedTo: { attributedTo: [] },
    category: { category: { identifier: "music", name: "Music" } },
    language: { language: { identifier: 1 } },
    content: { mediaType: "text/plain", content: "words" },
    subtitleLanguage: { subtitleLanguage: {} },
    preview: { preview: { type: "Image" } },
    embedUrl: { embedUrl: "javascript:alert(1)" },
    to: { to: ["everybody"] },
  };
  for (const rules of versions) {
    for (const [field, change] of Object.entries(changes)) {
      assert.deepEqual(video({ ...structuredClone(good), ...change }, rules).problems, [field], `${field} ${rules.version}`);
    }
  }
});

test("PeerTube 6.3 and the newest differ where they are known to", () => {
  const good = first((document) => document?.type === "Video");
  const [old, newest] = versions.map((rules) => (change) => video({ ...structuredClone(good), ...change }, rules));
  const png = { icon: [{ ...good.icon[0], mediaType: "image/png" }] };
  assert.deepEqual([old(png).problems, newest(png).problems], [["icon"], []]);
  const spdx = { licence: { identifier: "CC-BY-4.0", name: "by" } };
  assert.deepEqual([old(spdx).problems, newest(spdx).problems], [["licence"], []]);
  const single = { to: "https://www.w3.org/ns/activitystreams#Public" };
  assert.deepEqual([old(single).problems, newest(single).problems], [["to"], []]);
  const silent = { commentsPolicy: undefined, commentsEnabled: true };
  assert.deepEqual([old(silent).read.comments, newest(silent).read.comments], ["enabled", "disabled"]);
  assert.deepEqual([old({}).read.isEmbeddable, newest({}).read.isEmbeddable], [true, false]);
  const followers = { to: ["http://127.0.0.1:9000/accounts/root/followers"] };
  assert.deepEqual([old(followers).read.isPublic, newest(followers).read.isPublic], [true, false]);
});

test("a link that PeerTube can't use is left out, and the video is not", () => {
  const good = first((document) => document?.type === "Video");
  const [rules] = versions;
  const whole = video(good, rules);
  const playlist = good.url.find(({ tag }) => tag);
  for (const broken of [{ size: undefined }, { height: "high" }, { fps: -2 }, { href: "file:///etc/passwd" }, { mediaType: "video/mkv" }]) {
    const tag = playlist.tag.map((one) => (one.height === 480 && one.mediaType === "video/mp4" ? { ...one, ...broken } : one));
    const look = video({ ...good, url: good.url.map((link) => (link === playlist ? { ...playlist, tag } : link)) }, rules);
    assert.deepEqual([look.problems, look.read.hls.files.length], [[], whole.read.hls.files.length - 1]);
  }
  const { read } = video({ ...good, url: good.url.map((link) => (link === playlist ? { ...playlist, tag: undefined } : link)) }, rules);
  assert.equal(read.hls, undefined);
});

test("an actor that lacks what PeerTube needs is refused, for that", () => {
  const good = first((document) => document?.type === "Group");
  const key = good.publicKey;
  const changes = {
    type: { type: "Robot" },
    id: { id: "root" },
    inbox: { inbox: undefined },
    outbox: { outbox: "nowhere" },
    preferredUsername: { preferredUsername: "é" },
    publicKey: { publicKey: { ...key, owner: undefined } },
    publicKeyPem: { publicKey: { ...key, publicKeyPem: key.publicKeyPem.replaceAll("PUBLIC", "RSA PUBLIC") } },
    sharedInbox: { endpoints: { sharedInbox: "/inbox" } },
    attributedTo: { attributedTo: [] },
  };
  for (const rules of versions) {
    assert.deepEqual(actor(good, rules).problems, []);
    for (const [field, change] of Object.entries(changes)) assert.deepEqual(actor({ ...good, ...change }, rules).problems, [field], field);
  }
});

test("names without a domain are for those alone who have none themselves", () => {
  const good = first((document) => document?.type === "Person");
  const moved = (host) => JSON.parse(JSON.stringify(good).replaceAll("127.0.0.1:9000", host));
  const problems = (host, isLocal) => actor(moved(host), { version: "newest", isLocal }).problems.length;
  assert.equal(problems("one.shoal.test", false), 0);
  assert.equal(problems("one", true), 0);
  for (const host of ["one", "localhost", "one_two.shoal.test", "one.shoal.7"]) assert.ok(problems(host, false) > 0, host);
});

test("a note is its author's host's and is for everybody", () => {
  const good = first((document) => document?.type === "Note");
  const [rules] = versions;
  for (const [field, change] of Object.entries({
    attributedTo: { attributedTo: "http://127.0.0.1:9010/accounts/root" },
    to: { to: ["http://127.0.0.1:9000/accounts/root"], cc: [] },
    content: { content: "" },
    inReplyTo: { inReplyTo: null },
    published: { published: null },
  })) {
    assert.deepEqual(note({ ...good, ...change }, rules).problems, [field]);
  }
});

test("an activity wants its object in the form that PeerTube reads", () => {
  const [rules] = versions;
  const create = first((document) => document?.type === "Create" && document.object.type === "Note");
  assert.deepEqual(activity({ ...create, object: create.object.id }, rules).problems, ["object"]);
  assert.deepEqual(activity({ ...create, object: { ...create.object, published: null } }, rules).problems, ["object/published"]);
  const like = first((document) => document?.type === "Like");
  assert.deepEqual(activity({ ...like, actor: undefined }, rules).problems, ["actor"]);
  assert.deepEqual(activity({ ...like, id: "" }, rules).problems, ["id"]);
  assert.deepEqual(activity({ ...like, type: "EmojiReact" }, rules).problems, ["type"]);
  const undo = first((document) => document?.type === "Undo");
  assert.deepEqual(activity({ ...undo, object: undo.object.id }, rules).problems, ["object"]);
});

/** The recorded server as far as it was asked, as `change` has its documents. */
function replayed(change = (document) => document) {
  const documents = new Map(recorded.filter(({ method }) => method === "GET").reverse().map(({ url, reqHeaders, resBody }) => [`http://${reqHeaders.host}${url}`, resBody]));
  const object = async (url) => {
    if (!documents.has(url)) throw new Error(`${url} was never asked for`);
    return change(structuredClone(documents.get(url)));
  };
  const json = async (url) => {
    const [, name, host] = /resource=acct:([^@]+)@(.+)/.exec(url) ?? [];
    const found = [...documents.values()].find(({ id, preferredUsername }) => host && preferredUsername === name && new URL(id).host === host);
    return found ? { links: [{ rel: "self", href: change(found).id }] } : object(url.replace("https:", "http:"));
  };
  return new Crawler({ object, json }, versions[1]);
}

test("the recorded server is gone through from its NodeInfo to the parts of its videos", async () => {
  const crawler = replayed();
  const instance = await crawler.instance("127.0.0.1:9000");
  assert.equal(instance.id, "http://127.0.0.1:9000/accounts/peertube");
  const announced = await crawler.items(instance.outbox);
  assert.equal(announced.length, 3);
  const { object, channel, parts } = await crawler.video(announced[0].object);
  assert.deepEqual([channel.id, channel.owner.id], ["http://127.0.0.1:9000/video-channels/root_channel", "http://127.0.0.1:9000/accounts/root"]);
  assert.deepEqual(parts.shares, [`${object.id}/announces/3`, `${object.id}/announces/1`]);
  assert.deepEqual(parts.chapters, []);
});

test("what is another host's, or calls itself something else, ends the way through a server", async () => {
  const elsewhere = "http://127.0.0.1:9010/accounts/root";
  const of = (type, change) => (document) => (document.type === type ? { ...document, ...change } : document);
  const id = "http://127.0.0.1:9000/videos/watch/6999bc17-37d8-4a38-bc2c-963ad9acb216";
  const video = (change) => replayed(change).video(id);
  await video();
  await assert.rejects(video(of("Video", { attributedTo: [elsewhere] })), /has no Group/);
  await assert.rejects(video(of("Video", { attributedTo: ["http://127.0.0.1:9000/accounts/root"] })), /has no Group/);
  await assert.rejects(video(of("Video", { id: id.replace("9000", "9010") })), /calls itself/);
  await assert.rejects(video(of("Group", { attributedTo: [elsewhere] })), /has no Person/);
  await assert.rejects(video(of("Announce", { object: `${id}0` })), /announces/);
  await assert.rejects(video(of("Announce", { actor: elsewhere })), /is by/);
  await assert.rejects(video(of("Person", { preferredUsername: "alice" })), /leads to/);
  await assert.rejects(video(of("OrderedCollection", { totalItems: 0 })), /has more than the 0/);
});

test("a collection has pages of ten on its own host", () => {
  const [rules] = versions;
  const page = first((document) => document?.type === "OrderedCollectionPage");
  const top = first((document) => document?.type === "OrderedCollection" && document.first);
  assert.deepEqual(collection({ ...page, orderedItems: Array(11).fill("http://127.0.0.1:9000/a") }, rules).problems, ["orderedItems are more than 10"]);
  assert.deepEqual(collection({ ...page, next: "http://127.0.0.1:9010/outbox?page=2" }, rules).problems, ["next"]);
  assert.deepEqual(collection({ ...top, first: undefined }, rules).problems, ["first"]);
  assert.deepEqual(collection({ ...top, totalItems: "3" }, rules).problems, ["totalItems"]);
});

/** A stranger in each mode, who know each other by name, and what came of them. */
async function meet(use) {
  const authority = makeAuthority();
  const addresses = { "pt.shoal.test": "10.99.0.1", "masto.shoal.test": "10.99.0.2" };
  const start = (mode, host) => startStranger({ mode, host, address: addresses[host], addresses, ca: authority.ca, ...authority.certify(host) });
  const [peertube, mastodon] = [await start("peertube", "pt.shoal.test"), await start("mastodon", "masto.shoal.test")];
  try {
    await use({ peertube, mastodon, authority, addresses });
  } finally {
    for (const one of [peertube, mastodon]) one.close();
    authority.remove();
  }
}

test("strangers find each other, follow, are accepted, comment, like, undo and delete", () => meet(async ({ peertube, mastodon }) => {
  const channel = await new Finder(mastodon.web).search("ada_channel@pt.shoal.test");
  assert.equal(channel.id, peertube.id("ada_channel"));
  const followed = await mastodon.follow(channel, { by: "ada" });
  assert.equal(followed.status, 204);
  const accepted = await mastodon.heard(({ activity }) => activity.type === "Accept");
  assert.deepEqual([accepted.status, accepted.problem, accepted.activity.object.id, accepted.activity.actor], [202, undefined, followed.sent.id, channel.id]);

  const account = await mastodon.web.object(peertube.id("ada"));
  const video = `${peertube.url}/videos/watch/1`;
  const commented = await mastodon.comment(video, account, "<p>Good</p>", { by: "ada" });
  const { id } = commented.sent.object;
  assert.deepEqual(note(await peertube.web.object(id), { version: "newest" }).problems, []);
  const liked = await mastodon.like(video, account);
  const statuses = [commented.status, liked.status, (await mastodon.undo(liked)).status, (await mastodon.remove(id, account.inbox)).status];
  assert.deepEqual(statuses, [204, 204, 204, 204]);
  assert.deepEqual(peertube.received.map(({ activity, problem }) => [activity.type, problem]), [["Follow", undefined], ["Create", undefined], ["Like", undefined], ["Undo", undefined], ["Delete", undefined]]);
  await assert.rejects(peertube.web.object(id), /answers 410/);

  const instance = await new Crawler(mastodon.web, { version: "newest" }).instance("pt.shoal.test");
  assert.equal((await mastodon.follow(instance)).status, 204);
  const other = await new Crawler(peertube.web, { version: "newest" }).actor(await new Crawler(peertube.web, { version: "newest" }).finger("ada@masto.shoal.test"));
  assert.equal((await peertube.follow(other)).status, 202);
  assert.equal((await peertube.heard(({ activity }) => activity.type === "Accept")).problem, undefined);
}));

test("a stranger is a program of its own, too, which does what it is told line by line", () => meet(async ({ peertube, authority, addresses }) => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-stranger-"));
  const host = "cli.shoal.test";
  for (const [name, text] of Object.entries({ ...authority.certify(host), ca: authority.ca })) writeFileSync(join(folder, name), text);
  const files = ["key", "cert", "ca"].flatMap((name) => [`--${name}`, join(folder, name)]);
  const names = Object.entries(addresses).flatMap(([name, address]) => ["--at", `${name}=${address}`]);
  const program = spawn(process.execPath, [new URL("./stranger/main.js", import.meta.url).pathname, "--mode", "mastodon", "--listen", "127.0.0.1:443", "--host", host, ...files, ...names], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const said = async (line) => {
    if (line) program.stdin.write(`${line}\n`);
    return JSON.parse((await lines.next()).value);
  };
  assert.deepEqual(await said(), { stranger: `https://${host}`, mode: "mastodon" });
  const video = peertube.shelf.publish("A video");
  assert.equal((await said(`find ${peertube.id("ada")}`)).handle, "ada@pt.shoal.test");
  assert.equal((await said("crawl pt.shoal.test"))[0].id, video.id);
  assert.match((await said("find nobody@pt.shoal.test")).error, /404/);
  assert.match((await said("dance")).error, /no command/);
  // It is known by a name that the other can't find: what it likes is signed by nobody.
  assert.equal((await said(`like ${video.id}`)).status, 403);
  program.stdin.end();
  await lines.next();
  rmSync(folder, { recursive: true, force: true });
}));

test("a stranger's videos are taken by another, page by page, with what they name", () => meet(async ({ peertube, mastodon }) => {
  for (let no = 0; no < 11; no++) peertube.shelf.publish(`Video ${no}`);
  const newest = peertube.shelf.publish("The last", { tag: [{ type: "Hashtag", name: "sea" }] });
  for (const [whose, version] of [["peertube", "6.3"], ["ada", "newest"], ["ada_channel", "newest"]]) {
    const crawler = new Crawler(mastodon.web, { version });
    const videos = await crawler.outbox(await crawler.actor(await crawler.finger(`${whose}@pt.shoal.test`)));
    assert.deepEqual([videos.length, videos[0].object.id, videos[0].read.tags, videos[0].parts.shares.length], [12, newest.id, ["sea"], 2]);
  }
  assert.equal((await new Finder(mastodon.web).search(newest.id)).title, "The last");
  const url = newest.icon[0].url;
  peertube.shelf.serve(url, "image/jpeg", Buffer.from([0xff, 0xd8, 1, 2, 3]));
  const part = await mastodon.web.get(url, { range: "bytes=1-2" });
  assert.deepEqual([part.status, part.headers["content-range"], [...part.body]], [206, "bytes 1-2/5", [0xd8, 1]]);
  peertube.shelf.withdraw(newest);
  await assert.rejects(mastodon.web.object(newest.id), /404/);
  const instance = await mastodon.web.object(peertube.id("peertube"));
  const first = await mastodon.web.object(`${instance.outbox}?page=1`);
  const reader = await peertube.web.object(mastodon.id("ada"));
  for (const by of ["ada_channel", "peertube", "ada"]) {
    const video = await mastodon.web.object(first.orderedItems[0].object);
    assert.equal((await peertube.announce(video, reader.inbox, { by })).status, 202, by);
  }
}));

test("strangers refuse what is spoilt, old, for somebody else, or in a form that they don't know", () => meet(async ({ peertube, mastodon }) => {
  const [account, reader] = [await mastodon.web.object(peertube.id("ada")), await peertube.web.object(mastodon.id("ada"))];
  const at = (minutes) => ({ now: new Date(Date.now() + minutes * 60_000) });
  const like = async (from, to, how) => (await from.like(`${to.id}/videos/1`, to, how)).status;
  for (const form of ["draft", "hs2019", "created"]) {
    assert.equal(await like(mastodon, account, { form }), 204, form);
    assert.equal(await like(peertube, reader, { form }), 202, form);
  }
  assert.equal(await like(mastodon, account, { form: "standard" }), 403);
  assert.equal(await like(mastodon, account, at(-40)), 403);
  assert.equal(await like(peertube, reader, at(-40)), 202);
  assert.equal(await like(peertube, reader, at(-70)), 401);
  const change = (request) => ({ ...request, body: Buffer.from(String(request.body).replace("Like", "Mike")) });
  assert.deepEqual([await like(mastodon, account, { change }), await like(peertube, reader, { change })], [403, 401]);
  const forged = { type: "Like", id: `${mastodon.url}/1`, actor: mastodon.id("ada"), object: reader.id };
  const others = ({ headers, body, ...rest }) => ({ ...rest, headers: { ...headers, host: "one.shoal.test" }, body });
  assert.equal((await mastodon.send(forged, account.inbox, { change: others })).status, 403);
  await assert.rejects(mastodon.send({ ...forged, actor: peertube.id("ada") }, account.inbox), /isn't of/);
  const accept = { type: "Accept", id: `${mastodon.url}/2`, actor: mastodon.id("ada"), object: forged.id };
  await mastodon.send(accept, account.endpoints.sharedInbox);
  assert.equal(peertube.received.at(-1).problem, "an answer belongs to the explicit inbox");
}));
