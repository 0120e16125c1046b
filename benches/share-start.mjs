// What sharing costs the start: our player's first frame with peers on beside off, while another viewer already watches.
//
// Called by `cargo xtask bench share-start` with the server's address and the video's id; prints Markdown. For each pair a new
// viewer watches first, so that peers have something to give; then the page is loaded with `p2p="full"` and with `p2p="off"`, each
// time in a fresh context, now one first, now the other.

import { loadavg } from "node:os";
import { launch, load, open } from "./chromium.mjs";
import { intervalOfMedian, median, table } from "./figures.mjs";
import { figures, startRoom } from "./room.mjs";

const PAIRS = 20;
// So much has the other viewer watched: two segments at least.
const AHEAD_SECONDS = 5;
const PATIENCE_MS = 30_000;

const [server, id] = process.argv.slice(2);
const room = await startRoom(server, id);
const kinds = [
  { name: "on", url: `${room.url}/ours`, runs: [] },
  { name: "off", url: `${room.url}/ours-alone`, runs: [] },
];

const browser = await launch();
try {
  for (let pair = 0; pair <= PAIRS; pair++) {
    const other = await watching();
    for (const { name, url, runs } of pair % 2 ? kinds : [...kinds].reverse()) {
      const run = await load(browser, url, figures);
      console.error(`${pair || "warm-up"}: ${name} ${run.frame.toFixed(0)} ms, ${run.told.peers} peers, ${run.told.p2pBytes} bytes from them, load ${loadavg()[0].toFixed(1)}`);
      if (pair) runs.push(run);
    }
    await other.context().close();
  }
} finally {
  await browser.close();
  room.close();
}
console.log(told());

/** Another viewer, who shares. */
async function watching() {
  const page = await open(browser, kinds[0].url, () => onFirstVideo((video) => (window.video = video)));
  await page.waitForFunction((seconds) => window.video?.currentTime > seconds, AHEAD_SECONDS, { timeout: PATIENCE_MS, polling: 100 });
  return page;
}

function told() {
  const [on, off] = kinds.map(({ runs }) => runs.map(({ frame }) => frame));
  const differences = on.map((frame, pair) => frame - off[pair]);
  const ms = (value) => `${value.toFixed(0)} ms`;
  const [low, high] = intervalOfMedian(differences);
  const rows = kinds.map(({ name, runs }) => [
    `peers ${name}`,
    ms(median(runs.map(({ frame }) => frame))),
    runs.filter(({ told }) => told.peers > 0).length,
    runs.filter(({ told }) => told.p2pBytes > 0).length,
  ]);
  const first = table(["our player", `first frame, median of ${PAIRS}`, "loads that had a peer by then", "that had bytes of it"], rows);
  return `${first}\n\nOn less off, pair by pair: median ${ms(median(differences))}, 95 % interval ${ms(low)} to ${ms(high)}. "By then" is 0.7 s after the first frame.`;
}
