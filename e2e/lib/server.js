// A running `shoal serve` with the test videos, and what its pages say about them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { dataFolder, shoal } from "./media.js";

/** Where our server listens; 10.99.0.2 is another host on the same network. */
export const host = "10.99.0.1";

/** Starts a server on a data folder of its own; `close` ends it and removes the folder. */
export async function startServer(port = 9000) {
  const folder = dataFolder();
  const server = new Server(folder, port);
  await server.start();
  return server;
}

class Server {
  #folder;
  #child;

  constructor(folder, port) {
    this.#folder = folder;
    this.port = port;
    this.url = `http://${host}:${port}`;
    this.data = folder.data;
    this.ids = folder.ids;
  }

  async start() {
    const settings = ["--listen", `${host}:${this.port}`, "--public-url", this.url, "--data", this.data];
    this.#child = spawn(shoal, ["serve", ...settings], { stdio: ["ignore", "ignore", "inherit"] });
    await untilHealthy(this.url, this.#child);
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }

  async close() {
    await this.stop();
    this.#folder.remove();
  }

  watch(id) {
    return `${this.url}/w/${id}`;
  }

  embed(id) {
    return `${this.url}/videos/embed/${id}`;
  }

  /** What a stranger's page needs to know of a video: its master playlist and the player's script. */
  async parts(id) {
    const page = await text(this.embed(id));
    const absolute = (pattern) => new URL(pattern.exec(page)[1].replaceAll("&amp;", "&"), this.embed(id)).href;
    return { master: absolute(/src="([^"]+\.m3u8)"/), script: absolute(/<script[^>]+src="([^"]*player\.js[^"]*)"/) };
  }
}

/** The body of an answer that must be a 200. */
export async function text(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer.text();
}

async function untilHealthy(url, child) {
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    if (child.exitCode !== null) throw new Error(`shoal ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
