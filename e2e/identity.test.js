// Who somebody is: an address proved by mail, a forgotten password, a code from a telephone, and all that is theirs in a file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { strFromU8, unzipSync } from "fflate";
import jsQR from "jsqr";
import * as OTPAuth from "otpauth";
import { serverAndBrowser } from "./lib/fixture.js";
import { linkIn, mailSettings, startMailbox } from "./lib/mailbox.js";

let mailbox;
before(async () => {
  mailbox = await startMailbox();
});
after(() => mailbox.close());

const fixture = serverAndBrowser(
  async (fixture) => {
    fixture.password = await fixture.server.password("root");
  },
  { ...mailSettings, SHOAL_ACCOUNTS_REGISTRATION: "open", SHOAL_ACCOUNTS_REQUIRES_EMAIL_VERIFICATION: "true" },
);

/** Opens a page of ours without its scripts, which none of these needs. */
async function at(path) {
  const player = await fixture.browser.open("about:blank");
  await player.page.route(/\.js(\?|$)/, (route) => route.abort());
  await player.page.goto(path.startsWith("http") ? path : fixture.server.url + path);
  return { page: player.page, screenshot: (name) => player.screenshot(name) };
}

async function fill(page, fields) {
  for (const [name, text] of Object.entries(fields)) await page.locator(`[name="${name}"]`).fill(text);
}

async function send(page) {
  await page.locator("main button.main").click();
}

async function logIn(name, password, path = "/login") {
  const opened = await at(path);
  await fill(opened.page, { username: name, password });
  await send(opened.page);
  return opened;
}

async function logOut() {
  await fixture.browser.context.clearCookies();
}

const isIn = (page) => page.locator('form[action="/logout"]').waitFor();
const said = (page) => page.locator("[role=status]").textContent();
const refused = (page) => page.locator("[role=alert]").textContent();

test("somebody registers, follows the link of a mail, and comes in", async () => {
  const { page, screenshot } = await at("/register");
  await fill(page, { username: "alice", displayName: "Alice Liddell", email: "alice@example.org", password: "correct horse" });
  await send(page);
  assert.match(await said(page), /A mail with a link is on its way/);
  await screenshot("identity-registered");
  const early = await logIn("alice", "correct horse");
  assert.match(await refused(early.page), /Follow the link in our mail first/);

  const letter = await mailbox.letter();
  assert.deepEqual(letter.to, ["alice@example.org"]);
  assert.deepEqual(letter.from, { address: "videos@example.org", name: "The videos" });
  assert.equal(letter.subject, "Confirm your address for Shoal");
  assert.equal(letter.headers.find(({ key }) => key === "auto-submitted").value, "auto-generated");
  // As programs do that look at links on the way.
  for (let times = 0; times < 3; times++) assert.equal((await fetch(linkIn(letter))).status, 200);
  const proof = await at(linkIn(letter));
  await proof.screenshot("identity-verify");
  await send(proof.page);
  assert.match(await said(proof.page), /Your address is confirmed/);
  const again = await at(linkIn(letter));
  await send(again.page);
  assert.match(await refused(again.page), /used already/);
  const { page: home } = await logIn("alice", "correct horse");
  await isIn(home);
  await logOut();
});

test("a forgotten password is set again by mail, in the reader's language, and nobody learns who is here", async () => {
  const stranger = await at("/forgotten-password");
  await fill(stranger.page, { email: "nobody@example.org" });
  await send(stranger.page);
  const toNobody = await said(stranger.page);

  const { page, screenshot } = await at("/login");
  await page.locator('a[href="/forgotten-password"]').click();
  await screenshot("identity-forgotten");
  await fill(page, { email: "alice@example.org" });
  await send(page);
  assert.equal(await said(page), toNobody);
  const letter = await mailbox.letter();
  assert.deepEqual(letter.to, ["alice@example.org"], "nobody got none");
  assert.equal(letter.subject, "Your password for Shoal");

  await page.locator('button[value="fr"]').click();
  const french = await at("/forgotten-password");
  await fill(french.page, { email: "alice@example.org" });
  await send(french.page);
  const second = await mailbox.letter();
  assert.equal(second.subject, "Votre mot de passe pour Shoal");
  assert.match(second.text, /^Bonjour alice,\n/);
  await french.page.locator('button[value="en"]').click();

  const reset = await at(linkIn(letter));
  await fill(reset.page, { password: "short" });
  await send(reset.page);
  assert.match(await reset.page.locator("#password-problem").textContent(), /At least 8 characters/);
  await fill(reset.page, { password: "battery staple" });
  await reset.screenshot("identity-reset");
  await send(reset.page);
  assert.match(await said(reset.page), /new password is set/);
  const late = await at(linkIn(second));
  await fill(late.page, { password: "somebody else's" });
  await send(late.page);
  assert.match(await refused(late.page), /used already/);
  assert.match(await refused((await logIn("alice", "correct horse")).page), /wrong/);
  await isIn((await logIn("alice", "battery staple")).page);
  assert.equal(mailbox.unread, 0);
  await logOut();
});

/** `root` by the API: what they get there, and their id. */
async function asProgram(password) {
  const api = `${fixture.server.url}/api/v1/`;
  const client = await (await fetch(`${api}oauth-clients/local`)).json();
  const body = new URLSearchParams({ ...client, grant_type: "password", username: "root", password });
  const { access_token } = await (await fetch(`${api}users/token`, { method: "POST", body })).json();
  const get = async (path) => (await fetch(api + path, { headers: { authorization: `Bearer ${access_token}` } })).json();
  return { get, id: (await get("users/me")).id };
}

/** What a telephone's camera reads off the page. */
async function scan(page) {
  const modules = Number((await page.locator("svg.qr").getAttribute("viewBox")).split(" ").at(-1));
  const path = await page.locator("svg.qr path").getAttribute("d");
  const dark = new Set([...path.matchAll(/M(\d+),(\d+)h1/g)].map(([, x, y]) => `${x},${y}`));
  const side = modules * 4;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (dark.has(`${x >> 2},${y >> 2}`)) pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return jsQR(pixels, side, side).data;
}

test("a code from a telephone is needed once it is set up, and each is used once", async () => {
  const { page, screenshot } = await logIn("root", fixture.password, "/login?next=/my/two-factor");
  await fill(page, { currentPassword: "not this one" });
  await send(page);
  assert.match(await refused(page), /wrong/);
  await fill(page, { currentPassword: fixture.password });
  await send(page);
  const telephone = OTPAuth.URI.parse(await scan(page));
  assert.equal(telephone.issuer, "Shoal");
  assert.equal(telephone.secret.base32, (await page.locator("#secret").textContent()).replaceAll(" ", ""));
  await screenshot("identity-two-factor");
  await fill(page, { otpToken: "000000" });
  await send(page);
  assert.match(await refused(page), /isn’t the code/);
  const first = telephone.generate();
  await fill(page, { otpToken: first });
  await send(page);
  assert.match(await page.locator("main").textContent(), /Each login needs a code/);
  await screenshot("identity-two-factor-on");
  await page.locator('a[href="/my/settings"]').last().click();
  await page.locator("#more").scrollIntoViewIfNeeded();
  await screenshot("identity-settings");
  await logOut();

  const door = await logIn("root", fixture.password, "/login?next=/my/two-factor");
  await door.screenshot("identity-code");
  await fill(door.page, { otp: first });
  await send(door.page);
  assert.match(await refused(door.page), /used already/);
  await fill(door.page, { otp: telephone.generate({ timestamp: Date.now() + 30_000 }) });
  await send(door.page);
  await isIn(door.page);
  await fill(door.page, { currentPassword: fixture.password });
  await door.page.locator("main button.bad").click();
  await door.page.locator("main button.main").waitFor();
  await logOut();
  await isIn((await logIn("root", fixture.password)).page);
});

test("somebody takes along what is theirs, and nobody else does", async () => {
  const { page, screenshot } = await at("/my/export");
  await page.locator("[name=withVideoFiles]").check();
  await send(page);
  const fetching = page.locator('a[href^="/download/user-exports/"]');
  for (;;) {
    if (await fetching.count()) break;
    await page.locator('a[href="/my/export"]').click();
  }
  await screenshot("identity-export");
  const [download] = await Promise.all([page.waitForEvent("download"), fetching.click()]);
  const files = unzipSync(readFileSync(await download.path()));
  const document = (name) => JSON.parse(strFromU8(files[name]));
  assert.equal(document("account.json").username, "root");
  const videos = document("videos.json").map(({ uuid }) => uuid);
  assert.ok(videos.length > 0);
  for (const uuid of videos) assert.equal(strFromU8(files[`videos/${uuid}.mp4`].subarray(4, 8)), "ftyp");
  assert.ok(!JSON.stringify(document("account.json")).includes("argon2"));

  const programs = await asProgram(fixture.password);
  const [{ privateDownloadUrl, state }] = (await programs.get(`users/${programs.id}/exports`)).data;
  assert.equal(state.label, "Completed");
  const part = await fetch(privateDownloadUrl, { headers: { range: "bytes=0-3" } });
  assert.deepEqual([part.status, await part.text()], [206, "PK\u0003\u0004"]);
  assert.equal((await fetch(privateDownloadUrl.replace(/.$/, (last) => (last === "A" ? "B" : "A")))).status, 404);

  const path = new URL(await fetching.getAttribute("href"), fixture.server.url).href;
  assert.equal((await fetch(path)).status, 404);
  await logOut();
  const other = await logIn("alice", "battery staple");
  await isIn(other.page);
  assert.equal((await other.page.request.get(path)).status(), 404);
  await logOut();
});
