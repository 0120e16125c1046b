// How soon Shoal's embed page shows its first video frame, beside a bare page with hls.js, in headless Chromium.
//
// Called by `cargo xtask bench first-frame` with both pages' addresses; prints Markdown. Both pages are loaded in turn,
// each time in a fresh context (empty cache, no storage), and measured by the same script inside the page: from the start
// of the navigation (`performance.timeOrigin`) to the `expectedDisplayTime` of the video's first frame.

import { createRequire } from "node:module";
import { basename } from "node:path";
import { loadavg } from "node:os";

const { chromium } = createRequire(new URL("../e2e/package.json", import.meta.url))("playwright-core");

const LOADS = 20;
// After the first frame, so that requests that began before it have ended and are counted.
const SETTLE_MS = 700;
const PATIENCE_MS = 30_000;
// The median that we want.
const WANTED = "0.60 s";

const [shoal, other] = process.argv.slice(2);
const pages = [
  { name: "shoal", url: shoal, runs: [] },
  { name: "hls.js", url: other, runs: [] },
];

const browser = await chromium.launch({
  executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (let load = 0; load <= LOADS; load++) {
    for (const { name, url, runs } of pages) {
      const run = await measure(url);
      const load1 = loadavg()[0].toFixed(1);
      console.error(`${load || "warm-up"}: ${name} ${run.frame.toFixed(0)} ms, ${run.height} lines, load ${load1}`);
      if (load) runs.push(run);
    }
  }
} finally {
  await browser.close();
}
console.log([found(), downloads(), timeline(pages[0])].join("\n\n"));

/** One load in a context of its own. */
async function measure(url) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  try {
    await context.addInitScript(watch);
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForFunction(() => firstFrame.frame, undefined, { timeout: PATIENCE_MS, polling: 200 });
    await page.waitForTimeout(SETTLE_MS);
    return await page.evaluate(() => firstFrame.told());
  } finally {
    await context.close();
  }
}

/** Runs in the page before its own scripts: notes the first frame of the first video, in the document or a shadow root. */
function watch() {
  const marks = [];
  const mark = (name, start, end) => marks.push({ name, start, end });
  const noted = new Set();
  const once = (name, start, end) => noted.has(name) || (noted.add(name), mark(name, start, end));
  const seen = { video: undefined };

  const find = (root) => {
    const video = seen.video ? undefined : root.querySelector("video");
    if (!video) return;
    seen.video = video;
    once("video element", performance.now());
    for (const name of ["loadedmetadata", "loadeddata", "playing"]) video.addEventListener(name, () => once(name, performance.now()), { once: true });
    video.requestVideoFrameCallback((now, { expectedDisplayTime, width, height }) => Object.assign(firstFrame, { frame: expectedDisplayTime, now, width, height }));
  };
  const observe = (root) => new MutationObserver(() => find(root)).observe(root, { childList: true, subtree: true });
  observe(document);
  const { attachShadow } = Element.prototype;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    observe(root);
    return root;
  };

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

function found() {
  const rows = pages.map(({ name, runs }) => {
    const frames = runs.map(({ frame }) => frame);
    const [least, low, middle, high] = [0, 0.25, 0.5, 0.75].map((share) => seconds(quantile(frames, share)));
    const heights = [...new Set(runs.map(({ height }) => height))].join(", ");
    return [name, middle, least, `${low} – ${high}`, heights, name === "shoal" ? WANTED : "–"];
  });
  return table(["page", `first frame, median of ${LOADS}`, "least", "middle half", "lines", "wanted"], rows);
}

function downloads() {
  const rows = pages.map((page) => {
    const { requests } = medianRun(page);
    const pageFiles = requests.filter(({ name }) => !isMedia(name));
    const kilobytes = (list) => `${(list.reduce((sum, { bytes }) => sum + bytes, 0) / 1000).toFixed(1)} KB`;
    return [page.name, requests.length, pageFiles.length, kilobytes(pageFiles), kilobytes(requests.filter(({ name }) => isMedia(name)))];
  });
  return `Requests begun before the first frame of the median load:\n\n${table(["page", "requests", "without media", "bytes without media", "media"], rows)}`;
}

function timeline(page) {
  const { frame, requests, marks } = medianRun(page);
  const events = [
    ...requests.map(({ name, start, sent, first, end, bytes }) => ({ name: short(name), start, sent, first, end, bytes })),
    ...marks.filter(({ start }) => start <= frame).map((mark) => ({ ...mark, name: `*${mark.name}*` })),
    { name: "**first frame**", start: frame },
  ].sort((a, b) => a.start - b.start);
  const ms = (time) => (time === undefined ? "" : time.toFixed(0));
  const rows = events.map(({ name, start, sent, first, end, bytes }) => [name, ms(start), ms(sent), ms(first), ms(end), bytes ?? ""]);
  return `The median load of ${page.name}, in ms after the start of the navigation:\n\n${table(["what", "start", "sent", "first byte", "end", "bytes"], rows)}`;
}

/** The load in the middle: of an even number, the quicker of the two. */
function medianRun({ runs }) {
  return [...runs].sort((a, b) => a.frame - b.frame)[Math.ceil(runs.length / 2) - 1];
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function isMedia(url) {
  return new URL(url).pathname.endsWith(".mp4");
}

function short(url) {
  const { pathname } = new URL(url);
  return basename(pathname) || "/";
}

function table(columns, rows) {
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
