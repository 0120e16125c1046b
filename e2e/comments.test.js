// What is said below a video: written, answered, approved, deleted and reported by forms, with and without scripts; nothing that people
// write acts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { command } from "./lib/server.js";
import { at, fill, logIn, logOut, send } from "./lib/people.js";

const fixture = serverAndBrowser(async (fixture) => {
  const { data } = fixture.server;
  fixture.passwords = { root: await fixture.server.password("root") };
  for (const name of ["alice", "bob"]) {
    const said = await command("user", "create", name, "--data", data);
    fixture.passwords[name] = /password: (\S+)/.exec(said)[1];
  }
});

const open = (name, path) => logIn(fixture, name, fixture.passwords[name], path);
const clip = () => `/w/${fixture.server.ids.clip}`;
const said = (page) => page.locator(".said > li");

/** Writes into the form below a video. */
async function say(page, text) {
  await page.locator("#say").fill(text);
  await page.locator("#comments > form.say button").click();
  await page.waitForURL(/#comment-\d+$/);
}

/** Answers the comment that has these words. */
async function answer(page, to, text) {
  const line = said(page).filter({ hasText: to }).first();
  await line.locator("summary").click();
  await line.locator("textarea").fill(text);
  await line.locator("details button").click();
  await page.waitForURL(/thread=\d+&at=\d+#comment-\d+$/);
}

/** Sets what the owner of the clip wants of comments: 1 all, 3 after approval. */
async function policy(number) {
  const { page } = await open("root", `/my/videos/${fixture.server.ids.clip}`);
  await page.locator("[name=commentsPolicy]").selectOption(String(number));
  await send(page);
  await page.waitForURL(/\/w\/|\/my\/videos/);
  await logOut(fixture);
}

test("a comment is written, answered, and its author and the video's owner are told", async () => {
  const stranger = await at(fixture, clip());
  assert.equal(await stranger.page.locator("#say").count(), 0);
  assert.equal(await stranger.page.locator("#comments-title").textContent(), "No comments yet");
  const { page } = await open("alice", clip());
  await say(page, "What a **fine** clip.\nTwo lines.");
  assert.equal(await said(page).locator(".prose strong").textContent(), "fine");
  await logOut(fixture);

  const owner = await open("root", "/");
  assert.equal(await owner.page.locator('.ways a[href="/my/notifications"]').textContent(), "1 new");
  await owner.page.locator('.ways a[href="/my/notifications"]').click();
  await owner.screenshot("notifications");
  await owner.page.locator(".said .name").first().click();
  await answer(owner.page, "fine", "Thank you, @alice");
  assert.deepEqual(await said(owner.page).evaluateAll((lines) => lines.map((line) => line.className)), ["step-0", "step-1"]);
  await owner.screenshot("thread");
  await owner.page.goto(`${fixture.server.url}/my/notifications`);
  await owner.page.locator('form[action="/my/notifications"] button').click();
  await owner.page.waitForURL(/notifications$/);
  assert.equal(await owner.page.locator('.ways a[href="/my/notifications"]').count(), 0);
  await logOut(fixture);

  const author = await open("alice", "/my/notifications");
  assert.match(await author.page.locator(".said .name").textContent(), /^root spoke to you/i);
  await logOut(fixture);
});

test("nothing that people write in a comment acts", async () => {
  const { page } = await open("alice", clip());
  const hostile = '<script>document.title = "taken"</script><img src=x onerror=\'document.title="taken"\'>[x](javascript:alert(1)) <style>*{display:none}</style> <a href="//evil.example" onclick="alert(1)">y</a>';
  await say(page, hostile);
  const line = said(page).filter({ hasText: "taken" }).first();
  await line.waitFor();
  assert.equal(await line.locator(".prose :is(script, img, style, iframe, svg, [onclick], [onerror], [style])").count(), 0);
  assert.equal(await line.locator('.prose a[href^="javascript"], .prose a[href*="evil"]').count(), 0);
  assert.notEqual(await page.title(), "taken");
  await logOut(fixture);
});

test("who wrote it and whose video it is delete a comment, and others can't", async () => {
  const { page } = await open("bob", clip());
  await say(page, "Bob was here");
  await page.goto(fixture.server.url + clip());
  const others = said(page).filter({ hasText: "fine" }).first();
  assert.equal(await others.locator('button[value="delete"]').count(), 0);
  await said(page).filter({ hasText: "Bob was here" }).locator('button[value="delete"]').click();
  await page.waitForURL(/\/w\//);
  assert.equal(await said(page).filter({ hasText: "Bob was here" }).count(), 0);
  await logOut(fixture);
  const owner = await open("root", clip());
  await said(owner.page).filter({ hasText: "fine" }).first().locator('button[value="delete"]').click();
  await said(owner.page).filter({ hasText: "This comment was deleted." }).waitFor();
  assert.equal(await said(owner.page).filter({ hasText: "Thank you" }).count(), 1);
  await owner.screenshot("deleted");
  await logOut(fixture);
});

test("a comment waits where its owner wants that, and is shown when they approve it", async () => {
  await policy(3);
  const { page } = await open("bob", clip());
  await say(page, "May I?");
  assert.equal(await said(page).filter({ hasText: "May I?" }).locator(".making").textContent(), "waits for approval");
  await logOut(fixture);
  const stranger = await at(fixture, clip());
  assert.equal(await said(stranger.page).filter({ hasText: "May I?" }).count(), 0);
  const owner = await open("root", "/my/comments?waiting=1");
  await owner.screenshot("waiting");
  await owner.page.locator('button[value="approve"]').click();
  await owner.page.locator(".empty").waitFor();
  await logOut(fixture);
  const again = await at(fixture, clip());
  assert.equal(await said(again.page).filter({ hasText: "May I?" }).count(), 1);
  await policy(1);
});

test("a comment is reported, and whoever keeps order deletes it", async () => {
  const { page, screenshot } = await open("alice", clip());
  await said(page).filter({ hasText: "May I?" }).locator('a[href^="/report"]').click();
  await page.locator("#reason").fill("x");
  await page.locator("main button.main").click();
  assert.equal(await page.locator("#reason[aria-invalid]").count(), 1);
  await fill(page, { reason: "He always asks" });
  await screenshot("report");
  await page.locator("main button.main").click();
  await page.locator(".done").waitFor();
  await logOut(fixture);
  const moderator = await open("root", "/admin/reports");
  assert.equal(await moderator.page.locator("blockquote").textContent(), "He always asks");
  await moderator.screenshot("reports");
  await moderator.page.locator('button[value="delete"]').click();
  await moderator.page.waitForURL(/\/admin\/reports$/);
  await moderator.page.locator('button[value="accept"]').click();
  await moderator.page.locator(".empty").waitFor();
  await logOut(fixture);
  const { page: after } = await at(fixture, clip());
  assert.equal(await said(after).filter({ hasText: "May I?" }).count(), 0);
});

test("all of it works without scripts, in pages of twenty", async () => {
  const { page } = await open("alice", "/");
  const cookies = await fixture.browser.context.cookies();
  const session = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const url = fixture.server.url;
  const post = (path, fields) => fetch(url + path, { method: "POST", redirect: "manual", headers: { cookie: session, origin: url, "sec-fetch-site": "same-origin" }, body: new URLSearchParams(fields) });
  for (let no = 0; no < 22; no++) {
    const done = await post(`${clip()}/comments`, { text: `Number ${no}.` });
    assert.equal(done.status, 303);
  }
  await page.goto(url + clip());
  assert.equal(await said(page).filter({ hasText: "Number" }).count(), 20);
  await page.locator('#comments a[rel="next"]').click();
  await page.waitForURL(/comments=2/);
  assert.equal(await said(page).filter({ hasText: "Number 0." }).count(), 1);
  const foreign = await fetch(`${url}${clip()}/comments`, { method: "POST", redirect: "manual", headers: { cookie: session, origin: "https://evil.example" }, body: new URLSearchParams({ text: "x" }) });
  assert.equal(foreign.status, 403);
  await logOut(fixture);
});

test("what was written and not taken stays in the form, with the reason", async () => {
  const { page } = await open("alice", clip());
  const text = `Not to be lost ${"x".repeat(10_001)}`;
  await page.locator("#say").evaluate((field) => field.removeAttribute("maxlength"));
  await page.locator("#say").fill(text);
  await page.locator("#comments > form.say button").click();
  await page.locator('#comments [role="alert"]').waitFor();
  assert.match(await page.locator('#comments [role="alert"]').textContent(), /At most 10,?000 characters/);
  assert.equal(await page.locator("#say").inputValue(), text);
  await page.locator("#say").fill("Short enough\n".repeat(700));
  await page.locator("#comments > form.say button").click();
  await page.waitForURL(/#comment-\d+$/);

  await said(page).filter({ hasText: "Short enough" }).first().locator("summary", { hasText: "Change" }).click();
  const change = said(page).filter({ hasText: "Short enough" }).first().locator('form:has([value="reword"]) textarea');
  await change.evaluate((field) => field.removeAttribute("maxlength"));
  await change.fill(text);
  await page.locator('button[value="reword"]').first().click();
  await page.locator('#comments [role="alert"]').waitFor();
  await page.locator("#say").fill("Changed after all");
  await page.locator("#comments > form.say button").first().click();
  await said(page).filter({ hasText: "Changed after all" }).first().waitFor();

  await page.locator("#say").fill("Written when the session ended");
  await logOut(fixture);
  await page.locator("#comments > form.say button").click();
  await page.locator('#comments [role="alert"] a[href^="/login"]').waitFor();
  assert.equal(await page.locator("#say").inputValue(), "Written when the session ended");
  await open("alice", "/");
  await page.locator("#comments > form.say button").click();
  await page.waitForURL(/#comment-\d+$/);
  assert.equal(await said(page).filter({ hasText: "Written when the session ended" }).count(), 1);
  await logOut(fixture);
});

test("what one said is listed, and deleted from there", async () => {
  const { page, screenshot } = await open("alice", "/my/comments?said=1");
  const mine = said(page).filter({ hasText: "Changed after all" });
  await mine.waitFor();
  await screenshot("said");
  await mine.locator('button[value="delete"]').click();
  await page.waitForURL(/said=1$/);
  assert.equal(await mine.count(), 0);
  await logOut(fixture);
});

test("a report of what is from here asks for no other server, and a note is kept until it is taken", async () => {
  const { page } = await open("alice", clip());
  await said(page).first().waitFor();
  await page.goto(`${fixture.server.url}/report?video=${clip().slice(3)}`);
  assert.equal(await page.locator('[name="forward"]').count(), 0);
  await fill(page, { reason: "Too loud" });
  await page.locator("main button.main").click();
  await page.locator(".done").waitFor();
  await logOut(fixture);
  const { page: moderator } = await open("root", "/admin/reports?all=1");
  const open_ = moderator.locator("li.sheet").filter({ hasText: "Too loud" });
  await open_.locator('[name="note"]').evaluate((field) => field.removeAttribute("maxlength"));
  await open_.locator('[name="note"]').fill("n".repeat(3_001));
  await open_.locator('button[value="accept"]').click();
  await open_.locator('[name="note"][aria-invalid]').waitFor();
  assert.equal((await open_.locator('[name="note"]').inputValue()).length, 3_001);
  await open_.locator('[name="note"]').fill("n");
  await open_.locator('button[value="accept"]').click();
  await moderator.waitForURL(/\/admin\/reports\?all=1$/);
  assert.match(await open_.textContent(), /accepted/);
  await logOut(fixture);
});
