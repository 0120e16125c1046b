// One viewer of a round: a page in a browser on a line of its own, watched from the first request until the video ends.

import { launch, open } from "../chromium.mjs";

/** Starts a browser on a line. */
export async function seat(line) {
  const browser = await launch(line.browser);
  return { watch: (url) => watch(browser, line, url), close: () => browser.close() };
}

async function watch(browser, line, url) {
  const [opened, cpuBefore] = [performance.now(), line.cpuSeconds()];
  const page = await open(browser, url, watchPlayback);
  return {
    address: line.address,
    /** In `performance.now()`. */
    opened,
    /** Waits for the video's end, for no longer than `patience` (ms), and tells what that took. */
    async ended(patience) {
      const isThrough = await page.waitForFunction(() => playback.ended, undefined, { timeout: patience, polling: 500 }).then(
        () => true,
        () => false,
      );
      return { isThrough, seconds: (performance.now() - opened) / 1000, cpuSeconds: line.cpuSeconds() - cpuBefore };
    },
    /** What the page and its engine tell. */
    told: () => page.evaluate(() => ({ ...playback.told(), ...playback.engine() })),
    behindSeconds: () => page.evaluate(() => playback.behind()),
  };
}

/** Runs in the page before its own scripts. */
function watchPlayback() {
  const seen = { startMs: null, stalls: 0, stallMs: 0 };
  let since, video, from, to;
  const running = () => (since === undefined ? 0 : performance.now() - since);
  onFirstVideo((found) => {
    video = found;
    video.requestVideoFrameCallback((_, { expectedDisplayTime }) => (seen.startMs = expectedDisplayTime));
    video.addEventListener("playing", () => {
      seen.stallMs += running();
      since = undefined;
    });
    video.addEventListener("waiting", () => {
      if (seen.startMs === null || video.seeking || video.ended || since !== undefined) return;
      since = performance.now();
      seen.stalls++;
    });
    video.addEventListener("ended", () => (playback.ended = true));
    setInterval(() => {
      const { length } = video.buffered;
      if (!length) return;
      from = Math.min(from ?? Infinity, video.buffered.start(0));
      to = video.buffered.end(length - 1);
    }, 200);
  });
  const ours = () => document.querySelector("shoal-player");
  window.playback = {
    ended: false,
    /** `heldSeconds` is what the page has had in its buffer, from the first to the last. */
    told: () => ({ ...seen, stallMs: seen.stallMs + running(), heldSeconds: to - from || 0, droppedFrames: video?.getVideoPlaybackQuality().droppedVideoFrames }),
    /** By the same names for both engines; what only ours tells is null elsewhere. */
    engine: () => {
      const { httpBytes, p2pBytes, uploadedBytes, peers, duplicateBytes = null, rejectedPieces = null, errors = [] } = window.stock ?? ours().stats();
      return { httpBytes, p2pBytes, uploadedBytes, peers, duplicateBytes, rejectedPieces, errors };
    },
    behind: () => (window.stock ? window.behind() : ours().stats().liveLatencySeconds),
  };
}
