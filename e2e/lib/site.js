// Other people's hosts: a blog that embeds our player, and an origin that misbehaves on purpose.

import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";

/** The other host on the test's network. */
export const otherHost = "10.99.0.2";

/** Serves `pages`, a map from path to HTML, or to JavaScript where the path ends so, on the other host; compressed, as sites do. */
export async function startSite(pages, port = 8000) {
  const packed = Object.fromEntries(Object.entries(pages).map(([path, page]) => [path, gzipSync(page)]));
  return listen(port, (request, response) => {
    const page = packed[request.url];
    // Browsers ask every site for an icon; without one is not an error.
    if (!page) return response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
    const type = request.url.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
    response.writeHead(200, { "content-type": type, "content-encoding": "gzip" }).end(page);
  });
}

/** A stranger's page with our bare element for `master`; `attributes` are more of them. `script` is the player's. */
export function elementPage({ master, script }, attributes = "") {
  return `<!doctype html><title>A blog</title><script type="module" src="${script}"></script><shoal-player style="width:640px" src="${master}" ${attributes}></shoal-player>`;
}

/** Serves `files`, a map from path to content, to pages of any host; without ranges, as small servers do, unless told otherwise. */
export async function startFiles(files, { port = 8002, ranges = false } = {}) {
  return listen(port, (request, response) => {
    const file = files[request.url];
    const [, first, last] = (ranges && file && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")) || [];
    if (!first) {
      response.writeHead(file ? 200 : 404, CROSS_ORIGIN);
      return response.end(file ?? "");
    }
    const part = file.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${file.length}`;
    response.writeHead(206, { ...CROSS_ORIGIN, "access-control-allow-headers": "range", "content-range": range });
    response.end(part);
  });
}

/**
 * An origin on the other host that passes requests on to `upstream`, unless `fault(request)` answers instead.
 *
 * `fault` gets `{ path, start, end, tries }` (the byte range, and how often that was asked for before) and returns
 * `{ status, headers, body }` or nothing. `asked` holds `{ path, start, at }` of every request.
 */
export async function startOrigin(upstream, fault, port = 8001) {
  const asked = [];
  const site = await listen(port, async (request, response) => {
    const [, start, end] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    const seen = { path: request.url, start: start && Number(start), end: end ? Number(end) : undefined, at: performance.now() };
    const tries = asked.filter((earlier) => earlier.path === seen.path && earlier.start === seen.start).length;
    if (request.method !== "OPTIONS") asked.push(seen);
    const answer = request.method !== "OPTIONS" && fault({ ...seen, tries });
    if (answer) {
      response.writeHead(answer.status, { ...CROSS_ORIGIN, ...answer.headers });
      response.end(answer.body ?? "");
      return;
    }
    await passOn(upstream, request, response);
  });
  return Object.assign(site, { asked });
}

/** hls.js as a script for a stranger's page. */
export function hlsJs() {
  return readFileSync(createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js"), "utf8");
}

async function passOn(upstream, request, response) {
  const { host, connection, ...headers } = request.headers;
  const answer = await fetch(upstream + request.url, { method: request.method, headers: { ...headers, "accept-encoding": "identity" } });
  const names = ["content-type", "content-range", "accept-ranges", "etag", "cache-control", "access-control-allow-headers", "access-control-allow-methods"];
  const kept = names.flatMap((name) => (answer.headers.has(name) ? [[name, answer.headers.get(name)]] : []));
  response.writeHead(answer.status, { ...Object.fromEntries(kept), ...CROSS_ORIGIN });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

/** Answers requests to the other host. */
export async function listen(port, handler) {
  const server = createServer((request, response) => {
    Promise.resolve(handler(request, response)).catch((error) => response.destroy(error));
  });
  server.listen(port, otherHost);
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://${otherHost}:${port}`, close };
}

const CROSS_ORIGIN = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "content-range, content-length, retry-after",
};
