// The whole story: a stranger starts an instance, somebody is let in, publishes and keeps something to themselves, and all of it goes
// on elsewhere after the machine is lost.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startBrowser } from "./lib/browser.js";
import { minute } from "./lib/media.js";
import { at, fill, knock, logIn, logOut, register, send, untilMade, uploadOverABadLine } from "./lib/people.js";
import { command, startFresh } from "./lib/server.js";

const SETTINGS = `[accounts]
registration = "approval"
video_quota_bytes = 16000000
`;

const place = mkdtempSync(join(tmpdir(), "shoal-story-"));
const [settings, kept] = [join(place, "shoal.toml"), join(place, "kept")];
const fixture = {};
let root, video;

before(async () => {
  fixture.browser = await startBrowser();
});
after(async () => {
  await fixture.browser?.close();
  await fixture.server?.close();
  rmSync(place, { recursive: true, force: true });
});

test("a stranger starts an instance, and logs in with the password that it prints", async () => {
  fixture.server = await startFresh();
  root = await fixture.server.firstPassword();
  const { page, screenshot } = await logIn(fixture, "root", root, "/admin/users");
  assert.match(await page.locator("tbody").textContent(), /root/);
  await screenshot("story-1-started");
  await logOut(fixture);
});

test("they let nobody in unseen, and give everybody so much room", async () => {
  writeFileSync(settings, SETTINGS);
  await fixture.server.stop();
  fixture.server.settings = settings;
  await fixture.server.start();
  const { page, screenshot } = await register(fixture, { username: "alice", displayName: "Alice Liddell", email: "alice@example.org", password: "correct horse", registrationReason: "I film the sea." });
  assert.match(await page.locator("[role=status]").textContent(), /with the moderators/);
  const { page: early } = await knock(fixture, "alice", "correct horse");
  assert.match(await early.locator("[role=alert]").textContent(), /has yet to decide/);

  const { page: order } = await logIn(fixture, "root", root, "/admin/registrations");
  assert.match(await order.locator("main").textContent(), /I film the sea/);
  await order.locator("button[value=accept]").click();
  assert.match(await order.locator("main").textContent(), /Nobody waits/);
  await screenshot("story-2-asked");
  await logOut(fixture);
});

test("the second account uploads, loses the connection in the middle, and goes on", async () => {
  const { page, screenshot } = await logIn(fixture, "alice", "correct horse", "/my/upload");
  video = await uploadOverABadLine({ page, screenshot: (name) => screenshot(`story-3-${name}`) }, minute(), "A minute at sea");
  await untilMade(page);
  await page.goto(`${fixture.server.url}/my/videos`);
  assert.match(await page.locator("main").textContent(), /MB of 16\.0 MB uploaded/);
  await screenshot("story-3-my-videos");
});

test("they say what it is, and keep it to those who know a password", async () => {
  const { page, screenshot } = await at(fixture, `/my/videos/${video}`);
  await fill(page, { name: "The harbour at dawn", description: "Boats **leave**.", videoPasswords: "open sesame" });
  await page.locator("[name=privacy]").selectOption("5");
  await send(page);
  assert.equal(await page.locator("p.done").textContent(), "Saved.");
  await screenshot("story-4-edited");
  await logOut(fixture);
  await isKeptAndOpens("story-4");
});

test("a backup is made beside the running server, and all goes on elsewhere", async () => {
  const said = await command("backup", kept, "--data", fixture.server.data);
  assert.match(said, /^kept 1 videos and 0 uploads/);
  assert.equal((await fetch(`${fixture.server.url}/health`)).status, 200);
  await fixture.server.close();

  fixture.server = await startElsewhere();
  await logOut(fixture);
  await isKeptAndOpens("story-5");
  const { page, screenshot } = await logIn(fixture, "alice", "correct horse", `/my/videos/${video}`);
  assert.equal(await page.locator("[name=name]").inputValue(), "The harbour at dawn");
  assert.equal(await page.locator("[name=privacy]").inputValue(), "5");
  await screenshot("story-5-own-page-elsewhere");
  await page.goto(`${fixture.server.url}/my/videos`);
  assert.match(await page.locator("main").textContent(), /MB of 16\.0 MB uploaded/);
  await logOut(fixture);
  const { page: order } = await logIn(fixture, "root", root, "/admin/users");
  assert.match(await order.locator("tbody").textContent(), /alice@example\.org/);
});

/** Makes an instance of the backup in another folder, and serves it at another address. */
async function startElsewhere() {
  const there = join(place, "there");
  assert.match(await command("restore", kept, "--data", there), /^restored 1 videos and 0 uploads/);
  rmSync(kept, { recursive: true });
  return startFresh({ port: 9001, folder: { data: there, ids: {}, remove() {} }, settings });
}

/** A stranger finds the video on no list, is asked for the password, and sees it with the right one. */
async function isKeptAndOpens(name) {
  const { server } = fixture;
  const { data } = await (await fetch(`${server.url}/api/v1/videos`)).json();
  assert.equal(data.length, 0);
  const { page, player, screenshot } = await at(fixture, `/w/${video}`);
  assert.equal(await page.locator("h1").textContent(), "A password opens this video");
  await fill(page, { password: "guess" });
  await send(page);
  assert.match(await page.locator("[role=alert]").textContent(), /isn’t the password/);
  await screenshot(`${name}-locked`);
  await fill(page, { password: "open sesame" });
  await send(page);
  await player.play();
  assert.equal(await page.locator("h1").textContent(), "The harbour at dawn");
  await screenshot(`${name}-opened`);
  await logOut(fixture);
}
