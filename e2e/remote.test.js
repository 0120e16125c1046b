// Videos of a PeerTube: all of them are there after a follow, shown as ours are, and played from where they are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { startBrowser } from "./lib/browser.js";
import { filesBelow } from "./lib/media.js";
import { startShoals } from "./lib/shoals.js";
import { startStranger } from "./stranger/peer.js";

const there = "https://two.shoal.test";
const VIDEOS = 34;
let network, one, peertube, browser, video, gone;

before(async () => {
  network = await startShoals(1);
  [one] = network.shoals;
  const { authority } = network;
  peertube = await startStranger({ mode: "peertube", host: "two.shoal.test", address: "10.99.0.2", ...authority.certify("two.shoal.test"), addresses: { [one.name]: "10.99.0.1" }, ca: authority.ca });
  for (let no = 1; no < VIDEOS; no++) gone = peertube.shelf.publish(`Wave ${no}`);
  video = await publishFilm();
  browser = await startBrowser(["--ignore-certificate-errors"]);
});

afterEach(async () => {
  const pages = browser?.context.pages() ?? [];
  await Promise.all(pages.map((page, index) => (index ? page.close() : page.goto("about:blank"))));
});

after(async () => {
  await browser?.close();
  peertube?.close();
  await network?.close();
});

/** One whose media is there: that of a video of ours, under the stranger's paths. */
async function publishFilm() {
  const { uuid } = await one.ask("GET", `videos/${one.server.ids.minute}`);
  const folder = join(one.server.data, "hls", uuid);
  const film = peertube.shelf.publish("A film from there", { tag: [{ type: "Hashtag", name: "faraway" }], content: "It is **far** away", duration: "PT60S" });
  const link = film.url.find(({ mediaType }) => mediaType === "application/x-mpegURL");
  const base = link.href.replace(/[^/]*$/, "");
  for (const name of filesBelow(folder)) {
    const type = name.endsWith(".m3u8") ? "application/vnd.apple.mpegurl" : "video/mp4";
    peertube.shelf.serve(base + name, type, readFileSync(join(folder, name)));
    if (name.endsWith("master.m3u8")) link.href = base + name;
    if (name.endsWith("poster.jpg")) for (const { url } of film.icon) peertube.shelf.serve(url, "image/jpeg", readFileSync(join(folder, name)));
  }
  return film;
}

/** The page of a video here, as a browser gets it. */
async function page(path) {
  const answer = await fetch(one.server.url + path);
  return { status: answer.status, policy: answer.headers.get("content-security-policy"), html: await answer.text() };
}

const shown = async (name) => (await one.ask("GET", `videos?isLocal=false&count=100`)).data.find((card) => card.name === name);

test("all that an instance published is listed after a follow, beside ours and apart from them", async () => {
  await one.ask("POST", "server/following", { hosts: ["two.shoal.test"] }, { expected: 204 });
  const { data } = await one.until("videos?isLocal=false&count=100", ({ total }) => total === VIDEOS);
  const card = data.find(({ name }) => name === "A film from there");
  const { uuid, isLocal, url, channel, account } = card;
  assert.deepEqual([uuid, isLocal, url], [video.uuid, false, video.id]);
  assert.deepEqual([channel.name, channel.host, account.name, account.host], ["ada_channel", "two.shoal.test", "ada", "two.shoal.test"]);
  assert.equal((await one.ask("GET", "videos")).total, VIDEOS + 3);
  assert.equal((await one.ask("GET", "videos?isLocal=true")).total, 3);
  assert.equal((await one.ask("GET", "search/videos?search=faraway")).total, 1);
  const told = await one.ask("GET", `videos/${uuid}`);
  assert.deepEqual([told.description, told.tags, told.streamingPlaylists[0].playlistUrl], ["It is **far** away", ["faraway"], video.url[1].href]);
  // What is told as ours is ours alone.
  const feed = await (await fetch(`${one.server.url}/feeds/videos.xml`)).text();
  assert.ok(!feed.includes("A film from there") && feed.includes("A minute"));
  const front = await page("/");
  assert.match(front.html, /two\.shoal\.test/);
  assert.ok(!(await page("/?from=here")).html.includes("A film from there"));
});

test("its page plays it from there, may load from there, and no other page may", async () => {
  const card = await shown("A film from there");
  for (const path of [`/w/${card.shortUUID}`, `/videos/embed/${card.uuid}`]) {
    const { status, policy, html } = await page(path);
    assert.equal(status, 200);
    assert.ok(html.includes(`<shoal-player src="${video.url[1].href}"`), path);
    // PeerTube's viewers are in swarms that it derives itself; ours meet here.
    assert.ok(html.includes(`tracker="wss://one.shoal.test/tracker/socket"`), path);
    assert.match(policy, /connect-src 'self' https:\/\/two\.shoal\.test;/);
    assert.match(policy, /media-src 'self' blob: https:\/\/two\.shoal\.test;/);
  }
  const { html } = await page(`/w/${card.shortUUID}`);
  assert.ok(html.includes(`<link rel="canonical" href="${video.id}">`));
  assert.match(html, new RegExp(`<a href="${video.id}"[^>]*>`));
  for (const path of ["/", `/w/${one.server.ids.clip}`, "/c/ada_channel@two.shoal.test"]) assert.ok(!(await page(path)).policy.includes("two.shoal.test"), path);
});

test("people who watch it here feed each other, and its server's tracker hears nothing of them", async () => {
  const { shortUUID } = await shown("A film from there");
  const first = await browser.open(`${one.url}/w/${shortUUID}`);
  await first.play();
  await first.until(() => e2e.player().stats().bufferSeconds > 5);
  const second = await browser.open(`${one.url}/w/${shortUUID}`);
  await second.play();
  await second.until(() => e2e.player().stats().p2pBytes > 300_000, undefined, 60_000);
  const sockets = [...first.log.urls, ...second.log.urls].filter((url) => url.startsWith("ws"));
  assert.ok(sockets.every((url) => new URL(url).host === one.name));
  const hosts = new Set(second.log.urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).host));
  assert.deepEqual([...hosts].sort(), [one.name, "two.shoal.test"]);
  assert.deepEqual(second.log.errors, []);
  await second.screenshot("peertube-watch");
});

test("its picture is made anew here, and kept", async () => {
  const { thumbnailPath } = await shown("A film from there");
  const picture = await fetch(one.server.url + thumbnailPath);
  assert.deepEqual([picture.status, picture.headers.get("content-type")], [200, "image/jpeg"]);
  const before = Buffer.from(await picture.arrayBuffer());
  for (const { url } of video.icon) peertube.shelf.serve(url, "text/html", Buffer.from("<script>alert(1)</script>"));
  assert.ok(before.equals(Buffer.from(await (await fetch(one.server.url + thumbnailPath)).arrayBuffer())));
  // One that isn't there, and one that was never told of.
  const missing = await shown("Wave 1");
  assert.equal((await fetch(one.server.url + missing.thumbnailPath)).status, 404);
  assert.equal((await fetch(one.server.url + thumbnailPath.replace(/\w{12}\.jpg/, "aaaaaaaaaaaa.jpg"))).status, 404);
});

test("channel and account have pages; visitors with an account there are led back to follow ours", async () => {
  const channel = await page("/c/ada_channel@two.shoal.test");
  assert.ok(channel.status === 200 && channel.html.includes("A film from there"));
  assert.equal((await page("/a/ada@two.shoal.test")).status, 200);
  const follow = async (from) => {
    const { page } = await browser.open(`${one.url}/c/root_channel`);
    await page.locator("summary").filter({ hasText: "Follow" }).click();
    await page.locator("#from").fill(from);
    await page.locator('form[action="/follow-from"] button').click();
    return page.locator("main section");
  };
  const led = (await follow("@ada@two.shoal.test")).locator("a").first();
  assert.equal(await led.getAttribute("href"), `${there}/remote-interaction?uri=root_channel%40one.shoal.test`);
  assert.match(await (await follow("nobody@two.shoal.test")).innerText(), /doesn’t say/);
});

test("who is logged in finds by URL what nobody here knew", async () => {
  const unlisted = peertube.shelf.publish("Only by its URL", { to: [], cc: ["https://www.w3.org/ns/activitystreams#Public"] });
  const search = `search/videos?search=${encodeURIComponent(unlisted.id)}`;
  assert.equal((await one.ask("GET", search, undefined, { token: "" })).total, 0);
  const found = await one.ask("GET", search);
  assert.deepEqual(found.data.map(({ name }) => name), ["Only by its URL"]);
  assert.equal(await shown("Only by its URL"), undefined);
});

test("what changes there changes here, and what is deleted there is gone here for good", async () => {
  const inbox = `${one.url}/inbox`;
  video.name = "Another name";
  const update = { type: "Update", id: `${video.id}/updates/1`, actor: peertube.id("ada"), to: video.to, cc: video.cc, object: { ...video, name: "A lie" } };
  assert.equal((await peertube.send(update, inbox)).status, 202);
  await one.until(`videos/${video.uuid}`, ({ name }) => name === "Another name");
  // Announced by the channel and the instance, created by the account.
  for (const by of ["ada_channel", "peertube", "ada"]) {
    const fresh = peertube.shelf.publish(`Fresh by ${by}`);
    await peertube.announce(fresh, inbox, { by });
    await one.until(`videos/${fresh.uuid}`, ({ name }) => name === fresh.name);
  }
  peertube.shelf.withdraw(gone);
  assert.equal((await peertube.remove(gone.id, inbox)).status, 202);
  await one.untilGone(`videos/${gone.uuid}`);
  await peertube.announce(gone, inbox);
  assert.equal((await one.ask("GET", "videos?isLocal=false")).total, VIDEOS + 2);
});
