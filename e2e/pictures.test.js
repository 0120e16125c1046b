// Pictures of an account and a channel, by forms that need no script; a video from an address; and its progress as it is told.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { minute } from "./lib/media.js";
import { otherHost } from "./lib/site.js";

const fixture = serverAndBrowser(async (fixture) => {
  fixture.password = await fixture.server.password("root");
  fixture.film = readFileSync(minute());
  fixture.elsewhere = createServer((request, response) => {
    if (request.url !== "/The%20harbour.mp4") {
      response.writeHead(200, { "content-type": "text/html" });
      return response.end("<h1>A page</h1>");
    }
    response.writeHead(200, { "content-type": "video/mp4", "content-length": fixture.film.length });
    // Half of it comes at once, the rest when the page was looked at.
    response.write(fixture.film.subarray(0, fixture.film.length / 2));
    fixture.goOn = () => response.end(fixture.film.subarray(fixture.film.length / 2));
  });
  fixture.elsewhere.listen(8003, otherHost);
  await once(fixture.elsewhere, "listening");
  fixture.elsewhere.unref();
}, { SHOAL_OUTBOUND_ALLOW_PRIVATE: "true" });

async function at(path) {
  const player = await fixture.browser.open(fixture.server.url + path);
  return { player, page: player.page, screenshot: (name) => player.screenshot(name) };
}

async function logIn(path) {
  const opened = await at(`/login?next=${encodeURIComponent(path)}`);
  for (const [name, text] of Object.entries({ username: "root", password: fixture.password })) await opened.page.locator(`[name="${name}"]`).fill(text);
  await opened.page.locator("main button.main").click();
  await opened.page.locator('form[action="/logout"]').waitFor();
  return opened;
}

/** A picture as somebody's telephone has it. */
function picture(source, size) {
  const words = ["-v", "error", "-f", "lavfi", "-i", `${source}=s=${size}`, "-frames:v", "1", "-f", "image2", "-c:v", "png", "-"];
  return { name: "picture.png", mimeType: "image/png", buffer: execFileSync("ffmpeg", words) };
}

async function choose(page, field, file) {
  await page.locator(`[name="${field}"]`).setInputFiles(file);
  await page.locator(`form:has([name="${field}"]) button.main`).click();
  await page.waitForURL(/saved=1|picture=refused/);
}

const isLoaded = (image) => image.complete && image.naturalWidth;

test("an account and a channel have pictures, and a letter where there is none", async () => {
  const { page, screenshot } = await logIn("/my/settings");
  await page.goto(`${fixture.server.url}/a/root`);
  assert.equal(await page.locator("h1 span.face").textContent(), "R");
  await page.goto(`${fixture.server.url}/my/settings`);
  await choose(page, "avatarfile", { name: "a.png", mimeType: "image/png", buffer: Buffer.from("<svg onload=alert(1)>") });
  assert.match(await page.locator('[role="alert"]').textContent(), /cannot be used/);
  await choose(page, "avatarfile", picture("mandelbrot", "900x600"));
  assert.equal(await page.locator('[role="alert"]').count(), 0);
  await screenshot("settings-picture");
  await page.goto(`${fixture.server.url}/a/root`);
  assert.equal(await page.locator("h1 img.face").evaluate(isLoaded), 600);

  await page.goto(`${fixture.server.url}/my/channels/root_channel`);
  await choose(page, "avatarfile", picture("testsrc2", "640x480"));
  await choose(page, "bannerfile", picture("gradients", "1600x900"));
  await screenshot("channel-pictures");
  await page.goto(`${fixture.server.url}/c/root_channel`);
  assert.equal(await page.locator("h1 img.face").evaluate(isLoaded), 600);
  assert.equal(await page.locator("img.banner").evaluate(isLoaded), 1920);
  assert.match(await page.locator('meta[property="og:image"]').getAttribute("content"), /^http:.*-600\.jpg$/);
  await screenshot("channel-with-pictures");
  await page.goto(`${fixture.server.url}/my/channels`);
  assert.equal(await page.locator(".rows img.face").first().evaluate((image) => image.decode().then(() => image.naturalWidth)), 120);
  const short = fixture.server.ids.minute ?? Object.values(fixture.server.ids)[0];
  await page.goto(fixture.server.watch(short));
  await screenshot("watch-with-picture");
  assert.equal(await page.locator(".doing img.face").count(), 1);

  await page.goto(`${fixture.server.url}/my/settings`);
  await page.locator('form[action="/my/avatar/remove"] button').click();
  await page.waitForURL(/saved=1/);
  await page.goto(`${fixture.server.url}/a/root`);
  assert.equal(await page.locator("h1 span.face").textContent(), "R");
});

test("a video comes from an address, is seen on its way, and becomes one", async () => {
  const { page, screenshot } = await logIn("/my/upload");
  await page.locator("[name=targetUrl]").fill(`http://${otherHost}:8003/page`);
  await page.locator('form[action="/my/imports"] button.main').click();
  await page.waitForURL(/\/my\/videos/);
  await page.waitForFunction(() => document.querySelector("#imports .wrong") || (setTimeout(() => location.reload(), 300), false), undefined, { polling: 500 });
  assert.match(await page.locator("#imports .wrong").textContent(), /text\/html/);
  await page.locator('#imports button[value="delete"]').click();
  await page.locator("#imports").waitFor({ state: "detached" });

  await page.goto(`${fixture.server.url}/my/upload`);
  await screenshot("upload-from-address");
  await page.locator("[name=targetUrl]").fill("file:///etc/passwd");
  await page.locator('form[action="/my/imports"] button.main').click();
  assert.equal(await page.locator('[name=targetUrl][aria-invalid="true"]').count(), 1);
  await page.locator("[name=targetUrl]").fill(`http://${otherHost}:8003/The%20harbour.mp4`);
  await page.locator('form[action="/my/imports"] button.main').click();
  await page.waitForURL(/\/my\/videos/);
  await page.waitForFunction(() => document.querySelector("#imports progress") || (setTimeout(() => location.reload(), 300), false), undefined, { polling: 500 });
  await screenshot("imports");
  fixture.goOn();
  const made = page.locator(".rows a", { hasText: "The harbour" });
  await page.waitForFunction(() => ![...document.querySelectorAll("#imports")].length || (setTimeout(() => location.reload(), 300), false), undefined, { polling: 500 });
  const listening = page.waitForRequest((request) => request.url().endsWith("/progress/events"));
  await made.click();
  await listening;
  await page.locator('[data-stage="published"]').waitFor({ timeout: 120_000 });
  assert.equal(await page.locator("[name=name]").inputValue(), "The harbour");
});

test("a file is had by a link that says what it is called", async () => {
  const { page } = await logIn("/my/videos");
  await page.locator(".rows a", { hasText: "Watch" }).first().click();
  const link = page.locator(".sizes a").first();
  assert.match(await link.getAttribute("href"), /^\/download\/videos\//);
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const file = readFileSync(await download.path());
  assert.equal(file.subarray(4, 8).toString(), "ftyp");
});
