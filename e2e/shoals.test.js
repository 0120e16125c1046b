// Three Shoals meet: they follow, show and play each other's videos in one swarm, and talk below them.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startBrowser } from "./lib/browser.js";
import { fill, send } from "./lib/people.js";
import { startShoals } from "./lib/shoals.js";

let network, one, two, three, browser, minute;

before(async () => {
  network = await startShoals(3);
  [one, two, three] = network.shoals;
  // The tests' authority is known to the servers; what a browser thinks of certificates is not the subject.
  browser = await startBrowser(["--ignore-certificate-errors"]);
  minute = (await one.ask("GET", `videos/${one.server.ids.minute}`)).uuid;
});

afterEach(async () => {
  const pages = browser?.context.pages() ?? [];
  await Promise.all(pages.map((page, index) => (index ? page.close() : page.goto("about:blank"))));
});

after(async () => {
  await browser?.close();
  await network?.close();
});

/** Names of a list, in order. */
const names = ({ data }) => data.map(({ name }) => name).sort();

/** Puts `text` below a video as somebody, and returns the comment. */
const say = (shoal, video, text, token) => shoal.ask("POST", `videos/${video}/comment-threads`, { text }, { token }).then(({ comment }) => comment);

/** The comments below a video, once they are these. */
const hears = (shoal, video, ...texts) =>
  shoal.until(`videos/${video}/comment-threads`, ({ data }) => JSON.stringify(data.filter(({ isDeleted }) => !isDeleted).map(({ text }) => plain(text)).sort()) === JSON.stringify(texts.sort()));

/** A page of a Shoal, as its administrator sees it. */
async function loggedIn(shoal, path) {
  const { page } = await browser.open(`${shoal.url}/login?next=${encodeURIComponent(path)}`);
  await fill(page, { username: "root", password: shoal.password });
  await send(page);
  await page.locator('form[action="/logout"]').waitFor();
  return page;
}

const plain = (text) => text.replace(/<[^>]*>/g, "").trim();

test("whoever follows a Shoal has its whole catalogue, and says how much of it", async () => {
  for (const shoal of [two, three]) await shoal.ask("POST", "server/following", { hosts: [one.name] }, { expected: 204 });
  for (const shoal of [two, three]) {
    const list = await shoal.until("videos?isLocal=false", ({ total }) => total === 3);
    assert.deepEqual(names(list), ["A clip", "A long video", "A minute"]);
    const video = list.data.find(({ name }) => name === "A minute");
    assert.deepEqual([video.uuid, video.isLocal, video.channel.host, video.url], [minute, false, one.name, `${one.url}/videos/watch/${minute}`]);
  }
  const followers = await one.until("server/followers", ({ total }) => total === 2);
  assert.deepEqual(followers.data.map(({ follower }) => follower.host).sort(), [three.name, two.name].sort());
});

test("viewers of both feed each other, and nobody else is asked than the two", async () => {
  const first = await browser.open(`${one.url}/w/${one.server.ids.minute}`);
  await first.play();
  await first.until(() => e2e.player().stats().bufferSeconds > 5);
  const second = await browser.open(`${two.url}/w/${one.server.ids.minute}`);
  await second.play();
  await second.until(() => e2e.player().stats().p2pBytes > 300_000, undefined, 60_000);
  const hosts = new Set(second.log.urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).host));
  assert.deepEqual([...hosts].sort(), [one.name, two.name].sort());
  assert.deepEqual(second.log.errors, []);
  await second.screenshot("elsewhere-watch");
  assert.ok((await first.stats()).uploadedBytes > 0);
});

test("what is said below a video is read on all three, answered, and deleted", async () => {
  // It passes on what is said to those that it knows to be Shoals.
  await one.untilShown("/instances", three.name);
  const said = await say(two, minute, "From the **second**");
  await hears(one, minute, "From the second");
  await hears(three, minute, "From the second");
  const [there] = (await one.ask("GET", `videos/${minute}/comment-threads`)).data;
  assert.deepEqual([there.account.name, there.account.host], ["root", two.name]);
  const answer = await one.ask("POST", `videos/${minute}/comments/${there.id}`, { text: "Welcome" });
  const thread = await two.until(`videos/${minute}/comment-threads/${said.id}`, ({ children }) => children.length === 1);
  assert.equal(plain(thread.children[0].comment.text), "Welcome");
  await one.ask("DELETE", `videos/${minute}/comments/${answer.comment.id}`, undefined, { expected: 204 });
  await two.until(`videos/${minute}/comment-threads/${said.id}`, ({ children }) => children.every(({ comment }) => comment.isDeleted));
  const page = await browser.open(`${one.url}/w/${one.server.ids.minute}`);
  await page.page.locator("#comments").scrollIntoViewIfNeeded();
  assert.match(await page.page.locator("#comments").innerText(), /root@two\.shoal\.test[\s\S]*From the second/);
  await page.screenshot("elsewhere-comment");
  await two.ask("DELETE", `videos/${minute}/comments/${said.id}`, undefined, { expected: 204 });
  await hears(one, minute);
  await hears(three, minute);
});

test("likes are counted at home, and taken back", async () => {
  const likes = async () => (await one.ask("GET", `videos/${minute}`)).likes;
  await two.ask("PUT", `videos/${minute}/rate`, { rating: "like" });
  await three.ask("PUT", `videos/${minute}/rate`, { rating: "like" });
  await one.until(`videos/${minute}`, ({ likes }) => likes === 2);
  await two.ask("PUT", `videos/${minute}/rate`, { rating: "none" });
  await one.until(`videos/${minute}`, ({ likes }) => likes === 1);
  await three.ask("PUT", `videos/${minute}/rate`, { rating: "dislike" });
  await one.until(`videos/${minute}`, ({ likes, dislikes }) => likes === 0 && dislikes === 1);
  assert.equal(await likes(), 0);
});

test("changes arrive, also at who was away, and what is deleted goes", async () => {
  const clip = (await one.ask("GET", `videos/${one.server.ids.clip}`)).uuid;
  await one.ask("PUT", `videos/${clip}`, { name: "Another name" });
  await two.until(`videos/${clip}`, ({ name }) => name === "Another name");
  await two.server.stop();
  await one.ask("PUT", `videos/${clip}`, { name: "While it slept" });
  await three.until(`videos/${clip}`, ({ name }) => name === "While it slept");
  await two.server.start();
  // Its turn would come within a minute or two; an administrator needn't wait.
  const page = await loggedIn(one, "/admin/federation");
  await page.locator(`form:has([value="${two.name}"]) button[value=retry]`).click();
  await two.until(`videos/${clip}`, ({ name }) => name === "While it slept", 90_000);
  await one.ask("DELETE", `videos/${clip}`, undefined, { expected: 204 });
  await two.untilGone(`videos/${clip}`);
  await three.untilGone(`videos/${clip}`);
});

test("a subscription by the page follows the channel, and a search finds it by its handle", async () => {
  const page = await loggedIn(two, `/search?search=${encodeURIComponent(`@root_channel@${one.name}`)}`);
  await page.locator(`a[href="/c/root_channel@${one.name}"]`).first().click();
  await page.locator(`form[action="/my/subscriptions/root_channel@${one.name}"] button`).first().click();
  await two.until("users/me/subscriptions", ({ data }) => data.some(({ name, host }) => name === "root_channel" && host === one.name));
});

test("who is blocked is not shown, not heard, and not told; and comes back", async () => {
  await three.ask("POST", "server/blocklist/servers", { host: one.name }, { expected: 204 });
  assert.deepEqual(names(await three.ask("GET", "videos?isLocal=false")), []);
  await three.untilGone(`videos/${minute}`);
  await one.ask("PUT", `videos/${minute}`, { name: "Not heard" });
  await two.until(`videos/${minute}`, ({ name }) => name === "Not heard");
  await three.ask("DELETE", `server/blocklist/servers/${one.name}`, undefined, { expected: 204 });
  await three.ask("POST", "server/following", { hosts: [one.name] }, { expected: 204 });
  await three.until("videos?isLocal=false", ({ total }) => total === 2);
});

test("whoever unfollows sees nothing of it any more", async () => {
  await three.ask("DELETE", `server/following/${one.name}`, undefined, { expected: 204 });
  await three.until("videos?isLocal=false", ({ total }) => total === 0);
  await one.until("server/followers", ({ data }) => data.every(({ follower }) => follower.host !== three.name));
});
