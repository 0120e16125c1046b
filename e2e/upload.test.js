// What the upload page does with an upload that was begun before: it goes on with it, or begins anew when its form says something else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { minute } from "./lib/media.js";
import { beginUpload, fill, line, logIn, partsSent, send } from "./lib/people.js";

const fixture = serverAndBrowser(async (fixture) => {
  fixture.password = await fixture.server.password("root");
});

/** Begins to upload a minute, and leaves the page in the middle; the page, opened again. */
async function leftInTheMiddle(name) {
  const opened = await logIn(fixture, "root", fixture.password, "/my/upload");
  const { page } = opened;
  const { slow, mend } = await line(page);
  await slow(2_000_000);
  const [begun] = await Promise.all([page.waitForResponse((answer) => answer.request().method() === "POST"), beginUpload(page, minute(), name)]);
  await page.waitForFunction(() => document.getElementById("sent").value > 20);
  page.on("dialog", (dialog) => dialog.accept());
  await page.reload();
  await mend();
  return { ...opened, location: new URL(begun.headers().location, page.url()).href, starts: partsSent(page) };
}

/** The short id of the video that the page goes on to. */
async function untilSent(page) {
  await page.waitForURL(/\/my\/videos\/\w/, { timeout: 30_000 });
  return page.url().split("/").at(-1);
}

test("the name of a file is its title until somebody says another, and an upload waits when it is told to", async () => {
  const { page, screenshot } = await logIn(fixture, "root", fixture.password, "/my/upload");
  await page.locator("[name=file]").setInputFiles(minute());
  assert.equal(await page.locator("#name").inputValue(), "minute-with-sound");
  const { slow, mend } = await line(page);
  await slow(4_000_000);
  await send(page);
  const pause = page.locator("#pause");
  await pause.click();
  assert.equal(await pause.getAttribute("aria-pressed"), "true");
  await page.waitForFunction(() => document.getElementById("sent").value > 50);
  await screenshot("upload-paused");
  await mend();
  await pause.click();
  await untilSent(page);
});

test("who left an upload goes on with it by choosing the same file", async () => {
  const { page, starts } = await leftInTheMiddle("A minute, in two visits");
  await beginUpload(page, minute(), "A minute, in two visits");
  await untilSent(page);
  assert.ok(starts[0] > 0, `all was sent again: ${starts}`);
});

test("an upload is begun anew when its form says something else now", async () => {
  const { page, location, starts, screenshot } = await leftInTheMiddle("What it was to be called");
  await beginUpload(page, minute(), "What it is called");
  const short = await untilSent(page);
  assert.equal(starts[0], 0, `it went on with what was said before: ${starts}`);
  assert.equal(await page.locator("[name=name]").inputValue(), "What it is called");
  await screenshot("upload-anew");
  const gone = await page.evaluate((url) => fetch(url, { method: "PUT", headers: { "content-range": "bytes */1" } }).then(({ status }) => status), location);
  assert.equal(gone, 404, "what was begun before stays");
  await page.goto(`${fixture.server.url}/my/videos`);
  assert.equal(await page.locator("main a", { hasText: "What it was to be called" }).count(), 0);
  assert.equal(await page.locator(`a[href="/my/videos/${short}"]`).textContent(), "What it is called");
});
