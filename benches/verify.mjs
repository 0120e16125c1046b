// How fast the player verifies: the module as it is shipped, through the functions that the player calls, with the bytes in JavaScript's
// memory. In node, whose compiler is Chromium's, by the time that its threads ran, whatever else runs; in Chromium itself as well if
// it is here, by the clock. One core each.
//
//   node benches/verify.mjs     after `cargo xtask pages`

import { createServer } from "node:http";
import { once } from "node:events";
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { cpus, loadavg } from "node:os";

const DIST = new URL("../www/dist/", import.meta.url);

const script = readdirSync(DIST).find((name) => /^verifier-.*\.js$/.test(name));
if (!script) throw new Error("no verifier in www/dist: cargo xtask pages makes it");

/** Runs in node and in a page: MB/s of each way to digest pieces and segments, signatures a second. Medians of nine. */
async function measure(url, { key, message, signature }) {
  const { blake3, sha256, verify } = await import(url);
  const bytes = new Uint8Array(8 << 20);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31) ^ (at >> 8);
  const cut = (size) => Array.from({ length: bytes.length / size }, (_, no) => bytes.subarray(no * size, (no + 1) * size));
  const pieces = cut(64 << 10);
  // As they come from a network: two views of a piece, neither of them even.
  const torn = pieces.map((piece) => [piece.subarray(0, 40_001), piece.subarray(40_001)]);
  const ran = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1000;
  const clock = globalThis.process ? ran : () => performance.now();
  const median = (all) => all.sort((a, b) => a - b)[all.length >> 1];
  const rate = async (each, count) => {
    const rates = [];
    for (let round = 0; round < 10; round++) {
      const begin = clock();
      await each();
      rates.push(count / ((clock() - begin) / 1000));
    }
    return median(rates.slice(1));
  };
  const megabytes = bytes.length / 1e6;
  const all = async (parts, digest) => {
    for (const part of parts) await digest(part);
  };
  const figures = {
    "BLAKE3, pieces of 64 KiB": await rate(() => all(pieces, (piece) => blake3([piece])), megabytes),
    "the same, each in two uneven parts": await rate(() => all(torn, blake3), megabytes),
    "BLAKE3, segments of 8 MiB": await rate(() => blake3([bytes]), megabytes),
    "SHA-256, segments of 8 MiB": await rate(() => sha256([bytes]), megabytes),
  };
  if (globalThis.crypto?.subtle) {
    figures["WebCrypto's SHA-256, pieces of 64 KiB"] = await rate(() => all(pieces, (piece) => crypto.subtle.digest("SHA-256", piece)), megabytes);
    figures["WebCrypto's SHA-256, segments of 8 MiB"] = await rate(() => crypto.subtle.digest("SHA-256", bytes), megabytes);
  }
  const given = [key, message, signature].map((list) => Uint8Array.from(list));
  let right = 0;
  const signatures = await rate(() => {
    for (let no = 0; no < 100; no++) right += verify(...given);
  }, 100);
  if (right !== 1000) throw new Error("a right signature counts as wrong");
  return { figures, signatures };
}

/** A window of 32 segments of 1 MB, or its like, and its signature. */
function signedMessage() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = Buffer.alloc(32 * (36 + 16 * 16) + 200, 7);
  const key = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url");
  return { key: [...key], message: [...message], signature: [...sign(null, message, privateKey)] };
}

async function inNode(signed) {
  // Node fetches no files; the module asks for its wasm as it would on a page.
  globalThis.fetch = async (url) => new Response(readFileSync(url), { headers: { "content-type": "application/wasm" } });
  return measure(new URL(script, DIST).href, signed);
}

async function inChromium(signed) {
  const executable = process.env.E2E_CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executable)) return undefined;
  const { launch } = await import("./chromium.mjs");
  const server = createServer((request, response) => {
    const name = request.url.slice(1);
    const type = name.endsWith(".wasm") ? "application/wasm" : name.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(200, { "content-type": type });
    response.end(/^verifier-[\w.-]+$/.test(name) ? readFileSync(new URL(name, DIST)) : "<!doctype html><title>Verify</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const url = `http://127.0.0.1:${server.address().port}/`;
    await page.goto(url);
    return await page.evaluate(`(${measure})(${JSON.stringify(url + script)}, ${JSON.stringify(signed)})`);
  } finally {
    await browser.close();
    server.close();
  }
}

const signed = signedMessage();
const places = { [`node ${process.versions.node}`]: await inNode(signed) };
const chromium = await inChromium(signed).catch((error) => console.error(`no Chromium: ${error.message}`));
if (chromium) places.Chromium = chromium;
const names = Object.keys(places);
console.log(`${cpus()[0].model}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0].toFixed(1)}\n`);
console.log(`| MB/s, one core | ${names.join(" | ")} |\n| --- |${" --- |".repeat(names.length)}`);
for (const what of Object.keys(places[names[0]].figures)) {
  console.log(`| ${what} | ${names.map((name) => places[name].figures[what]?.toFixed(0) ?? "").join(" | ")} |`);
}
console.log(`| Ed25519 signatures of 9 KB, a second | ${names.map((name) => places[name].signatures.toFixed(0)).join(" | ")} |`);
