// Headless Chromium under measurement: one page load in a fresh context, and what its first video does.

import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../e2e/package.json", import.meta.url))("playwright-core");

// After the first frame, so that requests that began before it have ended and are counted.
const SETTLE_MS = 700;
const PATIENCE_MS = 30_000;

/** Starts the browser, or the one that a program of that name starts. */
export function launch(executablePath = process.env.E2E_CHROMIUM ?? "/usr/bin/chromium") {
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Opens a page in a context of its own (empty cache, no storage), watched by `watch`, which finds `onFirstVideo(then)`. */
export async function open(browser, url, watch) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  try {
    await context.addInitScript(findVideo);
    await context.addInitScript(watch);
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    return page;
  } catch (error) {
    await context.close();
    throw error;
  }
}

/**
 * One load, from the start of the navigation (`performance.timeOrigin`) to the `expectedDisplayTime` of the video's first frame.
 * `ask` is run in the page afterwards; what it returns is in `told`.
 */
export async function load(browser, url, ask = () => undefined) {
  const page = await open(browser, url, watchFirstFrame);
  try {
    await page.waitForFunction(() => firstFrame.frame, undefined, { timeout: PATIENCE_MS, polling: 200 });
    await page.waitForTimeout(SETTLE_MS);
    return { ...(await page.evaluate(() => firstFrame.told())), told: await page.evaluate(ask) };
  } finally {
    await page.context().close();
  }
}

/** Runs in the page before its own scripts: finds the first video, in the document or a shadow root. */
function findVideo() {
  const waiting = [];
  let found;
  const find = (root) => {
    found ??= root.querySelector("video") ?? undefined;
    if (found) for (const then of waiting.splice(0)) then(found);
  };
  const observe = (root) => new MutationObserver(() => find(root)).observe(root, { childList: true, subtree: true });
  observe(document);
  const { attachShadow } = Element.prototype;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    observe(root);
    return root;
  };
  window.onFirstVideo = (then) => waiting.push(then);
}

/** Runs in the page before its own scripts: notes the first frame of the first video, and what came before it. */
function watchFirstFrame() {
  const marks = [];
  const mark = (name, start, end) => marks.push({ name, start, end });
  const noted = new Set();
  const once = (name, start, end) => noted.has(name) || (noted.add(name), mark(name, start, end));

  onFirstVideo((video) => {
    once("video element", performance.now());
    for (const name of ["loadedmetadata", "loadeddata", "playing"]) video.addEventListener(name, () => once(name, performance.now()), { once: true });
    video.requestVideoFrameCallback((now, { expectedDisplayTime, width, height }) => Object.assign(firstFrame, { frame: expectedDisplayTime, now, width, height }));
  });

  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (...given) => {
    const began = performance.now();
    const instantiated = await instantiateStreaming.apply(WebAssembly, given);
    once("wasm: stream, compile, instantiate", began, performance.now());
    return instantiated;
  };
  const { addSourceBuffer } = MediaSource.prototype;
  MediaSource.prototype.addSourceBuffer = function (type) {
    once("source buffer made", performance.now());
    return addSourceBuffer.call(this, type);
  };
  const { appendBuffer } = SourceBuffer.prototype;
  SourceBuffer.prototype.appendBuffer = function (bytes) {
    const [start, number] = [performance.now(), (this.appends = (this.appends ?? 0) + 1)];
    this.addEventListener("updateend", () => number <= 2 && mark(`append ${number} (${bytes.byteLength} bytes)`, start, performance.now()), { once: true });
    return appendBuffer.call(this, bytes);
  };

  const told = () => {
    const { frame, now, width, height } = firstFrame;
    const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const requests = entries
      .filter(({ startTime }) => startTime < frame)
      .map(({ name, startTime, requestStart, responseStart, responseEnd, transferSize }) => ({ name, start: startTime, sent: requestStart, first: responseStart, end: responseEnd, bytes: transferSize }));
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    return { frame, now, width, height, requests, marks: [...marks, ...(paint ? [{ name: "first contentful paint", start: paint }] : [])] };
  };
  window.firstFrame = { told };
}
