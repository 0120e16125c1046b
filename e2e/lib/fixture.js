// What every test file stands on: one server and one browser, gone afterwards.

import { after, afterEach, before } from "node:test";
import { startBrowser } from "./browser.js";
import { startServer } from "./server.js";

/**
 * Starts both before the file's tests, then runs `prepare(fixture)`: node does not promise that one `before` waits for
 * another. `environment` has settings of the server. Each test closes nothing but what it opened beyond a page.
 */
export function serverAndBrowser(prepare = () => {}, environment = {}) {
  const fixture = {};
  before(async () => {
    fixture.server = await startServer(undefined, environment);
    fixture.browser = await startBrowser();
    await prepare(fixture);
  });
  afterEach(async () => {
    const pages = fixture.browser?.context.pages() ?? [];
    // A browser without a page ends, so the first one stays, empty.
    await Promise.all(pages.map((page, index) => (index ? page.close() : page.goto("about:blank"))));
  });
  after(async () => {
    await fixture.browser?.close();
    await fixture.server?.close();
  });
  return fixture;
}
