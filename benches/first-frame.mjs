// How soon Shoal's embed page shows its first video frame, beside a bare page with hls.js, in headless Chromium.
//
// Called by `cargo xtask bench first-frame` with both pages' addresses; prints Markdown. Both pages are loaded in turn,
// each time in a fresh context (empty cache, no storage), and measured by the same script inside the page: from the start
// of the navigation (`performance.timeOrigin`) to the `expectedDisplayTime` of the video's first frame.

import { loadavg } from "node:os";
import { basename } from "node:path";
import { launch, load } from "./chromium.mjs";
import { quantile, table } from "./figures.mjs";

const LOADS = 20;
// The median that we want.
const WANTED = "0.60 s";

const [shoal, other] = process.argv.slice(2);
const pages = [
  { name: "shoal", url: shoal, runs: [] },
  { name: "hls.js", url: other, runs: [] },
];

const browser = await launch();
try {
  for (let no = 0; no <= LOADS; no++) {
    for (const { name, url, runs } of pages) {
      const run = await load(browser, url);
      const load1 = loadavg()[0].toFixed(1);
      console.error(`${no || "warm-up"}: ${name} ${run.frame.toFixed(0)} ms, ${run.height} lines, load ${load1}`);
      if (no) runs.push(run);
    }
  }
} finally {
  await browser.close();
}
console.log([found(), downloads(), timeline(pages[0])].join("\n\n"));

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
