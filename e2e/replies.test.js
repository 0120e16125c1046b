// People of other servers talk below videos here, and people here below theirs: with a Mastodon and a PeerTube that take nothing that
// these would not.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startBrowser } from "./lib/browser.js";
import { command } from "./lib/server.js";
import { startShoals } from "./lib/shoals.js";
import { startStranger } from "./stranger/peer.js";
import { idOf } from "./stranger/peertube.js";

let network, one, mastodon, peertube, browser, root, video, key, alice;

before(async () => {
  network = await startShoals(1);
  [one] = network.shoals;
  const { authority } = network;
  const settings = { addresses: { [one.name]: "10.99.0.1" }, ca: authority.ca };
  mastodon = await startStranger({ mode: "mastodon", host: "two.shoal.test", address: "10.99.0.2", ...authority.certify("two.shoal.test"), ...settings });
  peertube = await startStranger({ mode: "peertube", host: "three.shoal.test", address: "10.99.0.3", ...authority.certify("three.shoal.test"), ...settings });
  key = one.server.ids.clip;
  video = `${one.url}/videos/watch/${(await one.ask("GET", `videos/${key}`)).uuid}`;
  root = await mastodon.web.object(`${one.url}/accounts/root`);
  const said = await command("user", "create", "alice", "--data", one.server.data);
  alice = await one.logIn("alice", /password: (\S+)/.exec(said)[1]);
  browser = await startBrowser(["--ignore-certificate-errors"]);
});

afterEach(async () => {
  const pages = browser?.context.pages() ?? [];
  await Promise.all(pages.map((page, index) => (index ? page.close() : page.goto("about:blank"))));
});

after(async () => {
  await browser?.close();
  for (const stranger of [mastodon, peertube]) stranger?.close();
  await network?.close();
});

const threads = (of = key) => one.ask("GET", `videos/${of}/comment-threads`);
const until = (is, of = key) => one.until(`videos/${of}/comment-threads`, is);
const texts = ({ data }) => data.filter(({ isDeleted }) => !isDeleted).map(({ text }) => text);
const say = (of, text, token = alice) => one.ask("POST", `videos/${of}/comment-threads`, { text }, { token }).then(({ comment }) => comment);
const heard = (stranger, type, fits = () => true) => stranger.heard(({ activity }) => activity?.type === type && fits(activity));

let theirs;

test("an answer from Mastodon stands below the video with its author's handle, and the owner is told", async () => {
  const done = await mastodon.comment(video, root, "<p>Good <strong>light</strong></p>");
  theirs = done.sent.object.id;
  assert.equal(done.status, 202);
  const { data } = await until(({ total }) => total === 1);
  assert.deepEqual([data[0].url, data[0].account.name, data[0].account.host], [theirs, "ada", "two.shoal.test"]);
  const told = await one.ask("GET", "users/me/notifications");
  assert.deepEqual([told.data[0].type, told.data[0].comment.account.host], [2, "two.shoal.test"]);
  const player = await browser.open(`${one.server.url}/w/${key}`);
  assert.match(await player.page.locator(".said").innerText(), /@ada@two\.shoal\.test[\s\S]*Good light/);
  await player.screenshot("from-mastodon");
});

test("what is answered here comes to Mastodon, which believes it and finds it by its URL", async () => {
  const { data } = await threads();
  const { comment } = await one.ask("POST", `videos/${key}/comments/${data[0].id}`, { text: "Thank **you**" }, { token: alice });
  const { activity, problem } = await heard(mastodon, "Create", ({ object }) => object.inReplyTo === theirs);
  assert.equal(problem, undefined);
  assert.deepEqual([activity.object.id, activity.actor], [comment.url, `${one.url}/accounts/alice`]);
  assert.deepEqual(activity.object.tag.map(({ type, href }) => [type, href]), [["Mention", mastodon.id("ada")]]);
  const found = await mastodon.web.object(comment.url);
  assert.deepEqual([found.type, found.content], ["Note", "<p>Thank <strong>you</strong></p>\n"]);
  assert.ok(found.cc.includes(mastodon.id("ada")));
  // A browser is led from there to where it stands.
  const led = await fetch(comment.url.replace(one.url, one.server.url), { headers: { accept: "text/html" }, redirect: "manual" });
  assert.deepEqual([led.status, led.headers.get("location")], [303, `/w/${key}?thread=${comment.threadId}&at=${comment.id}#comment-${comment.id}`]);
  await one.ask("DELETE", `videos/${key}/comments/${comment.id}`, undefined, { token: alice, expected: 204 });
  const gone = await heard(mastodon, "Delete", ({ object }) => idOf(object) === comment.url);
  assert.equal(gone.problem, undefined);
  await assert.rejects(mastodon.web.object(comment.url));
});

test("its author changes and deletes it, and it doesn't come back", async () => {
  assert.equal((await mastodon.reword(theirs, "<p>Better light</p>", root.inbox)).status, 202);
  await until((told) => texts(told)[0] === "<p>Better light</p>");
  assert.equal((await mastodon.remove(theirs, root.inbox)).status, 202);
  await until((told) => texts(told).length === 0);
});

test("nothing that another server writes acts on a page", async () => {
  const hostile = '<p onclick="alert(1)" style="position:fixed">x <script>document.title="taken"</script><img src="https://evil.example/x.gif" onerror="alert(1)"><a href="javascript:alert(1)">y</a><svg onload=alert(1)></svg><iframe src="https://evil.example"></iframe></p>';
  const { sent } = await mastodon.comment(video, root, hostile);
  const { data } = await until((told) => texts(told).length === 1);
  assert.doesNotMatch(data[0].text, /script|style|onclick|<img|<svg|<iframe|javascript/);
  const { page } = await browser.open(`${one.server.url}/w/${key}`);
  await page.locator(".said .prose").first().waitFor();
  assert.equal(await page.locator(".said .prose :is(script, img, svg, iframe, [style], [onclick])").count(), 0);
  assert.notEqual(await page.title(), "taken");
  await mastodon.remove(sent.object.id, root.inbox);
  await until((told) => texts(told).length === 0);
});

test("what a PeerTube says waits where each is approved, and is approved by name", async () => {
  const minute = one.server.ids.minute;
  await fetch(`${one.server.url}/api/v1/videos/${minute}`, { method: "PUT", headers: { authorization: `Bearer ${one.token}`, "content-type": "application/json" }, body: JSON.stringify({ commentsPolicy: 3 }) });
  const { uuid } = await one.ask("GET", `videos/${minute}`);
  const owner = await peertube.web.object(`${one.url}/accounts/root`);
  const { sent, status } = await peertube.comment(`${one.url}/videos/watch/${uuid}`, owner, "May **I**?");
  assert.ok(status < 300, String(status));
  const { data } = await one.until("users/me/videos/comments?isHeldForReview=true", ({ total }) => total === 1);
  assert.equal((await fetch(`${one.server.url}/api/v1/videos/${minute}/comment-threads`).then((answer) => answer.json())).total, 0);
  await one.ask("POST", `videos/${minute}/comments/${data[0].id}/approve`, undefined, { expected: 204 });
  const { activity, problem, inbox } = await heard(peertube, "ApproveReply");
  assert.deepEqual([problem, idOf(activity.object)], [undefined, sent.object.id]);
  assert.match(inbox, /\/accounts\/ada\/inbox$/);
});

test("what is said here below a PeerTube's video comes there, waits if it must, and is shown when it is approved", async () => {
  const film = peertube.shelf.publish("A film from there", { commentsPolicy: 3, canReply: "https://www.w3.org/ns/activitystreams#Public" });
  await one.ask("POST", "server/following", { hosts: ["three.shoal.test"] }, { expected: 204 });
  await one.until("videos?isLocal=false", ({ data }) => data.some(({ name }) => name === "A film from there"));
  const made = await say(film.uuid, "Hello there");
  assert.equal(made.heldForReview, true);
  const { activity, problem } = await heard(peertube, "Create", ({ object }) => object.inReplyTo === film.id);
  assert.deepEqual([problem, activity.object.id], [undefined, made.url]);
  // It is asked for by its id, as PeerTube does before it believes one.
  assert.equal((await peertube.web.object(made.url)).inReplyTo, film.id);
  const author = await peertube.web.object(`${one.url}/accounts/alice`);
  assert.ok((await peertube.approve(made.url, film.id, author.inbox)).status < 300);
  const { data } = await until(({ total }) => total === 1, film.uuid);
  assert.equal(data[0].heldForReview, false);
});

test("what is reported goes to the moderators of the server that it comes from, without a name, and theirs come here", async () => {
  const { sent } = await mastodon.comment(video, root, "<p>Buy!</p>");
  const { data } = await until((told) => texts(told).length === 1);
  await one.ask("POST", "abuses", { reason: "Spam, spam", comment: { id: data[0].id } }, { token: alice });
  const { activity, problem } = await heard(mastodon, "Flag");
  assert.deepEqual([problem, activity.actor, activity.content], [undefined, `${one.url}/accounts/peertube`, "Spam, spam"]);
  assert.deepEqual(activity.object, [mastodon.id("ada"), sent.object.id]);
  assert.doesNotMatch(JSON.stringify(activity), /alice/);
  const made = await say(key, "Mine");
  const shared = root.endpoints.sharedInbox;
  assert.equal((await mastodon.report([`${one.url}/accounts/alice`, made.url], "Rude", shared)).status, 202);
  const { data: reports } = await one.until("abuses", ({ total }) => total === 2);
  assert.deepEqual([reports[0].reason, reports[0].comment.id, reports[0].flaggedAccount.name], ["Rude", made.id, "alice"]);
  const film = (await one.ask("GET", "videos?isLocal=false")).data.find(({ name }) => name === "A film from there");
  await one.ask("POST", "abuses", { reason: "Stolen", video: { id: film.id } }, { token: alice });
  const there = await heard(peertube, "Flag");
  assert.deepEqual([there.problem, there.activity.object], [undefined, film.url]);
  assert.ok((await peertube.report(video, "Stolen here", shared)).status < 300);
  assert.equal((await one.until("abuses", ({ total }) => total === 4)).data[0].reason, "Stolen here");
});

test("the comments of a video are told to whoever asks, ours and others'", async () => {
  const collection = await peertube.web.object(`${video}/comments`);
  const page = await peertube.web.object(collection.first);
  const { data } = await threads();
  assert.deepEqual([...page.orderedItems].sort(), data.filter(({ isDeleted }) => !isDeleted).map(({ url }) => url).sort());
  assert.equal(collection.totalItems, page.orderedItems.length);
});
