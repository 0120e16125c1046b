// What Shoal sends to others of itself: strict strangers follow what is here, and judge each activity that comes, by TLS on names.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { importFile, moment } from "./lib/media.js";
import { makeAuthority, openDoor } from "./lib/names.js";
import { host, startFresh } from "./lib/server.js";
import { Crawler } from "./stranger/crawler.js";
import { startStranger } from "./stranger/peer.js";
import { activity, idOf } from "./stranger/peertube.js";

const one = "one.shoal.test";
const url = `https://${one}`;
const names = { peertube: ["two.shoal.test", "10.99.0.2"], mastodon: ["three.shoal.test", "10.99.0.3"] };
const versions = ["6.3", "newest"];
let authority, server, door, peertube, mastodon, token;

before(async () => {
  authority = makeAuthority();
  const environment = { SHOAL_OUTBOUND_ALLOW_PRIVATE: "true", SHOAL_OUTBOUND_CA_FILE: authority.file };
  server = await startFresh({ port: 9000, environment, publicUrl: url });
  door = await openDoor(authority, one, { address: host, to: host, port: 9000 });
  [peertube, mastodon] = await Promise.all(Object.entries(names).map(([mode, [name, address]]) => startStranger({ mode, host: name, address, ...authority.certify(name), addresses: { [one]: host }, ca: authority.ca })));
  token = await logIn(await server.password("root"));
});

after(async () => {
  for (const one of [peertube, mastodon, door]) one?.close();
  await server?.close();
  authority?.remove();
});

async function logIn(password) {
  const client = await ask("GET", "oauth-clients/local");
  const body = new URLSearchParams({ ...client, grant_type: "password", username: "root", password });
  return (await (await fetch(`${server.url}/api/v1/users/token`, { method: "POST", body })).json()).access_token;
}

/** Asks the API as its administrator. */
async function ask(method, path, body) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(`${server.url}/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
}

/** Asks again until there is something, which it returns. */
async function until(look) {
  for (const end = Date.now() + 30_000; ; await new Promise((done) => setTimeout(done, 100))) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `it never came true: ${look}`);
  }
}

const id = (path) => url + path;
const [instance, account, channel] = ["/accounts/peertube", "/accounts/root", "/video-channels/root_channel"].map(id);

/** How much came to a stranger so far, so that what comes from now on can be told from it. */
const mark = (...strangers) => new Map(strangers.map((stranger) => [stranger, stranger.received.length]));

/** Waits for an activity that came to a stranger since, and that it takes: as its own kind does, and as every PeerTube would. */
async function heard(stranger, since, type, actor, object) {
  const fits = (entry) => stranger.received.indexOf(entry) >= since.get(stranger) && entry.activity?.type === type && idOf(entry.activity.actor) === actor && (!object || idOf(entry.activity.object) === object);
  const entry = await Promise.race([stranger.heard(fits), new Promise((_, fail) => setTimeout(() => fail(new Error(`no ${type} of ${object} by ${actor}: ${JSON.stringify(stranger.received.map(({ activity, problem, inbox }) => [inbox, activity?.type, activity?.actor, idOf(activity?.object ?? ""), problem]))}`)), 30_000))]);
  assert.equal(entry.problem, undefined);
  for (const version of versions) assert.deepEqual(activity(entry.activity, { version }).problems, [], version);
  assert.ok(entry.activity["@context"].includes("https://www.w3.org/ns/activitystreams"));
  return entry;
}

/** What else came since, of a kind. */
const others = (stranger, since, type) => stranger.received.slice(since.get(stranger)).filter(({ activity }) => activity?.type === type);

const follow = async (stranger, target, by) => stranger.follow(await stranger.web.object(target), { by });

/** Makes a video and returns its id for others. */
async function publish(name) {
  const key = importFile(moment(), server.data, name, { SHOAL_IMPORT_HEIGHTS: "240" });
  const { uuid } = await until(() => ask("GET", `videos/${key}`).catch(() => undefined));
  return { uuid, id: id(`/videos/watch/${uuid}`) };
}

let harbour;

test("who follows is accepted, at their own inbox, by whom they follow", async () => {
  const since = mark(peertube, mastodon);
  for (const [stranger, by, target] of [[peertube, "peertube", instance], [peertube, "ada", account], [peertube, "ada", channel], [mastodon, "ada", account], [mastodon, "ada", channel]]) {
    const { sent, status } = await follow(stranger, target, by);
    assert.ok(status < 300, `${status}`);
    const { inbox, activity: told } = await heard(stranger, since, "Accept", target, sent.id);
    assert.equal(inbox, `${stranger.mode.path(by)}/inbox`);
    assert.deepEqual([told.object.actor, told.object.object], [stranger.id(by), target]);
  }
  const { totalItems } = await peertube.web.object(`${channel}/followers`);
  assert.equal(totalItems, 2);
  const { data } = await ask("GET", "server/followers");
  assert.ok(data.some(({ follower, state }) => follower.host === names.peertube[0] && state === "accepted"));
});

test("a new video comes as Create by the account and Announce by channel and instance, to each server once", async () => {
  const since = mark(peertube, mastodon);
  harbour = await publish("The harbour");
  for (const stranger of [peertube, mastodon]) {
    const { inbox, activity: told } = await heard(stranger, since, "Create", account, harbour.id);
    assert.deepEqual([inbox, told.object.name], ["/inbox", "The harbour"]);
    await heard(stranger, since, "Announce", channel, harbour.id);
    assert.equal(others(stranger, since, "Create").length, 1);
  }
  await heard(peertube, since, "Announce", instance, harbour.id);
  assert.deepEqual([others(peertube, since, "Announce").length, others(mastodon, since, "Announce").length], [2, 1]);
  for (const version of versions) {
    const { object } = await new Crawler(peertube.web, { version }).video(harbour.id);
    assert.equal(object.name, "The harbour");
  }
});

test("a change comes as Update with the whole video, and none that changes nothing", async () => {
  const since = mark(peertube, mastodon);
  await ask("PUT", `videos/${harbour.uuid}`, { name: "The old harbour", tags: ["sea"] });
  for (const stranger of [peertube, mastodon]) {
    const { activity: told } = await heard(stranger, since, "Update", account, harbour.id);
    assert.deepEqual([told.object.name, told.object.tag[0].name], ["The old harbour", "sea"]);
  }
  await ask("PUT", `videos/${harbour.uuid}`, { name: "The old harbour" });
  await ask("PUT", `videos/${harbour.uuid}`, { name: "The new harbour" });
  const called = (name) => others(peertube, since, "Update").filter(({ activity: told }) => told.object.name === name);
  await until(() => called("The new harbour").length > 0);
  assert.equal(called("The old harbour").length, 1);
});

test("what isn't everybody's any more is deleted elsewhere, and comes anew", async () => {
  const since = mark(peertube, mastodon);
  await ask("PUT", `videos/${harbour.uuid}`, { privacy: 3 });
  for (const stranger of [peertube, mastodon]) await heard(stranger, since, "Delete", account, harbour.id);
  assert.equal((await peertube.web.ask("GET", harbour.id, { headers: { accept: "application/activity+json" } })).status, 404);
  const later = mark(peertube, mastodon);
  await ask("PUT", `videos/${harbour.uuid}`, { privacy: 1 });
  for (const stranger of [peertube, mastodon]) await heard(stranger, later, "Create", account, harbour.id);
});

test("a deleted video is gone, and says so", async () => {
  const since = mark(peertube, mastodon);
  const wave = await publish("Wave");
  for (const stranger of [peertube, mastodon]) await heard(stranger, since, "Create", account, wave.id);
  await ask("DELETE", `videos/${wave.uuid}`);
  for (const stranger of [peertube, mastodon]) await heard(stranger, since, "Delete", account, wave.id);
  for (const stranger of [peertube, mastodon]) {
    const stone = await until(() => tombstone(stranger, wave.id));
    assert.deepEqual([stone.id, stone.type, stone.formerType], [wave.id, "Tombstone", "Video"]);
  }
});

/** What a stranger is told of something that is gone, once it is. */
async function tombstone(stranger, what) {
  const { status, body } = await stranger.web.ask("GET", what, { headers: { accept: "application/activity+json" } });
  return status === 410 && JSON.parse(body);
}

test("people and channels come anew when they change, and go when they go", async () => {
  const since = mark(peertube, mastodon);
  await ask("PUT", "users/me", { displayName: "The harbour master" });
  await ask("PUT", "video-channels/root_channel", { displayName: "Boats and more" });
  for (const stranger of [peertube, mastodon]) {
    assert.equal((await heard(stranger, since, "Update", account, account)).activity.object.name, "The harbour master");
    assert.equal((await heard(stranger, since, "Update", channel, channel)).activity.object.name, "Boats and more");
  }
  await ask("POST", "video-channels", { name: "tides", displayName: "Tides" });
  const tides = id("/video-channels/tides");
  for (const stranger of [peertube, mastodon]) {
    const { sent } = await follow(stranger, tides, "ada");
    await heard(stranger, since, "Accept", tides, sent.id);
  }
  await ask("DELETE", "video-channels/tides");
  // Its key is gone with it, and both take a farewell from whom they know.
  for (const stranger of [peertube, mastodon]) await until(() => others(stranger, since, "Delete").some(({ activity: told, status }) => told.actor === tides && told.object === tides && status === stranger.mode.good));
  assert.equal((await until(() => tombstone(mastodon, tides))).formerType, "Group");
});

test("the instance follows a PeerTube, whose video is watched, liked, disliked and left alone, and follows it no longer", async () => {
  const since = mark(peertube);
  const boats = peertube.shelf.publish("Boats");
  await ask("POST", "server/following", { hosts: [names.peertube[0]] });
  const { inbox } = await heard(peertube, since, "Follow", instance, peertube.id("peertube"));
  assert.equal(inbox, "/accounts/peertube/inbox");
  await until(async () => (await ask("GET", "server/following")).data.some(({ state }) => state === "accepted"));
  const { uuid } = await until(async () => (await ask("GET", "videos?isLocal=false")).data.find(({ name }) => name === "Boats"));
  const rate = (rating) => ask("PUT", `videos/${uuid}/rate`, { rating });
  await ask("POST", `videos/${uuid}/views`, { currentTime: 1 });
  await heard(peertube, since, "View", instance, boats.id);
  await rate("like");
  const like = await heard(peertube, since, "Like", account, boats.id);
  await rate("dislike");
  await heard(peertube, since, "Undo", account, like.activity.id);
  const dislike = await heard(peertube, since, "Dislike", account, boats.id);
  await rate("none");
  await heard(peertube, since, "Undo", account, dislike.activity.id);
  await ask("DELETE", `server/following/${names.peertube[0]}`);
  const undone = await unfollowed(peertube, since);
  assert.deepEqual([undone.object.actor, undone.object.object], [instance, peertube.id("peertube")]);
});

/** The Undo of a Follow of the instance's, once a stranger has it. */
async function unfollowed(stranger, since) {
  const entry = await until(() => others(stranger, since, "Undo").find(({ activity: told }) => told.object.type === "Follow"));
  assert.equal(entry.problem, undefined);
  return entry.activity;
}

test("the instance follows somebody of a Mastodon by their handle, hears when they want that no longer, and follows them no longer", async () => {
  const since = mark(mastodon);
  await ask("POST", "server/following", { handles: [`ada@${names.mastodon[0]}`] });
  const { activity: told } = await heard(mastodon, since, "Follow", instance, mastodon.id("ada"));
  const state = async () => (await ask("GET", "server/following")).data.find(({ following }) => following.host === names.mastodon[0]).state;
  await until(async () => (await state()) === "accepted");
  await mastodon.answerFollow(told, "Reject");
  await until(async () => (await state()) === "rejected");
  await ask("DELETE", `server/following/ada@${names.mastodon[0]}`);
  assert.equal((await unfollowed(mastodon, since)).object.object, mastodon.id("ada"));
});

test("who follows no longer is counted no longer, and is told nothing more", async () => {
  const since = mark(peertube, mastodon);
  const followers = async () => (await peertube.web.object(`${instance}/followers`)).totalItems;
  const before = await followers();
  const asked = await follow(mastodon, instance, "ada");
  await heard(mastodon, since, "Accept", instance, asked.sent.id);
  assert.equal(await followers(), before + 1);
  await mastodon.undo(asked);
  await until(async () => (await followers()) === before);
  const again = await follow(peertube, instance, "ada");
  await heard(peertube, since, "Accept", instance, again.sent.id);
  await peertube.undo(again);
  await until(async () => (await followers()) === before);
});

test("a follower is refused at their own inbox, and is told nothing more", async () => {
  const since = mark(peertube, mastodon);
  const { sent } = await follow(mastodon, instance, "ada");
  await heard(mastodon, since, "Accept", instance, sent.id);
  await ask("DELETE", `server/followers/ada@${names.mastodon[0]}`);
  const refused = await heard(mastodon, since, "Reject", instance);
  assert.deepEqual([refused.inbox, refused.activity.object.actor], ["/users/ada/inbox", mastodon.id("ada")]);
  await ask("DELETE", `server/followers/peertube@${names.peertube[0]}`);
  const { inbox, activity: told } = await heard(peertube, since, "Reject", instance);
  assert.deepEqual([inbox, told.object.actor], ["/accounts/peertube/inbox", peertube.id("peertube")]);
  const later = mark(peertube);
  const wave = await publish("Another wave");
  await heard(peertube, later, "Create", account, wave.id);
  await heard(peertube, later, "Announce", channel, wave.id);
  assert.deepEqual(others(peertube, later, "Announce").filter(({ activity: told }) => told.actor === instance), []);
});

test("other servers are shown to whoever wants to know whom this one meets", async () => {
  const page = await (await fetch(`${server.url}/instances`)).text();
  assert.match(page, /<h1[^>]*>Other sites<\/h1>/);
});
