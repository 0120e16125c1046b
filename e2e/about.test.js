// What a site says of itself, in its host's words, on a page that each page leads to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";

const fixture = serverAndBrowser(async () => {}, {
  SHOAL_INSTANCE_NAME: "Sea TV",
  SHOAL_INSTANCE_SHORT_DESCRIPTION: "Films of the sea, by those who live there.",
  SHOAL_INSTANCE_DESCRIPTION: "We film **the sea**.",
  SHOAL_INSTANCE_RULES: "- Be kind.\n- No ads. <script>alert(1)</script>",
  SHOAL_INSTANCE_CONTACT: "us@example.org",
  SHOAL_INSTANCE_LANGUAGES: "en,fr",
  SHOAL_INSTANCE_CATEGORIES: "Education",
});

test("a visitor reads whose site it is, by which rules, and how to reach them", async () => {
  const player = await fixture.browser.open(fixture.server.url + "/");
  const { page, log } = player;
  assert.match(await page.title(), /Sea TV/);
  await page.locator('footer a[href="/about"]').click();
  assert.equal(await page.locator("h1").textContent(), "Sea TV");
  const text = await page.locator("main").innerText();
  for (const said of ["by those who live there", "House rules", "Be kind.", "English, French", "Education", "given by whoever runs it"]) {
    assert.ok(text.includes(said), `${said} in ${text}`);
  }
  assert.equal(await page.locator("main strong").textContent(), "the sea");
  assert.equal(await page.locator("main script").count(), 0);
  assert.ok(!text.includes("Terms of use"), "what is empty isn't shown");
  assert.equal(await page.locator('a[href="mailto:us@example.org"]').count(), 1);
  await player.screenshot("about");
  const description = page.locator('a[href="/api/shoal/v1/openapi.json"]');
  assert.equal(await description.count(), 1);
  const told = await (await fetch(`${fixture.server.url}/api/shoal/v1/openapi.json`)).json();
  assert.equal(told.openapi, "3.1.0");
  assert.deepEqual(log.errors, []);
});
