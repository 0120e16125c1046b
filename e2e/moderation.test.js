// Two Shoals: what is said from one below a video of the other waits for that one's owner, and what is reported goes to its moderators.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startShoals } from "./lib/shoals.js";

let network, one, two, video;

before(async () => {
  network = await startShoals(2);
  [one, two] = network.shoals;
  const { ids } = one.server;
  await one.ask("PUT", `videos/${ids.minute}`, { commentsPolicy: 3 }, { expected: 204 });
  ({ uuid: video } = await one.ask("GET", `videos/${ids.minute}`));
  await two.ask("POST", "server/following", { hosts: [one.name] }, { expected: 204 });
  await two.until("videos?isLocal=false", ({ data }) => data.some(({ uuid }) => uuid === video));
});

after(() => network?.close());

const threads = (shoal, is) => shoal.until(`videos/${video}/comment-threads`, is);

test("a comment from another Shoal waits on both until the video's owner approves it", async () => {
  const { comment } = await two.ask("POST", `videos/${video}/comment-threads`, { text: "May I?" });
  assert.equal(comment.heldForReview, true);
  const { data } = await one.until("users/me/videos/comments?isHeldForReview=true", ({ total }) => total === 1);
  assert.deepEqual([data[0].url, data[0].account.host], [comment.url, two.name]);
  await one.ask("POST", `videos/${video}/comments/${data[0].id}/approve`, undefined, { expected: 204 });
  const told = await threads(two, ({ data }) => data.some(({ heldForReview }) => !heldForReview));
  assert.equal(told.data[0].text, "May I?");
});

test("what somebody reports of another Shoal's comes to its moderators, and not by whom", async () => {
  const told = await two.ask("GET", `videos/${video}`);
  await two.ask("POST", "abuses", { reason: "It is too long", video: { id: told.id } });
  const { data } = await one.until("abuses", ({ total }) => total === 1);
  const [{ reason, reporterAccount, flaggedAccount, video: about }] = data;
  assert.deepEqual([reason, about.uuid, flaggedAccount.name], ["It is too long", video, "root"]);
  assert.deepEqual([reporterAccount.name, reporterAccount.host], ["peertube", two.name]);
});

test("a comment that its video's owner takes away is shown on no Shoal, but to who said it", async () => {
  const { data } = await threads(one, ({ total }) => total === 1);
  await one.ask("DELETE", `videos/${video}/comments/${data[0].id}`, undefined, { expected: 204 });
  const shown = async () => (await fetch(`${two.server.url}/api/v1/videos/${video}/comment-threads`).then((answer) => answer.json())).total;
  await two.until(`videos/${video}/comment-threads`, () => true);
  for (let tries = 0; tries < 200 && (await shown()) > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await shown(), 0);
  assert.equal((await two.ask("GET", `videos/${video}/comment-threads`)).data[0].text, "May I?");
});
