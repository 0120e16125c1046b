// What others send and what it does here: strict strangers like, view, pass on, block, change and go, by TLS on names, in each form
// of signature that there is; and what is forged does nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeAuthority, openDoor } from "./lib/names.js";
import { host, startServer } from "./lib/server.js";
import { FORMS, startStranger } from "./stranger/peer.js";
import { PUBLIC } from "./stranger/peertube.js";

const one = "one.shoal.test";
const url = `https://${one}`;
const names = { peertube: ["two.shoal.test", "10.99.0.2"], mastodon: ["three.shoal.test", "10.99.0.3"] };
let authority, server, door, peertube, mastodon, root, channel, video, sent = 0;

before(async () => {
  authority = makeAuthority();
  const environment = { SHOAL_OUTBOUND_ALLOW_PRIVATE: "true", SHOAL_OUTBOUND_CA_FILE: authority.file };
  server = await startServer(9000, environment, url);
  door = await openDoor(authority, one, { address: host, to: host, port: 9000 });
  [peertube, mastodon] = await Promise.all(Object.entries(names).map(([mode, [name, address]]) => startStranger({ mode, host: name, address, ...authority.certify(name), addresses: { [one]: host }, ca: authority.ca })));
  [root, channel] = await Promise.all(["/accounts/root", "/video-channels/root_channel"].map((path) => peertube.web.object(url + path)));
  video = `${url}/videos/watch/${(await here()).uuid}`;
});

after(async () => {
  for (const one of [peertube, mastodon, door]) one?.close();
  await server?.close();
  authority?.remove();
});

/** The video as everybody sees it. */
const here = async () => (await fetch(`${server.url}/api/v1/videos/${server.ids.clip}`)).json();
const counts = async () => { const { likes, dislikes, views } = await here(); return { likes, dislikes, views }; };
const followers = async () => (await peertube.web.object(`${url}/video-channels/root_channel/followers`)).totalItems;
const announces = async () => (await peertube.web.object(`${video}/announces`)).totalItems;

/** Sends an activity of a kind as somebody of a stranger's, to everybody's inbox. */
function tell(stranger, type, object, { by = "ada", how, ...more } = {}) {
  return stranger.send({ type, id: `${stranger.id(by)}#${type}/${++sent}`, actor: stranger.id(by), object, ...more }, `${url}/inbox`, how);
}

for (const form of Object.keys(FORMS)) {
  test(`a like that is signed in the form "${form}" counts until it is taken back`, async () => {
    for (const stranger of [peertube, mastodon]) {
      const like = await stranger.like(video, root, { form });
      assert.equal(like.status, 202);
      assert.equal((await counts()).likes, 1);
      assert.equal((await stranger.undo(like, { form })).status, 202);
      assert.equal((await counts()).likes, 0);
    }
  });
}

test("a PeerTube's dislike, view and announce are counted, and Mastodon's boost", async () => {
  const dislike = await tell(peertube, "Dislike", video);
  await tell(peertube, "View", video, { by: "peertube" });
  assert.deepEqual(await counts(), { likes: 0, dislikes: 1, views: 1 });
  await peertube.undo(dislike);
  assert.equal((await counts()).dislikes, 0);
  const before = await announces();
  const [announce, boost] = [await tell(peertube, "Announce", video, { by: "ada_channel" }), await tell(mastodon, "Announce", video)];
  assert.deepEqual([announce.status, boost.status, await announces()], [202, 202, before + 2]);
  await mastodon.undo(boost);
  assert.equal(await announces(), before + 1);
});

test("what is forged is refused and does nothing", async () => {
  const from = (change) => mastodon.like(video, root, { change });
  const spoil = (name, value) => from((request) => ({ ...request, headers: { ...request.headers, [name]: value } }));
  const refused = {
    "another body": from((request) => ({ ...request, body: Buffer.from(request.body.toString().replace("Like", "Dislike")) })),
    "another digest": spoil("digest", `SHA-256=${Buffer.alloc(32).toString("base64")}`),
    "no signature": from(({ headers: { signature: _, ...headers }, body }) => ({ headers, body })),
    "another date": spoil("date", new Date(Date.now() - 60_000).toUTCString()),
    "yesterday's": mastodon.like(video, root, { now: new Date(Date.now() - 86_400_000) }),
    "tomorrow's": mastodon.like(video, root, { now: new Date(Date.now() + 86_400_000) }),
  };
  for (const [what, answer] of Object.entries(refused)) assert.equal((await answer).status, 401, what);
  const stolen = { id: `${peertube.id()}#likes/stolen`, type: "Like", actor: mastodon.id(), object: video };
  assert.equal((await mastodon.send(stolen, `${url}/inbox`)).status, 403, "an id of another server's");
  assert.deepEqual((await counts()).likes, 0);
});

test("who follows and then blocks follows no longer", async () => {
  const before = await followers();
  await mastodon.follow(channel, { by: "ada" });
  assert.equal(await followers(), before + 1);
  assert.equal((await tell(mastodon, "Block", channel.id)).status, 202);
  assert.equal(await followers(), before);
});

test("what nobody here knows is taken and passed over", async () => {
  for (const type of ["EmojiReact", "Move", "Add", "Remove", "QuoteRequest", "Arrive", "Listen"]) {
    for (const stranger of [peertube, mastodon]) assert.equal((await tell(stranger, type, video)).status, 202, type);
  }
});

test("who changes is read anew, and who goes takes along what they think, but not what others do", async () => {
  await tell(mastodon, "Like", video);
  await tell(peertube, "Like", video);
  assert.equal((await counts()).likes, 2);
  for (const stranger of [peertube, mastodon]) {
    const actor = await stranger.web.object(stranger.id()).catch(() => ({ id: stranger.id(), type: "Person" }));
    assert.equal((await tell(stranger, "Update", { ...actor, "@context": undefined }, { to: [PUBLIC] })).status, 202);
  }
  assert.equal((await tell(mastodon, "Delete", mastodon.id(), { to: [PUBLIC] })).status, 202);
  assert.equal((await counts()).likes, 1);
  assert.equal((await tell(peertube, "Delete", peertube.id(), { to: [PUBLIC] })).status, 202);
  assert.equal((await counts()).likes, 0);
});
