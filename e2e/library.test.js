// What somebody has: a channel and its page, their account's page, subscriptions, history, and what a search finds of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { at, fill, logIn, logOut, send } from "./lib/people.js";

const fixture = serverAndBrowser(async (fixture) => {
  fixture.password = await fixture.server.password("root");
});

const open = (path) => logIn(fixture, "root", fixture.password, path);

test("a channel is made, described, found by a search, and taken away", async () => {
  const { page, screenshot } = await open("/my/channels");
  await fill(page, { name: "river", displayName: "The river" });
  await send(page);
  await page.locator('a[href="/my/channels/river"]').click();
  await fill(page, { displayName: "The long river", description: "From **source** to sea.", support: "Bring bread." });
  await screenshot("channel-edit");
  await send(page);
  assert.equal(new URL(page.url()).pathname, "/c/river");
  assert.match(await page.locator("h1").textContent(), /The long river$/);
  assert.equal(await page.locator(".prose strong").first().textContent(), "source");
  await screenshot("channel-empty");

  await fill(page, { q: "long river" });
  await page.locator(".find button").click();
  assert.equal(await page.locator('ul.channels a[href="/c/river"]').textContent(), "The long river");
  await screenshot("search-channels");

  await page.goto(`${fixture.server.url}/my/channels/river`);
  await page.locator("button.bad").click();
  await page.waitForURL(/\/my\/channels$/);
  assert.equal(await page.locator('a[href="/c/river"]').count(), 0);
  await logOut(fixture);
});

test("an account's page shows its channels and videos", async () => {
  const { page, screenshot } = await at(fixture, "/a/root");
  assert.equal(await page.locator('ul.channels a[href="/c/root_channel"]').count(), 1);
  assert.equal(await page.locator(".card").count(), 3);
  await screenshot("account");
  await page.locator(".card-title", { hasText: "A clip" }).click();
  assert.equal(await page.locator("h1").textContent(), "A clip");
});

test("what was watched is in the history until it is to be forgotten", async () => {
  const { page, player, screenshot } = await open(`/w/${fixture.server.ids.clip}`);
  const told = page.waitForResponse((answer) => answer.url().endsWith("/views"));
  await player.play();
  await told;
  await page.goto(`${fixture.server.url}/my/history`);
  assert.deepEqual(await page.locator(".card-title").allTextContents(), ["A clip"]);
  await screenshot("history");
  await page.locator('form[action="/my/history"] button').click();
  assert.equal(await page.locator(".card").count(), 0);
  await screenshot("history-forgotten");
  await logOut(fixture);
});

test("a channel that somebody subscribes to is on their list, and no more when they leave it", async () => {
  const { page, screenshot } = await open("/c/root_channel");
  await page.locator('button[name="subscribed"]').click();
  await page.goto(`${fixture.server.url}/my/subscriptions`);
  assert.equal(await page.locator('ul.channels a[href="/c/root_channel"]').count(), 1);
  assert.equal(await page.locator(".card").count(), 3);
  await screenshot("subscriptions");
  await page.locator('ul.channels a[href="/c/root_channel"]').click();
  await page.locator('button[name="subscribed"][value="false"]').click();
  await page.goto(`${fixture.server.url}/my/subscriptions`);
  assert.equal(await page.locator('ul.channels a[href="/c/root_channel"]').count(), 0);
  await logOut(fixture);
});

test("an address that leads nowhere leads back to what there is", async () => {
  const { page, screenshot } = await at(fixture, "/w/nothing");
  await screenshot("missing");
  await page.locator('main a[href="/"]').click();
  assert.equal(await page.locator(".card").count(), 3);
});
