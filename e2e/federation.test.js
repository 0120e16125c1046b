// Strict strangers, who take nothing that PeerTube or Mastodon would not, find what is here and fetch all of it, by TLS on a name.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { importFile, moment } from "./lib/media.js";
import { makeAuthority, openDoor } from "./lib/names.js";
import { host, startServer } from "./lib/server.js";
import { Crawler } from "./stranger/crawler.js";
import { Finder } from "./stranger/mastodon.js";
import { startStranger } from "./stranger/peer.js";
import { PUBLIC } from "./stranger/peertube.js";

const one = "one.shoal.test";
const url = `https://${one}`;
const otherHost = "10.99.0.2";
const versions = ["6.3", "newest"];
let authority, server, door, peertube, mastodon, token, described;

before(async () => {
  authority = makeAuthority();
  server = await startServer(9000, {}, url);
  door = await openDoor(authority, one, { address: host, to: host, port: 9000 });
  const settings = { addresses: { [one]: host }, ca: authority.ca };
  peertube = await startStranger({ mode: "peertube", host: "two.shoal.test", address: otherHost, ...authority.certify("two.shoal.test"), ...settings });
  mastodon = await startStranger({ mode: "mastodon", host: "three.shoal.test", address: "127.0.0.1", ...authority.certify("three.shoal.test"), ...settings });
  token = await logIn(await server.password("root"));
  described = await describe(server.ids.clip);
});

after(async () => {
  for (const one of [peertube, mastodon, door]) one?.close();
  await server?.close();
  authority?.remove();
});

async function logIn(password) {
  const client = await (await fetch(`${server.url}/api/v1/oauth-clients/local`)).json();
  const body = new URLSearchParams({ ...client, grant_type: "password", username: "root", password });
  return (await (await fetch(`${server.url}/api/v1/users/token`, { method: "POST", body })).json()).access_token;
}

/** Says all that can be said of a video, captions and chapters included, and returns its full id. */
async function describe(key) {
  const { uuid } = await (await fetch(`${server.url}/api/v1/videos/${key}`)).json();
  const description = `Boats **leave**.\n\n0:00 Fog\n0:05 Oars\n0:10 Open sea\n\n${"Waves. ".repeat(200)}`;
  await put(key, { name: "The harbour", description, support: "Coffee", category: 6, licence: 2, language: "en", tags: ["sea", "two words"], commentsPolicy: 3, nsfw: true });
  const form = new FormData();
  form.append("captionfile", new Blob(["WEBVTT\n\n00:00.000 --> 00:02.000\nFog\n"]), "en.vtt");
  const kept = await fetch(`${server.url}/api/v1/videos/${key}/captions/en`, { method: "PUT", headers: { authorization: `Bearer ${token}` }, body: form });
  assert.equal(kept.status, 204);
  return uuid;
}

async function put(key, change) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const changed = await fetch(`${server.url}/api/v1/videos/${key}`, { method: "PUT", headers, body: JSON.stringify(change) });
  assert.equal(changed.status, 204, await changed.text());
}

/** PeerTube of a version. */
function crawler(version) {
  return new Crawler(peertube.web, { version });
}

for (const version of versions) {
  test(`PeerTube ${version} finds the instance by NodeInfo, and an account and a channel by handle and by page`, async () => {
    const crawl = crawler(version);
    const instance = await crawl.instance(one);
    assert.deepEqual([instance.id, instance.type, instance.preferredUsername], [`${url}/accounts/peertube`, "Application", "peertube"]);
    assert.equal(await crawl.finger(`peertube@${one}`), instance.id);
    const account = await crawl.actor(await crawl.finger(`root@${one}`));
    const channel = await crawl.actor(await crawl.finger(`root_channel@${one}`));
    assert.deepEqual([account.type, channel.type, channel.owner.id], ["Person", "Group", account.id]);
    assert.equal((await crawl.actor(`${url}/a/root`)).id, account.id);
    assert.equal((await crawl.actor(`${url}/c/root_channel`)).id, channel.id);
    assert.equal((await crawl.video(`${url}/w/${server.ids.clip}`)).object.id, `${url}/videos/watch/${described}`);
    assert.deepEqual([...crawl.dropped].filter((part) => !part.startsWith("Video")), []);
  });

  test(`PeerTube ${version} goes through every outbox, takes every video, and leaves out nothing that counts`, async () => {
    const crawl = crawler(version);
    const names = ["The harbour", "A minute", "A long video"].sort();
    for (const whose of [`peertube@${one}`, `root@${one}`, `root_channel@${one}`]) {
      const videos = await crawl.outbox(await crawl.actor(await crawl.finger(whose)));
      assert.deepEqual(videos.map(({ object }) => object.name).sort(), names, whose);
      assert.ok(videos.every(({ read, parts }) => read.isPublic && read.isEmbeddable && parts.shares.length === 1), whose);
      const best = videos.find(({ object }) => object.name === "The harbour").read.hls.files.map(({ height }) => height);
      assert.deepEqual(best, [480, 240], "not the best first");
    }
    // Pages are for Mastodon; and the tracker's socket is found where PeerTube makes it up.
    assert.deepEqual([...crawl.dropped].sort(), ["Create: object/url/0", "Create: object/url/2", "Video: url/0", "Video: url/2"]);
  });

  test(`PeerTube ${version} fetches all that videos name: playlists, sums, files, pictures, captions, the tracker`, async () => {
    const crawl = crawler(version);
    for (const video of await crawl.outbox(await crawl.instance(one))) {
      const { files, pictures, captions } = await crawl.media(video);
      assert.ok(files > 0 && pictures > 0, video.object.name);
      assert.equal(captions, video.object.name === "The harbour" ? 1 : 0);
    }
  });

  test(`PeerTube ${version} reads what was said of a video`, async () => {
    const { read, parts, object } = await crawler(version).video(`${url}/videos/watch/${described}`);
    assert.deepEqual([read.tags, read.comments, parts.chapters.map(({ name }) => name)], [["sea", "two words"], "after approval", ["Fog", "Oars", "Open sea"]]);
    assert.deepEqual([object.sensitive, object.support, object.language.identifier, object.category.identifier, object.licence.identifier], [true, "Coffee", "en", "6", "2"]);
    assert.deepEqual(read.trackers, [`wss://${one}/tracker/socket`, `https://${one}/tracker/announce`]);
    assert.ok(object.icon.some(({ width }) => width > 400), "no preview");
  });
}

test("Mastodon finds accounts, channels and the instance by handle, and them and videos by the URL of their page", async () => {
  const finder = new Finder(mastodon.web);
  const id = (path) => url + path;
  for (const [name, page, expected] of [["root", "/a/root", "/accounts/root"], ["root_channel", "/c/root_channel", "/video-channels/root_channel"], ["peertube", "/about", "/accounts/peertube"]]) {
    const found = await finder.search(`@${name}@${one}`);
    assert.deepEqual([found.id, found.handle, found.page], [id(expected), `${name}@${one}`, id(page)]);
    assert.equal((await finder.search(id(expected))).id, found.id);
    assert.equal((await finder.search(id(page))).id, found.id);
  }
  assert.equal((await finder.search(`@ROOT@${one.toUpperCase()}`)).id, id("/accounts/root"));
  await assert.rejects(finder.search(`nobody@${one}`), /404/);
  await assert.rejects(finder.search(`root@elsewhere.${one}`));
});

test("Mastodon shows a video by its account, with its title and its page", async () => {
  const finder = new Finder(mastodon.web);
  for (const pasted of [`/w/${server.ids.clip}`, `/videos/watch/${described}`, `/w/${described}`]) {
    const { author, title, url: page, audience, tags, isSensitive, hasAttachment } = await finder.search(url + pasted);
    assert.deepEqual([author.id, title, page, audience], [`${url}/accounts/root`, "The harbour", `${url}/w/${server.ids.clip}`, "public"], pasted);
    assert.deepEqual([tags, isSensitive, hasAttachment], [["sea", "two words"], true, false]);
  }
});

test("a page that a browser gets names its object, in its head or its header", async () => {
  const finder = new Finder(mastodon.web);
  for (const [page, id] of [[`/w/${server.ids.clip}`, `/videos/watch/${described}`], ["/a/root", "/accounts/root"], ["/c/root_channel", "/video-channels/root_channel"], ["/about", "/accounts/peertube"]]) {
    const { header, element, vary } = await finder.page(url + page);
    assert.equal(header ?? element, url + id, page);
    // Else a cache would tell servers the page, or browsers the object.
    assert.match(vary, /\baccept\b(?!-)/i);
    assert.equal((await mastodon.web.object(url + id)).id, url + id);
  }
});

test("NodeInfo tells the software, the users and the videos in both versions", async () => {
  const told = await crawler("newest").nodeInfo(one);
  assert.deepEqual(told.map(({ version, software, usage }) => [version, software.name, usage.users.total, usage.localPosts]), [["2.0", "shoal", 1, 3], ["2.1", "shoal", 1, 3]]);
});

test("what isn't everybody's is nobody's elsewhere, and unlisted is for who has the id", async () => {
  const key = server.ids.minute;
  const { uuid } = await (await fetch(`${server.url}/api/v1/videos/${key}`)).json();
  const crawl = crawler("newest");
  await put(key, { privacy: 2 });
  const { read } = await crawl.video(`${url}/videos/watch/${uuid}`);
  assert.equal(read.isPublic, false);
  assert.equal((await new Finder(mastodon.web).search(`${url}/videos/watch/${uuid}`)).audience, "unlisted");
  await put(key, { privacy: 3 });
  await assert.rejects(crawl.video(`${url}/videos/watch/${uuid}`), /404/);
  const names = (await crawl.outbox(await crawl.instance(one))).map(({ object }) => object.name);
  assert.deepEqual(names.sort(), ["A long video", "The harbour"]);
  await put(key, { privacy: 1 });
});

test("an outbox of more than ten videos is told in pages of ten", async () => {
  for (let no = 0; no < 9; no++) importFile(moment(), server.data, `Wave ${no}`, { SHOAL_IMPORT_HEIGHTS: "240" });
  const crawl = crawler("newest");
  const instance = await crawl.instance(one);
  const before = peertube.web.asked.length;
  assert.equal((await crawl.items(instance.outbox)).length, 12);
  const pages = peertube.web.asked.slice(before).map(({ url: asked }) => asked.slice(instance.outbox.length));
  assert.deepEqual(pages, ["", "?page=1", "?page=2"]);
  const activities = await crawl.items(`${url}/accounts/root/outbox`);
  assert.equal(new Set(activities.map(({ id }) => id)).size, 12);
  assert.ok(activities.every(({ to }) => to.includes(PUBLIC)));
});
