// Those who keep order: whom they let in, and what they change of others' videos; and what nobody else may.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { clip } from "./lib/media.js";
import { at, beginUpload, fill, knock, logIn, logOut, register, send, untilMade } from "./lib/people.js";
import { command } from "./lib/server.js";

const password = "correct horse";
const fixture = serverAndBrowser(
  async (fixture) => {
    fixture.password = await fixture.server.password("root");
    const made = await command("user", "create", "mod", "--role", "moderator", "--data", fixture.server.data);
    fixture.moderator = /password: (\S+)/.exec(made)[1];
  },
  { SHOAL_ACCOUNTS_REGISTRATION: "approval" },
);

const ask = (username, registrationReason) => register(fixture, { username, email: `${username}@example.org`, password, registrationReason });

test("of two who ask, one is let in and one is refused with an answer", async () => {
  await ask("alice", "I film the sea.");
  await ask("mallory", "I sell pills.");
  const { page, screenshot } = await logIn(fixture, "mod", fixture.moderator, "/admin/registrations");
  assert.deepEqual(await page.locator("main li h2").allTextContents(), ["alice", "mallory"]);
  const row = (name) => page.locator("main li", { hasText: `${name}@example.org` });
  await row("mallory").locator("[name=moderationResponse]").fill("Not here.");
  await screenshot("registrations-two");
  await row("mallory").locator("button[value=reject]").click();
  await row("mallory").waitFor({ state: "detached" });
  await row("alice").locator("button[value=accept]").click();
  assert.match(await page.locator("main").textContent(), /Nobody waits/);
  await logOut(fixture);
  const { page: refused, screenshot: shoot } = await knock(fixture, "mallory", password);
  await refused.locator("[role=alert]").waitFor();
  await shoot("login-refused");
  await logIn(fixture, "alice", password);
  await logOut(fixture);
});

test("a moderator changes another's video by its page, and it stays in its channel", async () => {
  const { page } = await logIn(fixture, "alice", password, "/my/upload");
  await beginUpload(page, clip(), "The harbour");
  await page.waitForURL(/\/my\/videos\/\w/, { timeout: 30_000 });
  await untilMade(page);
  const short = page.url().split("/").at(-1);
  await logOut(fixture);

  const { page: order, screenshot } = await logIn(fixture, "mod", fixture.moderator, `/w/${short}`);
  await order.locator(`a[href="/my/videos/${short}"]`).click();
  await fill(order, { name: "The harbour, without pills", tags: "sea" });
  await order.locator("[name=nsfw]").check();
  await send(order);
  assert.equal(await order.locator("p.done").textContent(), "Saved.");
  await screenshot("edit-by-moderator");
  const told = await (await fetch(`${fixture.server.url}/api/v1/videos/${short}`)).json();
  assert.deepEqual([told.name, told.tags, told.nsfw, told.channel.name, told.account.name], ["The harbour, without pills", ["sea"], true, "alice_channel", "alice"]);
  await logOut(fixture);

  const { page: owner } = await logIn(fixture, "alice", password, `/my/videos/${short}`);
  assert.equal(await owner.locator("[name=name]").inputValue(), "The harbour, without pills");
  await logOut(fixture);
});

test("nobody else sees these pages or another's video's", async () => {
  const { page } = await logIn(fixture, "alice", password);
  for (const path of ["/admin/registrations", "/admin/users", "/admin/jobs", `/my/videos/${fixture.server.ids.clip}`]) {
    const answer = await page.goto(fixture.server.url + path);
    assert.ok([403, 404].includes(answer.status()), `${path} answers ${answer.status()}`);
  }
  const { screenshot } = await at(fixture, "/admin/users");
  await screenshot("refusal");
  await logOut(fixture);
});
