// Every kind of page for everybody: WCAG 2.2 AA by axe-core, keyboard alone, small screens, dark and light, right to left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { overflow, unreached, untied, violations } from "./lib/access.js";
import { serverAndBrowser } from "./lib/fixture.js";
import { at, fill, knock, logIn, logOut, register, send } from "./lib/people.js";

const fixture = serverAndBrowser(async (fixture) => {
  const { server, browser } = fixture;
  fixture.password = await server.password("root");
  await register(fixture, { username: "alice", email: "alice@example.org", password: "correct horse", registrationReason: "I film the sea." });
  const { page } = await logIn(fixture, "root", fixture.password, `/my/videos/${server.ids.long}`);
  await page.locator("[name=privacy]").selectOption("5");
  await fill(page, { videoPasswords: "open sesame" });
  await send(page);
  await page.goto(`${server.url}/my/videos/${server.ids.minute}`);
  await fill(page, { description: "Boats **leave**, [see](https://example.org/a).\n\n0:00 Fog\n0:20 Oars\n0:40 Open sea", tags: "sea, boats", support: "Say hello." });
  await page.locator("[name=category]").selectOption("6");
  await page.locator("[name=language]").selectOption("en");
  await send(page);
  await page.goto(`${server.url}/w/${server.ids.clip}`);
  await page.locator("#say").fill("What a **fine** clip, [see](https://example.org/a).");
  await page.locator("#comments > form.say button").click();
  await page.waitForURL(/#comment-/);
  await page.goto(`${server.url}/report?video=${server.ids.clip}`);
  await fill(page, { reason: "It is too short" });
  await send(page);
  await page.locator(".done").waitFor();
  fixture.session = await browser.context.cookies();
  await logOut(fixture);
}, { SHOAL_ACCOUNTS_REGISTRATION: "approval", SHOAL_SMTP_HOST: "127.0.0.1", SHOAL_SMTP_PORT: "9", SHOAL_SMTP_TLS: "off", SHOAL_SMTP_FROM: "videos@example.org" });

/** Pages that anybody sees, and those of who is logged in. A page that another leads to and isn't here fails the last test. */
const OPEN = ["/", "/?sort=-views", "/search?q=minute", "/search?q=nothing", "/w/<minute>", "/w/<long>", "/videos/embed/<clip>", "/videos/embed/<long>", "/c/root_channel", "/a/root", "/login", "/register", "/forgotten-password", "/verify-again", "/about", "/instances", "/w/nothing"];
const OWN = ["/", "/w/<clip>", "/c/root_channel", "/my/videos", "/my/videos/<clip>", "/my/channels", "/my/channels/root_channel", "/my/subscriptions", "/my/history", "/my/upload", "/my/settings", "/my/two-factor", "/my/export", "/my/comments", "/my/notifications", "/report?video=<clip>", "/admin/registrations", "/admin/users", "/admin/jobs", "/admin/comments", "/admin/reports", "/admin/federation"];

const address = (path) => path.replace(/<(\w+)>/, (_, name) => fixture.server.ids[name]);

/** What is wrong with a page in every light and width. */
async function examine(page) {
  const wrong = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [320, 1280]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 800 });
      const found = await violations(page);
      const wider = await overflow(page);
      if (wider > 0) found.push(`it is ${wider} px wider than the screen`);
      wrong.push(...found.map((what) => `${colorScheme}, ${width} px: ${what}`));
    }
  }
  return [...wrong, ...(await untied(page))];
}

async function toTheLeft(page) {
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  const wrong = [];
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const wider = await overflow(page);
    if (wider > 0) wrong.push(`from right to left at ${width} px it is ${wider} px wider than the screen`);
  }
  return wrong;
}

async function look(path) {
  const { page, player } = await at(fixture, address(path));
  if (await page.locator("shoal-player").count()) await player.until(() => e2e.video());
  return { page, player };
}

const none = (wrong) => assert.equal(wrong.join("\n"), "");

for (const [who, paths] of [["anybody", OPEN], ["whoever is logged in", OWN]]) {
  for (const path of paths) {
    test(`${path} is for everybody, as ${who} sees it`, async () => {
      await logOut(fixture);
      if (paths === OWN) await fixture.browser.context.addCookies(fixture.session);
      const { page } = await look(path);
      none(await examine(page));
      none(await unreached(page));
      none(await toTheLeft(page));
    });
  }
}

test("what is wrong with a form is told with its fields", async () => {
  await logOut(fixture);
  const { page, screenshot } = await register(fixture, { username: "root", displayName: "x", email: "alice@example.org", password: "short", registrationReason: "y" });
  assert.ok((await page.locator("[aria-invalid=true]").count()) > 0);
  none(await examine(page));
  await screenshot("wrong-form");
  const { page: door } = await knock(fixture, "root", "wrong");
  assert.equal(await door.locator("[role=alert]").count(), 1);
  none(await examine(door));
  const { page: locked } = await at(fixture, address("/w/<long>"));
  await fill(locked, { password: "guess" });
  await send(locked);
  assert.equal(await locked.locator("[aria-invalid=true]").count(), 1);
  none(await examine(locked));
  await fixture.browser.context.addCookies(fixture.session);
  const { page: edit } = await at(fixture, address("/my/videos/<clip>"));
  await fill(edit, { tags: "a, b, c, d, e, f, g" });
  await send(edit);
  await edit.locator("[aria-invalid=true]").first().waitFor();
  none(await examine(edit));
});

test("the player's panel, menus and sentence are for everybody", async () => {
  await logOut(fixture);
  const { page, player } = await look("/videos/embed/<clip>");
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await player.play();
  await player.until(() => e2e.player().shadowRoot.querySelector(".consent.open"));
  none(await examine(page));
  for (const action of ["feeds", "speed", "quality", "share"]) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await player.reveal();
    await page.locator(`[data-action=${action}]`).click();
    none((await examine(page)).map((what) => `${action}: ${what}`));
    if (action === "feeds") await page.locator(`[data-action=${action}]`).click();
  }
});

test("longer words than the English fit on small screens", async () => {
  const wrong = [];
  for (const [paths, cookies] of [[OPEN, []], [OWN, fixture.session]]) {
    await fixture.browser.context.addCookies([...cookies, { name: "shoal_language", value: "fr", url: fixture.server.url }]);
    for (const path of paths) {
      const { page } = await look(path);
      await page.setViewportSize({ width: 320, height: 800 });
      assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
      const wider = await overflow(page);
      if (wider > 0) wrong.push(`${path} is ${wider} px wider than the screen`);
      await page.close();
    }
  }
  none(wrong);
});

test("every kind of page that others lead to is one of these", async () => {
  await logOut(fixture);
  const kinds = new Set([...OPEN, ...OWN].map((path) => kind(address(path))));
  const strange = new Set();
  for (const [paths, cookies] of [[OPEN, []], [OWN, fixture.session]]) {
    await fixture.browser.context.addCookies(cookies);
    for (const path of paths) {
      const { page } = await at(fixture, address(path));
      const links = await page.evaluate(() => [...document.querySelectorAll("a[href]")].filter((link) => link.origin === location.origin && !link.download).map((link) => link.pathname));
      for (const link of links) if (!kinds.has(kind(link)) && !/^\/(api|hls|feeds)\//.test(link)) strange.add(`${link} on ${path}`);
      await page.close();
    }
  }
  none([...strange]);
});

/** A path without what is one video's, channel's or account's own. */
function kind(path) {
  return path.split("?")[0].replace(/^\/(w|c|a|my\/videos|my\/channels|videos\/embed)\/.+/, "/$1/…");
}
