// Pages of another host in which viewers of one video meet: ours, and those with the stock npm p2p-media-loader.

import { startSite } from "../e2e/lib/site.js";
import { stockPage, stockScripts } from "../e2e/lib/stock.js";

/** The kinds of page, by their paths' first part. */
export const KINDS = ["on", "off", "stock"];

/** Serves them for each of `masters`, which are addresses by name, at `/KIND/NAME`; `script` is our player's. */
export async function startRoom(script, masters) {
  const pages = Object.entries(masters).flatMap(([name, master]) => {
    const { host, hostname } = new URL(master);
    const ours = (p2p) =>
      `<!doctype html><title>Ours</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>
      <shoal-player src="${master}" autoplay muted p2p="${p2p}" style="width:640px"></shoal-player>`;
    return [
      [`/on/${name}`, ours("full")],
      [`/off/${name}`, ours("off")],
      [`/stock/${name}`, stockPage(master, { tracker: `ws://${host}/tracker/socket`, stun: `stun:${hostname}:3478` })],
    ];
  });
  return startSite({ ...stockScripts, ...Object.fromEntries(pages) });
}
