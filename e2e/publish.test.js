// A stranger publishes: an upload from the page that loses its connection, changes, a password, being found, and quotas.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { clip, minute } from "./lib/media.js";
import * as people from "./lib/people.js";
import { at, fill, send, untilMade } from "./lib/people.js";

const fixture = serverAndBrowser(async (fixture) => {
  fixture.password = await fixture.server.password("root");
}, { SHOAL_ACCOUNTS_REGISTRATION: "open", SHOAL_ACCOUNTS_VIDEO_QUOTA_BYTES: "16000000" });

const password = "correct horse";
let uploaded;

const logIn = (name, path) => people.logIn(fixture, name, password, path);
const logOut = () => people.logOut(fixture);

test("an upload that loses its connection goes on by itself and becomes a video", async () => {
  const { page: door } = await people.register(fixture, { username: "alice", displayName: "Alice Liddell", email: "alice@example.org", password });
  assert.match(await door.locator("p.done").textContent(), /Log in with it/);

  const { page, screenshot } = await logIn("alice", "/my/upload");
  uploaded = await people.uploadOverABadLine({ page, screenshot }, minute(), "A minute at sea");
  await untilMade(page);
  await screenshot("edit");
});

test("a video is described, found, watched, liked, subscribed to and gone on with", async () => {
  const { page } = await logIn("alice", `/my/videos/${uploaded}`);
  await fill(page, { name: "The harbour at dawn", description: "Boats **leave**.\n\n0:00 Fog\n0:20 Oars\n0:40 Open sea\n\n<script>alert(1)</script>", tags: "sea, boats" });
  await page.locator("[name=category]").selectOption("6");
  await page.locator("[name=language]").selectOption("en");
  await page.locator("form button.main").first().click();
  assert.equal(await page.locator("p.done").textContent(), "Saved.");
  assert.equal(await page.locator("[name=tags]").inputValue(), "boats, sea");
  const scheduled = (body) => page.evaluate(async ([short, body]) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`/api/v1/videos/${short}`, body ? { method: "PUT", headers, body: JSON.stringify(body) } : {});
    return body ? answer.status : (await answer.json()).scheduledUpdate;
  }, [uploaded, body]);
  assert.equal(await scheduled({ scheduleUpdate: { updateAt: "2999-01-01T10:30:00Z", privacy: 4 } }), 204);
  await page.reload();
  assert.equal(await page.locator("[name=scheduleAt]").inputValue(), "2999-01-01T10:30");
  await page.locator("form button.main").first().click();
  assert.equal((await scheduled()).privacy, 4);
  await page.locator("[name=scheduleAt]").fill("");
  await page.locator("form button.main").first().click();
  assert.equal(await page.locator("p.done").textContent(), "Saved.");

  await page.locator(".find input").fill("harbour");
  await page.locator(".find button").click();
  await page.locator(".card-title", { hasText: "The harbour at dawn" }).click();
  const watched = new (await import("./lib/browser.js")).Player(page, page, { errors: [], urls: [] });
  await watched.play();
  await watched.screenshot("watch-video");
  assert.equal(await page.locator(".prose strong").first().textContent(), "leave");
  assert.equal(await page.locator(".prose script").count(), 0);
  const views = page.waitForRequest((request) => request.url().endsWith("/views"), { timeout: 30_000 });
  await page.locator('.chapters a[data-at="20"]').click();
  await watched.until(() => e2e.video().currentTime > 20);
  await views;
  await page.locator('button[value="like"]').click();
  assert.match(await page.locator('button[aria-pressed="true"]').textContent(), /1 like/);
  await page.locator('button[name="subscribed"]').click();
  assert.equal(await page.locator('button[name="subscribed"]').textContent(), "Unsubscribe");
  await page.goto(`${fixture.server.url}/my/subscriptions`);
  assert.equal(await page.locator(".card-title").textContent(), "The harbour at dawn");
  await page.goto(`${fixture.server.url}/my/history`);
  assert.ok((await page.locator("progress.seen").getAttribute("value")) > 20);
  await page.goto(`${fixture.server.url}/c/alice_channel`);
  await watched.screenshot("channel");
  assert.equal(await page.locator(".card").count(), 1);
  await page.goto(`${fixture.server.url}/?tag=Sea&sort=-likes`);
  assert.equal(await page.locator(".card-title").textContent(), "The harbour at dawn");
  assert.equal(await page.locator(".ordered").textContent(), "What most people like comes first.");
  await watched.screenshot("browse");
});

test("a password keeps a video to those who know it", async () => {
  const { page } = await logIn("alice", `/my/videos/${uploaded}`);
  await page.locator("[name=privacy]").selectOption("5");
  await fill(page, { videoPasswords: "open sesame" });
  await page.locator("form button.main").first().click();
  assert.equal(await page.locator("p.done").textContent(), "Saved.");
  const listed = await fetch(`${fixture.server.url}/api/v1/videos`).then((answer) => answer.json());
  assert.ok(!listed.data.some(({ shortUUID }) => shortUUID === uploaded));
  await logOut();

  for (const path of [`/w/${uploaded}`, `/videos/embed/${uploaded}`]) {
    await logOut();
    const { page: door, player, screenshot } = await at(fixture, path);
    assert.equal(await door.locator("h1").textContent(), "A password opens this video");
    await fill(door, { password: "guess" });
    await send(door);
    assert.match(await door.locator("[role=alert]").textContent(), /isn’t the password/);
    await screenshot("locked");
    await fill(door, { password: "open sesame" });
    await send(door);
    await player.play();
    assert.equal(await door.locator("shoal-player").getAttribute("p2p"), "off");
    assert.match(await door.locator("shoal-player").getAttribute("src"), /\/~/);
    assert.equal((await player.stats()).p2pBytes, 0);
  }
});

test("more than the quota isn't taken, and says so", async () => {
  const { page, screenshot } = await logIn("alice", "/my/upload");
  await page.locator("[name=file]").setInputFiles(minute());
  await send(page);
  await page.locator("#problem:not([hidden])").waitFor();
  assert.match(await page.locator("#problem").textContent(), /quota is exceeded/);
  await screenshot("upload-refused");
  await page.goto(`${fixture.server.url}/my/videos`);
  assert.match(await page.locator("main").textContent(), /MB of 16\.0 MB uploaded/);
  await screenshot("my-videos");
});

test("those who keep order see users and jobs, and keep somebody out", async () => {
  const { page, screenshot } = await people.logIn(fixture, "root", fixture.password, "/admin/users");
  const row = page.locator("tr", { hasText: "alice@example.org" });
  await row.locator("[name=reason]").fill("Too many boats");
  await row.locator('button[value="block"]').click();
  assert.match(await page.locator("tr", { hasText: "alice@example.org" }).textContent(), /Kept out: Too many boats/);
  await screenshot("users");
  await page.locator("tr", { hasText: "alice@example.org" }).locator('button[value="unblock"]').click();
  await page.goto(`${fixture.server.url}/admin/jobs`);
  assert.match(await page.locator("tr", { hasText: "The harbour at dawn" }).textContent(), /All sizes are made/);
  await screenshot("jobs");
  await logOut();
});

test("a second channel is made, and a video is taken away for good", async () => {
  const { page, screenshot } = await logIn("alice", "/my/channels");
  await fill(page, { name: "alice_channel", displayName: "The river" });
  await send(page);
  assert.match(await page.locator("[role=alert]").textContent(), /things have changed|taken/i);
  await fill(page, { name: "river", displayName: "The river" });
  await send(page);
  await page.locator('a[href="/c/river"]').waitFor();
  await screenshot("channels");
  const master = await fetch(`${fixture.server.url}/w/${uploaded}`).then((answer) => answer.status);
  assert.equal(master, 403);
  await page.goto(`${fixture.server.url}/my/videos/${uploaded}`);
  await page.locator("button.bad").click();
  await page.waitForURL(/\/my\/videos$/);
  assert.equal(await fetch(`${fixture.server.url}/w/${uploaded}`).then((answer) => answer.status), 404);
  await logOut();
});

test("what is no video is refused with a reason that its owner sees", async () => {
  const { page } = await logIn("alice", "/my/upload");
  await page.locator("[name=file]").setInputFiles({ name: "list.mp4", mimeType: "video/mp4", buffer: Buffer.from("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n") });
  await send(page);
  await page.waitForURL(/\/my\/videos\//, { timeout: 30_000 });
  await page.locator('[data-stage="failed"]').waitFor({ timeout: 60_000 });
  const why = await page.locator("[data-reason]").textContent();
  assert.ok(why.length > 10 && !why.includes("root:"), why);
});

test("somebody leaves for good, and takes along what is theirs", async () => {
  await people.register(fixture, { username: "carol", email: "carol@example.org", password });
  const { page } = await logIn("carol", "/my/settings");
  await page.locator("#farewell-password").fill("not this one");
  await page.locator("button.bad").click();
  assert.match(await page.locator("[role=alert]").textContent(), /now is wrong/);
  await page.locator("#farewell-password").fill(password);
  await page.locator("button.bad").click();
  await page.locator('a[href^="/login"]').waitFor();
  for (const path of ["/a/carol", "/c/carol_channel"]) assert.equal((await fetch(fixture.server.url + path)).status, 404, path);
});

test("captions and a storyboard are in the player of an uploaded video", async () => {
  const { page, player } = await logIn("alice", "/my/upload");
  await page.locator("[name=file]").setInputFiles(clip());
  await send(page);
  await page.waitForURL(/\/my\/videos\//, { timeout: 30_000 });
  await untilMade(page);
  const short = page.url().split("/").at(-1);
  const status = await page.evaluate(async (short) => {
    const form = new FormData();
    form.append("captionfile", new Blob(["1\n00:00:00,000 --> 00:00:19,000\nThe <b>sea</b>\n"]), "a.srt");
    const answer = await fetch(`/api/v1/videos/${short}/captions/en`, { method: "PUT", body: form });
    return answer.status;
  }, short);
  assert.equal(status, 204);
  await page.goto(`${fixture.server.url}/w/${short}`);
  await player.play();
  assert.match(await page.locator("shoal-player").getAttribute("storyboard"), /spriteWidth/);
  await page.locator("shoal-player").hover();
  await page.locator("[data-action=captions]").click();
  await page.locator("[data-caption=en]").click();
  await player.until(() => [...e2e.video().textTracks].some((track) => track.mode === "showing" && track.cues?.length === 1));
  await player.screenshot("captions");
  await logOut();
});
