// Two Shoals: what one finds, reads and hears of the other, whatever isn't in its lists.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./lib/browser.js";
import { fill, send } from "./lib/people.js";
import { startShoals } from "./lib/shoals.js";

let network, one, two, browser, minute;

before(async () => {
  network = await startShoals(2);
  [one, two] = network.shoals;
  // The tests' authority is known to the servers; what a browser thinks of certificates is not the subject.
  browser = await startBrowser(["--ignore-certificate-errors"]);
  const { ids } = one.server;
  await one.ask("PUT", `videos/${ids.clip}`, { privacy: 2 }, { expected: 204 });
  await one.ask("PUT", `videos/${ids.long}`, { privacy: 3 }, { expected: 204 });
  ({ uuid: minute } = await one.ask("GET", `videos/${ids.minute}`));
  await one.ask("POST", `videos/${minute}/comment-threads`, { text: "Said before" });
});

after(async () => {
  await browser?.close();
  await network?.close();
});

/** What a search for the URL of a page of the first finds on the second. */
const found = async (kind, path) => (await two.ask("GET", `search/${kind}?search=${encodeURIComponent(one.url + path)}`)).data;

/** What comments say that are shown. */
const texts = ({ data }) => data.filter(({ isDeleted }) => !isDeleted).map(({ text }) => text.replace(/<[^>]*>/g, "").trim());

test("the URL of a page that is pasted into a search leads to what it shows, also of an unlisted video", async () => {
  const { clip } = one.server.ids;
  const { page } = await browser.open(`${two.url}/login?next=/`);
  await fill(page, { username: "root", password: two.password });
  await send(page);
  await page.locator('form[action="/logout"]').waitFor();
  await page.goto(`${two.url}/search?q=${encodeURIComponent(`${one.url}/w/${clip}`)}`);
  assert.equal(page.url(), `${two.url}/w/${clip}`);
  assert.match(await page.locator("h1").first().innerText(), /A clip/);
  await page.goto(`${two.url}/search?q=${encodeURIComponent(`${one.url}/c/root_channel`)}`);
  assert.equal(page.url(), `${two.url}/c/root_channel@${one.name}`);
  await page.goto(`${two.url}/search?q=${encodeURIComponent(`${one.url}/a/root`)}`);
  assert.equal(page.url(), `${two.url}/a/root@${one.name}`);
});

test("unlisted is for who has the URL and in no list, private is nobody's", async () => {
  const { clip, long } = one.server.ids;
  assert.deepEqual((await found("videos", `/w/${clip}`)).map(({ name, privacy }) => [name, privacy.id]), [["A clip", 2]]);
  const { uuid } = await one.ask("GET", `videos/${long}`);
  for (const path of [`/w/${long}`, `/videos/watch/${uuid}`]) assert.deepEqual(await found("videos", path), [], path);
  await two.ask("POST", "server/following", { hosts: [one.name] }, { expected: 204 });
  const { data } = await two.until("videos?isLocal=false", ({ total }) => total > 0);
  assert.deepEqual(data.map(({ name }) => name), ["A minute"]);
  await two.until("server/following", ({ data }) => data.some(({ state }) => state === "accepted"));
  await two.ask("GET", `videos/${uuid}`, undefined, { expected: 404 });
});

test("what was said below a video before anybody followed is read there, too", async () => {
  await two.until(`videos/${minute}/comment-threads`, (told) => texts(told).includes("Said before"));
});

test("whoever watches it there is counted at home", async () => {
  const { views } = await one.ask("GET", `videos/${minute}`);
  await two.ask("POST", `videos/${minute}/views`, { currentTime: 1 }, { expected: 204 });
  await one.until(`videos/${minute}`, (told) => told.views === views + 1);
});

test("people and channels that change are read anew", async () => {
  await one.ask("PUT", "users/me", { displayName: "The harbour master" }, { expected: 204 });
  await one.ask("PUT", "video-channels/root_channel", { displayName: "Boats and more" }, { expected: 204 });
  await two.until(`accounts/root@${one.name}`, ({ displayName }) => displayName === "The harbour master");
  await two.until(`video-channels/root_channel@${one.name}`, ({ displayName }) => displayName === "Boats and more");
});

test("whoever goes takes along what they said", async () => {
  const password = "correct horse battery staple";
  const { user } = await one.ask("POST", "users", { username: "carol", password, email: "carol@example.com", role: 2 });
  const token = await one.logIn("carol", password);
  await one.ask("POST", `videos/${minute}/comment-threads`, { text: "Farewell" }, { token });
  await two.until(`videos/${minute}/comment-threads`, (told) => texts(told).includes("Farewell"));
  await two.ask("GET", `accounts/carol@${one.name}`);
  await one.ask("DELETE", `users/${user.id}`, undefined, { expected: 204 });
  await two.untilGone(`accounts/carol@${one.name}`);
  assert.deepEqual(texts(await two.ask("GET", `videos/${minute}/comment-threads`)), ["Said before"]);
});

test("whoever blocks a server takes leave of it", async () => {
  await one.until("server/followers", ({ total }) => total === 1);
  await two.ask("POST", "server/blocklist/servers", { host: one.name }, { expected: 204 });
  await one.until("server/followers", ({ total }) => total === 0);
});
