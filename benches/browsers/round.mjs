// One round: all viewers of one kind, one after another, until the video has ended for all.

import { setTimeout as after } from "node:timers/promises";
import { sum } from "../figures.mjs";
import { watchMachine } from "./machine.mjs";
import { seat } from "./viewer.mjs";

/** What a page takes in its first seconds isn't held against its engine: it has to begin. */
const FIRST_MS = 10_000;
/** Who hasn't ended so long after a viewer without stalls is told of. */
const PATIENCE_MS = 60_000;
/** By which a live stream's viewers are behind, as far as is known before. */
const BEHIND_SECONDS = 30;
/** Browsers that have just started are busy with themselves. */
const SETTLE_MS = 3_000;
/** Between the moments of the series. */
const STEP_MS = 10_000;

/** For how long a round takes, in seconds: the last viewer of a finished video comes last, those of a live stream are behind it. */
export function roundSeconds({ viewers, apartSeconds, seconds, window }) {
  return (window ? BEHIND_SECONDS : (viewers - 1) * apartSeconds) + seconds + 8;
}

/**
 * Viewers on `lines` open `url`, each `apartSeconds` after the one before. All stay until all have ended; with a `stream`, that begins
 * with the first. `segments` are all of the video: `{ length, duration }`.
 */
export async function round({ url, lines, origin, apartSeconds, seconds, segments, stream }) {
  const seats = await Promise.all(lines.map(seat));
  try {
    await after(SETTLE_MS);
    const machine = watchMachine();
    origin.take();
    stream?.begin();
    const began = performance.now();
    const opened = seats.map((seat, no) => after(no * apartSeconds * 1000).then(() => seat.watch(url)));
    const patience = seconds * 1000 + PATIENCE_MS;
    const behind = stream && after((seconds - 5) * 1000).then(async () => Promise.all(opened.map(async (page) => (await page).behindSeconds())));
    const pages = await Promise.all(opened.map(async (opening) => {
      const page = await opening;
      return { page, ...(await page.ended(patience)) };
    }));
    const over = performance.now();
    const sent = origin.take();
    const found = await Promise.all(pages.map(async ({ page, ...ended }) => {
      const told = await page.told();
      return { ...ended, ...told, neededBytes: needed(segments, told.heldSeconds), ...received(sent.get(page.address) ?? [], page) };
    }));
    (await behind)?.forEach((seconds, no) => (found[no].behindSeconds = seconds));
    const published = stream ? stream.published(began + FIRST_MS, over) : sum(segments.map(({ length }) => length));
    return { publishedBytes: published, machine: machine(), pages: found, series: series(sent, began, over) };
  } finally {
    await Promise.all(seats.map((seat) => seat.close()));
  }
}

/** Bytes of so much of the video's end: who held that has got as many, if none twice. */
function needed(segments, seconds) {
  let left = seconds;
  const held = segments.toReversed().filter(({ duration }) => (left -= duration) > -duration / 2);
  return sum(held.map(({ length }) => length));
}

/** What a page had of the origin, in bytes: all, and after its first seconds. */
function received(parts, { opened }) {
  const of = (wanted) => sum(parts.filter(wanted).map(({ bytes }) => bytes));
  const isLate = ({ at }) => at > opened + FIRST_MS;
  const kind = (name) => (part) => part.kind === name;
  return {
    originBytes: { media: of(kind("media")), lists: of(kind("lists")), page: of(kind("page")) },
    lateBytes: { media: of((part) => part.kind === "media" && isLate(part)), lists: of((part) => part.kind === "lists" && isLate(part)) },
  };
}

/** Media that the origin sent, step by step, in bits per second. */
function series(sent, began, over) {
  const steps = Array.from({ length: Math.ceil((over - began) / STEP_MS) }, () => 0);
  for (const { at, kind, bytes } of [...sent.values()].flat()) {
    if (kind === "media" && at >= began && at < over) steps[Math.floor((at - began) / STEP_MS)] += bytes;
  }
  return steps.map((bytes, no) => ({ second: (no * STEP_MS) / 1000, originBps: Math.round((bytes * 8) / (STEP_MS / 1000)) }));
}
