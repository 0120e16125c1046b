// npm bittorrent-tracker as a WebSocket tracker on the loopback: `node tracker.mjs PORT`, for `cargo xtask bench tracker`.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(new URL("../e2e/package.json", import.meta.url));
const { default: Server } = await import(pathToFileURL(`${packages.resolve.paths("x")[0]}/bittorrent-tracker/server.js`));

const server = new Server({ http: false, udp: false, ws: true });
// A client that resets its connection is no reason to end.
server.on("error", () => {});
server.on("warning", () => {});
server.listen(Number(process.argv[2]), "127.0.0.1");
