// Pages of another host in which viewers of one video meet: ours, and those with the stock npm p2p-media-loader.

import { parts } from "../e2e/lib/parts.js";
import { startSite } from "../e2e/lib/site.js";
import { stockPage } from "../e2e/lib/stock.js";

/** Serves them for the video `id` of the server at `url`; see `startSite`. */
export async function startRoom(url, id) {
  const { master, script } = await parts(`${url}/videos/embed/${id}`);
  const { host, hostname } = new URL(url);
  const ours = (attributes) =>
    `<!doctype html><title>Ours</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>
    <shoal-player src="${master}" autoplay muted ${attributes} style="width:640px"></shoal-player>`;
  const site = await startSite({
    "/ours": ours('p2p="full"'),
    "/ours-alone": ours('p2p="off"'),
    "/stock": stockPage(master, { tracker: `ws://${host}/tracker/socket`, stun: `stun:${hostname}:3478` }),
  });
  return Object.assign(site, { master });
}

/** What a page of either kind tells, by the same names. Runs in the page. */
export function figures() {
  const { httpBytes, p2pBytes, uploadedBytes, peers } = window.stock ?? document.querySelector("shoal-player").stats();
  return { httpBytes, p2pBytes, uploadedBytes, peers };
}
