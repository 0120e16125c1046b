// Chromium, one page, and everything that went wrong or over the wire there.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { screenshots } from "./media.js";

/** Starts Chromium with a fresh profile, and `flags` beside the usual ones. `close` ends it and removes the profile. */
export async function startBrowser(flags = []) {
  const profile = mkdtempSync(join(tmpdir(), "shoal-e2e-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1100, height: 800 },
    args: [...FLAGS, ...flags],
  });
  await context.addInitScript(watchPlayer);
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, open: (url) => open(context, url), close };
}

/** Opens a page and returns its (first) player there, with what the page did. */
async function open(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const log = { errors: [], urls: [] };
  page.on("console", (message) => message.type() === "error" && log.errors.push(message.text()));
  page.on("pageerror", (error) => log.errors.push(String(error)));
  page.on("request", (request) => log.urls.push(request.url()));
  await page.goto(url);
  return new Player(page, page, log);
}

/** The `<shoal-player>` of a page or frame. */
export class Player {
  constructor(page, frame, log) {
    this.page = page;
    this.frame = frame;
    this.log = log;
  }

  /** The player inside an iframe of the same page. */
  async inFrame(selector) {
    const frame = await (await this.page.waitForSelector(selector)).contentFrame();
    return new Player(this.page, frame, this.log);
  }

  /** The element's own figures. */
  stats() {
    return this.frame.evaluate(() => e2e.player().stats());
  }

  /** Plain properties of the video element, by name. */
  video(...names) {
    return this.frame.evaluate((names) => Object.fromEntries(names.map((name) => [name, e2e.video()[name]])), names);
  }

  /** What the recorder in the page saw: `errors`, `events`, `mostBuffered` (seconds), `heights`. */
  seen() {
    return this.frame.evaluate(() => e2e.seen);
  }

  /** Waits until a condition, written for the page (where `e2e` is), holds; if not, tells what the player was doing. */
  async until(condition, argument, timeout = PATIENCE_MS) {
    try {
      await this.frame.waitForFunction(condition, argument, { timeout, polling: 50 });
    } catch (error) {
      const state = await this.frame.evaluate(() => e2e.state()).catch(String);
      await this.screenshot(`failed-${Date.now()}`).catch(() => {});
      throw new Error(`never came true: ${condition}\n${JSON.stringify({ argument, ...state, log: this.log }, null, 1)}`, { cause: error });
    }
  }

  /** Starts the video, if the page has not, and waits until the picture moves. Who is so early that nothing is loaded yet may be told that loading interrupts it. */
  async play() {
    await this.until(() => e2e.video());
    await this.frame.evaluate(() => e2e.video().paused && e2e.video().play().catch((error) => { if (error.name !== "AbortError") throw error; }));
    await this.moves();
  }

  /** Waits until the video has gone on by `seconds` from here. */
  async moves(seconds = 0.5, timeout = PATIENCE_MS) {
    const from = await this.frame.evaluate(() => e2e.video()?.currentTime ?? 0);
    await this.until(({ from, seconds }) => e2e.video()?.currentTime >= from + seconds, { from, seconds }, timeout);
  }

  /** Jumps as the seek bar does, and waits until the picture moves there. */
  async seek(seconds) {
    await this.frame.evaluate((seconds) => (e2e.video().currentTime = seconds), seconds);
    await this.until((seconds) => !e2e.video().seeking && e2e.video().currentTime >= seconds + 0.3 && e2e.video().currentTime < seconds + 20, seconds);
  }

  /** Asks for a quality as a viewer does. */
  async choose(quality) {
    await this.reveal();
    await this.frame.locator("[data-action=quality]").click();
    await this.frame.locator(`[data-quality="${quality}"]`).click();
  }

  /** The qualities that the menu offers, without `auto`. */
  qualities() {
    return this.frame.evaluate(() => [...e2e.player().shadowRoot.querySelectorAll("[data-quality]")].map((button) => button.dataset.quality).filter((quality) => quality !== "auto").map(Number));
  }

  /** Moves the mouse over the player, for controls that hide. */
  async reveal() {
    await this.frame.locator("shoal-player").hover();
  }

  screenshot(name) {
    return this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }
}

/** Runs in every frame before its own scripts: finds the player, and records what would be over before a test looks. */
function watchPlayer() {
  const player = () => document.querySelector("shoal-player");
  const video = () => player()?.shadowRoot?.querySelector("video");
  const seen = { errors: [], events: [], heights: [], mostBuffered: 0 };
  for (const name of ["shoal:ready", "shoal:error"]) {
    addEventListener(name, (event) => {
      seen.events.push(name);
      if (name === "shoal:error") seen.errors.push(String(event.detail?.message ?? event.detail ?? ""));
    }, true);
  }
  setInterval(() => {
    const element = video();
    if (!element) return;
    let buffered = 0;
    for (let range = 0; range < element.buffered.length; range++) buffered += element.buffered.end(range) - element.buffered.start(range);
    seen.mostBuffered = Math.max(seen.mostBuffered, buffered);
    if (element.videoHeight && seen.heights.at(-1) !== element.videoHeight) seen.heights.push(element.videoHeight);
  }, 100);
  const state = () => {
    const { currentTime, paused, ended, readyState, seeking, videoHeight, duration, error } = video() ?? {};
    const buffered = [...Array(video()?.buffered.length ?? 0).keys()].map((range) => [video().buffered.start(range), video().buffered.end(range)]);
    const told = player()?.shadowRoot?.querySelector("[role=alert]")?.textContent.trim();
    return { video: { currentTime, paused, ended, readyState, seeking, videoHeight, duration, error: error?.message, buffered }, stats: player()?.stats?.(), seen, told };
  };
  window.e2e = { player, video, seen, state };
}

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

// A loaded machine of two cores starts a page in seconds; nothing here waits for longer without a reason of its own.
const PATIENCE_MS = 30_000;
