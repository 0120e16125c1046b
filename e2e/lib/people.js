// What people do on pages: open them, fill forms, come in and go, lose their connection.

/** Opens a page of the fixture's server, or of another. */
export async function at({ browser, server }, path) {
  const player = await browser.open(server.url + path);
  return { player, page: player.page, log: player.log, screenshot: (name) => player.screenshot(name) };
}

/** Of several fields of a name, those of the page's first form. */
export async function fill(page, fields) {
  for (const [name, text] of Object.entries(fields)) await page.locator(`[name="${name}"]`).first().fill(text);
}

/** Presses the main button of the page's main form. */
export function send(page) {
  return page.locator("main button.main").first().click();
}

/** Opens the login, with where to go on to, and sends these words. Says nothing of whether they were right. */
export async function knock(fixture, username, password, path = "/") {
  const opened = await at(fixture, `/login?next=${encodeURIComponent(path)}`);
  await fill(opened.page, { username, password });
  await send(opened.page);
  return opened;
}

/** The same, with the right words. */
export async function logIn(fixture, username, password, path = "/") {
  const opened = await knock(fixture, username, password, path);
  await opened.page.locator('form[action="/logout"]').waitFor();
  return opened;
}

/** As a browser that was never here. */
export function logOut({ browser }) {
  return browser.context.clearCookies();
}

/** Fills in the form for a new account and sends it. */
export async function register(fixture, fields) {
  const opened = await at(fixture, "/register");
  await fill(opened.page, fields);
  await send(opened.page);
  return opened;
}

/** The line between a page and its server: how many bytes a second it takes, or that it is cut. */
export async function line(page) {
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  const set = (offline, uploadThroughput) => network.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput });
  return { slow: (bytes) => set(false, bytes), cut: () => set(true, -1), mend: () => set(false, -1) };
}

/** Where the parts begin that a page sends from now on, of uploads in parts. */
export function partsSent(page) {
  const starts = [];
  page.on("request", (request) => {
    const [, start] = /^bytes (\d+)-/.exec((request.method() === "PUT" && request.headers()["content-range"]) || "") ?? [];
    if (start !== undefined) starts.push(Number(start));
  });
  return starts;
}

/** Waits until the page of a video, reloading itself, says that all sizes are made. */
export function untilMade(page) {
  return page.locator('[data-stage="published"]').waitFor({ timeout: 120_000 });
}

/** Fills in the upload page and presses its button: the upload has begun. */
export async function beginUpload(page, file, name) {
  await page.locator("[name=file]").setInputFiles(file);
  await fill(page, { name });
  await send(page);
}

/** Uploads over a line that is slow, is cut in the middle and comes back; the short id of the video, whose page is then there. */
export async function uploadOverABadLine({ page, screenshot }, file, name) {
  const { slow, cut, mend } = await line(page);
  await slow(2_000_000);
  const starts = partsSent(page);
  await beginUpload(page, file, name);
  await page.waitForFunction(() => document.getElementById("sent").value > 20);
  await screenshot("upload");
  await cut();
  await page.waitForFunction((said) => document.getElementById("said").textContent === said, "The connection is lost. It goes on as soon as it is back.");
  await screenshot("upload-cut");
  await mend();
  await page.waitForURL(/\/my\/videos\//, { timeout: 30_000 });
  if (!(starts.at(-1) > 0)) throw new Error(`all was sent again: ${starts}`);
  return page.url().split("/").at(-1);
}
