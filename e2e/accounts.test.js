// Getting in: an account under approval, a login, settings, and the way out; in two languages, and with a wrong word here and there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { at, fill, knock, send } from "./lib/people.js";

const fixture = serverAndBrowser(
  async (fixture) => {
    fixture.password = await fixture.server.password("root");
  },
  { SHOAL_ACCOUNTS_REGISTRATION: "approval" },
);

const logIn = (name, password, path) => knock(fixture, name, password, path);

test("somebody asks for an account, is let in, and logs in", async () => {
  const { page, screenshot } = await at(fixture, "/register");
  await fill(page, { username: "alice", displayName: "Alice Liddell", email: "alice@example.org", password: "short", registrationReason: "I film the sea." });
  await send(page);
  assert.match(await page.locator("#password-problem").textContent(), /At least 8 characters/);
  assert.equal(await page.locator("[name=username]").inputValue(), "alice");
  assert.equal(await page.locator("[name=password]").inputValue(), "");
  await screenshot("register");
  await fill(page, { password: "correct horse" });
  await send(page);
  assert.match(await page.locator("[role=status]").textContent(), /with the moderators/);

  const early = await logIn("alice", "correct horse");
  assert.match(await early.page.locator("[role=alert]").textContent(), /has yet to decide/);

  const order = await logIn("root", fixture.password, "/admin/registrations");
  assert.equal(new URL(order.page.url()).pathname, "/admin/registrations");
  assert.match(await order.page.locator("main").textContent(), /I film the sea/);
  await order.screenshot("registrations");
  await order.page.locator("button[value=accept]").click();
  assert.match(await order.page.locator("main").textContent(), /Nobody waits/);
  await order.page.locator('form[action="/logout"] button').click();
  await order.page.locator('a[href^="/login"]').waitFor();

  const later = await logIn("alice", "correct horse");
  assert.equal(await later.page.locator('a[href="/my/settings"]').textContent(), "Alice Liddell");
});

test("somebody changes their settings, and ends their other sessions", async () => {
  const first = await logIn("root", fixture.password);
  await first.page.context().clearCookies();
  const { page, screenshot } = await logIn("root", fixture.password, "/my/settings");
  await fill(page, { displayName: "The house", description: "We **keep** order." });
  await page.locator("[name=autoPlayVideo]").uncheck();
  await page.locator("[name=nsfwPolicy]").selectOption("blur");
  await page.locator('form[action="/my/settings"] button.main').click();
  assert.equal(await page.locator("p.done").textContent(), "Saved.");
  assert.equal(await page.locator("[name=displayName]").inputValue(), "The house");
  assert.equal(await page.locator("[name=autoPlayVideo]").isChecked(), false);
  assert.equal(await page.locator("[name=p2pEnabled]").isChecked(), true);
  assert.equal(await page.locator("[name=nsfwPolicy]").inputValue(), "blur");

  const sessions = page.locator("ul.rows li");
  const before = await sessions.count();
  await sessions.locator("button").first().click();
  await page.waitForLoadState();
  assert.equal(await sessions.count(), before - 1);

  await fill(page, { password: "another password", currentPassword: "not this one" });
  await page.locator('form[action="/my/access"] button.main').click();
  assert.match(await page.locator("[role=alert]").textContent(), /now is wrong/);
  await screenshot("settings");
  await page.locator('form[action="/logout"] button').click();
});

test("a stranger is sent to log in first, and not elsewhere afterwards", async () => {
  const { page } = await at(fixture, "/my/settings");
  assert.equal(page.url(), `${fixture.server.url}/login?next=%2Fmy%2Fsettings`);
  const wrong = await logIn("root", "wrong password");
  assert.match(await wrong.page.locator("[role=alert]").textContent(), /Username or password are wrong/);
  await wrong.screenshot("login");
  const { page: lured } = await logIn("root", fixture.password, "//evil.example/");
  assert.equal(lured.url(), `${fixture.server.url}/`);
  await lured.locator('form[action="/logout"] button').click();
});

test("pages speak French to whoever chooses it, without scripts", async () => {
  const { page, screenshot } = await at(fixture, "/register");
  await page.locator('button[value="fr"]').click();
  assert.equal(await page.locator("h1").textContent(), "Créer un compte");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
  assert.equal(new URL(page.url()).pathname, "/register");
  await page.setViewportSize({ width: 360, height: 700 });
  await page.emulateMedia({ colorScheme: "dark" });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px wider than the screen`);
  await screenshot("register-french-small-dark");
  await page.locator('button[value="en"]').click();
  assert.equal(await page.locator("h1").textContent(), "Create an account");
});

test("a page of another site can't act in a visitor's name", async () => {
  const { page } = await logIn("root", fixture.password);
  const cookies = await page.context().cookies();
  const session = cookies.find(({ name }) => name === "shoal_session");
  assert.deepEqual([session.httpOnly, session.sameSite], [true, "Lax"]);
  const post = (headers) => fetch(`${fixture.server.url}/logout`, { method: "POST", redirect: "manual", headers: { cookie: `shoal_session=${session.value}`, ...headers } });
  for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) assert.equal((await post(headers)).status, 403);
  await page.reload();
  assert.equal(await page.locator('form[action="/logout"]').count(), 1);
  assert.equal((await post({ "sec-fetch-site": "same-origin" })).status, 303);
  await page.reload();
  assert.equal(await page.locator('form[action="/logout"]').count(), 0);
});
