// What sharing costs the start: our page's first frame with peers on and off, in pairs by turns, while another viewer watches already.

import { launch, load, open } from "../chromium.mjs";
import { watchMachine } from "./machine.mjs";

/** So many pairs have the same other viewer, whom nothing but time tells from a fresh one. */
const PAIRS_OF_ONE = 5;
/** So much has that one watched: two segments at least. */
const AHEAD_SECONDS = 5;
const PATIENCE_MS = 30_000;
/** Of a pair, and of another viewer's beginning: for the plan. */
const PAIR_SECONDS = 3;

/** For how long `start` takes. */
export function startSeconds(pairs) {
  return pairs * PAIR_SECONDS + Math.ceil(pairs / PAIRS_OF_ONE) * (AHEAD_SECONDS + 2);
}

/** Loads pages `on` and `off` in turn on one line while another has `on` too; first frames in ms, pair by pair. */
export async function start({ on, off, lines: [line, others], pairs }) {
  const [browser, audience] = await Promise.all([launch(line.browser), launch(others.browser)]);
  const found = [];
  try {
    const machine = watchMachine();
    let other;
    // The first pair only warms up.
    for (let no = 0; no <= pairs; no++) {
      if (no % PAIRS_OF_ONE === 0) {
        await other?.context().close();
        other = await watching(audience, on);
      }
      const pair = {};
      for (const [name, url] of no % 2 ? [["on", on], ["off", off]] : [["off", off], ["on", on]]) {
        const { frame, told } = await load(browser, url, figures);
        pair[name] = { startMs: frame, ...told };
      }
      console.error(`start ${no || "(warm-up)"}: on ${pair.on.startMs.toFixed(0)} ms, off ${pair.off.startMs.toFixed(0)} ms, ${pair.on.p2pBytes} bytes from peers`);
      if (no) found.push(pair);
    }
    return { machine: machine(), pairs: found };
  } finally {
    await Promise.all([browser.close(), audience.close()]);
  }
}

/** Runs in the page. */
function figures() {
  const { peers, p2pBytes, stalls } = document.querySelector("shoal-player").stats();
  return { peers, p2pBytes, stalls };
}

async function watching(browser, url) {
  const page = await open(browser, url, () => onFirstVideo((video) => (window.video = video)));
  await page.waitForFunction((seconds) => window.video?.currentTime > seconds, AHEAD_SECONDS, { timeout: PATIENCE_MS, polling: 100 });
  return page;
}
