// A stranger's page: hls.js with the stock npm p2p-media-loader, as its own manual begins.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { hlsJs } from "./site.js";

/** The scripts of stock pages, for the site that has these. */
export const stockScripts = { "/hls.js": hlsJs(), "/p2p-media-loader-core.js": bundle("core"), "/p2p-media-loader-hlsjs.js": bundle("hlsjs") };

/**
 * The HTML of a page that plays `master` in one rendition (the best, or that of `height`) and trades it in the swarms of `tracker`.
 *
 * `window.stock` counts what its engine and its video tell: `httpBytes`, `p2pBytes`, `uploadedBytes`, `peers` (open now), `met`
 * (opened in all), `stalls` and `stallMs` (after the start), `startMs` (from the start of the navigation), `ended`, `errors`.
 * `window.behind()` is by how many seconds it is behind a live stream.
 * `core` holds more settings for the engine.
 *
 * hls.js works without its worker here unless `worker` is true. With it, which is the default, hls.js moves each buffer that it is
 * given out of the page, and so out of the package's store: such a peer then answers with segments of no bytes, which others keep,
 * pass on, and never get over.
 */
export function stockPage(master, { tracker, stun, height, worker = false, core = {} }) {
  const imports = { "p2p-media-loader-core": "/p2p-media-loader-core.js", "p2p-media-loader-hlsjs": "/p2p-media-loader-hlsjs.js" };
  const settings = { announceTrackers: [tracker], rtcConfig: { iceServers: [{ urls: stun }] }, ...core };
  const given = JSON.stringify({ master, height, worker, core: settings });
  return `<!doctype html><title>A stranger</title><link rel="icon" href="data:,"><video muted autoplay playsinline width="320"></video>
    <script type="importmap">${JSON.stringify({ imports })}</script><script src="/hls.js"></script>
    <script type="module">import { HlsJsP2PEngine } from "p2p-media-loader-hlsjs"; (${play})(HlsJsP2PEngine, ${given});</script>`;
}

function bundle(part) {
  const name = `p2p-media-loader-${part}`;
  // The packages export no path to their bundles.
  const root = dirname(dirname(createRequire(import.meta.url).resolve("hls.js/package.json")));
  return readFileSync(join(root, name, "dist", `${name}.es.min.js`), "utf8");
}

/** Runs in the page. */
function play(HlsJsP2PEngine, { master, height, worker, core }) {
  const stock = { httpBytes: 0, p2pBytes: 0, uploadedBytes: 0, peers: 0, met: 0, stalls: 0, stallMs: 0, startMs: undefined, ended: false, errors: [] };
  window.stock = stock;

  const HlsWithP2P = HlsJsP2PEngine.injectMixin(Hls);
  const hls = new HlsWithP2P({ enableWorker: worker, p2p: { core } });
  window.behind = () => hls.latency;
  const engine = hls.p2pEngine;
  engine.addEventListener("onChunkDownloaded", (bytes, source) => (stock[source === "p2p" ? "p2pBytes" : "httpBytes"] += bytes));
  engine.addEventListener("onChunkUploaded", (bytes) => (stock.uploadedBytes += bytes));
  engine.addEventListener("onPeerConnect", () => (stock.peers++, stock.met++));
  engine.addEventListener("onPeerClose", () => stock.peers--);
  engine.addEventListener("onTrackerError", ({ error }) => stock.errors.push(String(error)));
  hls.on(Hls.Events.ERROR, (_, error) => error.fatal && stock.errors.push(error.details));
  hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
    // In the order of their rates. hls.js is told before it loads, so that no other rendition is begun.
    hls.loadLevel = height ? levels.findIndex((level) => level.height === height) : levels.length - 1;
  });

  const video = document.querySelector("video");
  let since;
  video.addEventListener("playing", () => {
    stock.startMs ??= performance.now();
    if (since !== undefined) stock.stallMs += performance.now() - since;
    since = undefined;
  });
  video.addEventListener("waiting", () => {
    if (stock.startMs === undefined || video.seeking || since !== undefined) return;
    since = performance.now();
    stock.stalls++;
  });
  video.addEventListener("ended", () => (stock.ended = true));
  hls.loadSource(master);
  hls.attachMedia(video);
}
