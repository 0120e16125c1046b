// A running `shoal serve` with the test videos, and what its pages say about them.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { dataFolder, emptyFolder, shoal } from "./media.js";
import { parts, text } from "./parts.js";

export { text };

/** Where our server listens; 10.99.0.2 is another host on the same network. */
export const host = "10.99.0.1";

/**
 * Starts a server on a data folder of its own, with these settings as variables; `close` ends it and removes the folder. Behind a
 * proxy it has another `publicUrl`.
 */
export async function startServer(port = 9000, environment = {}, publicUrl = undefined) {
  const folder = dataFolder();
  const server = new Server(folder, port, environment, publicUrl);
  await server.start();
  return server;
}

/**
 * Starts a server as its host does for the first time, in an empty folder, or in one of theirs, with settings of a file or of
 * `environment`; behind a proxy it has another `publicUrl`.
 */
export async function startFresh({ port = 9000, folder = emptyFolder(), settings, environment = {}, publicUrl } = {}) {
  const server = Object.assign(new Server(folder, port, environment, publicUrl), { settings });
  await server.start();
  return server;
}

/** What a command of the host's prints. */
export async function command(...words) {
  const { stdout } = await promisify(execFile)(shoal, words);
  return stdout;
}

/**
 * Starts a tracker alone, for the videos of `server`, without STUN; `stop` and `start` let it go away and come back.
 */
export async function startTracker(server, { port = 9100, open = false } = {}) {
  const tracker = new Tracker(server, port, open);
  await tracker.start();
  return tracker;
}

/** A child process that answers `/health`. */
class Child {
  #child;
  #said = "";

  async run(url, settings, environment = {}) {
    this.#child = spawn(shoal, settings, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
    this.#said = "";
    this.#child.stdout.on("data", (text) => (this.#said += text));
    await untilHealthy(url, this.#child);
  }

  /** What it prints, as soon as that has this in it. */
  async told(pattern) {
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found) return found[1];
      await once(this.#child.stdout, "data");
    }
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}

class Tracker extends Child {
  #server;
  #port;
  #open;

  constructor(server, port, open) {
    super();
    this.#server = server;
    this.#port = port;
    this.#open = open;
    this.url = `ws://${host}:${port}/tracker/socket`;
  }

  start() {
    const { url, data } = this.#server;
    const listen = `${host}:${this.#port}`;
    return this.run(`http://${listen}`, ["tracker", "--listen", listen, "--public-url", url, "--data", data], { SHOAL_TRACKER_STUN_LISTEN: "", SHOAL_TRACKER_OPEN: String(this.#open) });
  }
}

class Server extends Child {
  #folder;
  #environment;
  #publicUrl;

  constructor(folder, port, environment, publicUrl) {
    super();
    this.#folder = folder;
    this.#environment = environment;
    this.#publicUrl = publicUrl ?? `http://${host}:${port}`;
    /** A file, from the next start on. */
    this.settings = undefined;
    this.port = port;
    this.url = `http://${host}:${port}`;
    this.tracker = `ws://${host}:${port}/tracker/socket`;
    this.stun = `stun:${host}:3478`;
    this.data = folder.data;
    this.ids = folder.ids;
  }

  start() {
    return this.run(this.url, ["serve", "--listen", `${host}:${this.port}`, "--public-url", this.#publicUrl, "--data", this.data, ...(this.settings ? ["--config", this.settings] : [])], this.#environment);
  }

  /** The password that a first start prints. */
  firstPassword() {
    return this.told(/^password: (\S+)$/m);
  }

  /** Another password for a user, as their host gives it. */
  async password(name) {
    return /password: (\S+)/.exec(await command("user", "reset-password", name, "--data", this.data))[1];
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
  parts(id) {
    return parts(this.embed(id));
  }
}

async function untilHealthy(url, child) {
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    if (child.exitCode !== null) throw new Error(`shoal ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
