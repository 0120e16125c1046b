// Test videos, made once with ffmpeg and imported once by each build of the server.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const shoal = process.env.E2E_SHOAL ?? fail("E2E_SHOAL names no binary; run the tests with: cargo xtask e2e");
const cache = process.env.E2E_CACHE ?? fail("E2E_CACHE names no folder; run the tests with: cargo xtask e2e");

/** Where screenshots go. */
export const screenshots = folder(join(cache, "screenshots"));

/**
 * A fresh data folder holding `clip` (20 s), `minute` (in 480 lines only) and `long` (10 minutes), and their ids.
 *
 * The media are hard links into one imported template: the server never changes a media file.
 */
export function dataFolder() {
  const template = importOnce();
  const data = mkdtempSync(join(cache, "data-"));
  execFileSync("cp", ["--archive", "--link", `${template}/.`, data]);
  const ids = JSON.parse(readFileSync(join(template, "ids.json"), "utf8"));
  return { data, ids, remove: () => rmSync(data, { recursive: true, force: true }) };
}

/** A folder for a server that was never started. */
export function emptyFolder() {
  const data = mkdtempSync(join(folder(cache), "data-"));
  return { data, ids: {}, remove: () => rmSync(data, { recursive: true, force: true }) };
}

/** Runs `shoal import` and returns the id that ends the watch URL. `settings` are further variables of its environment. */
export function importFile(file, data, title, settings = {}) {
  const env = { ...process.env, ...settings };
  const told = execFileSync(shoal, ["import", file, "--title", title, "--data", data], { encoding: "utf8", env, stdio: ["ignore", "pipe", "inherit"] });
  return told.trim().split("\n").at(-1).split("/").at(-1);
}

/** A short picture, fit for the screenshot of the README, with a tone: 480 lines, a keyframe every two seconds. */
export function clip() {
  const colours = "gradients=s=854x480:r=25:d=20:n=4:c0=0x0b3954:c1=0x1b7f8c:c2=0xe98a76:c3=0x5c4b8a:speed=0.01:x0=60:y0=40:x1=790:y1=440";
  const clock = String.raw`drawtext=font=Sans:text='%{pts\:gmtime\:0\:%M\\\:%S}':fontsize=100:fontcolor=white@0.92:x=(w-tw)/2:y=(h-th)/2`;
  const picture = `${colours},${clock}`;
  return made("clip.mp4", [...lavfi(picture), ...lavfi("sine=frequency=330:duration=20"), ...H264, "-g", "50", ...AAC]);
}

/** One second of it, which is imported in no time. */
export function moment() {
  return made("moment.mp4", ["-i", clip(), "-t", "1", "-c", "copy"]);
}

/** Of few frames, so that making and importing it takes seconds and playing it little, and of about 1.5 Mbit/s. */
export function minute() {
  return withSound("minute-with-sound.mp4", ["-i", silentMinute()], 60);
}

/** Ten of them. */
export function long() {
  return withSound("long.mp4", ["-stream_loop", "9", "-i", silentMinute()], 600);
}

function silentMinute() {
  const picture = "testsrc2=s=854x480:r=10:d=60,noise=alls=18:allf=t";
  return made("minute.mp4", [...lavfi(picture), ...H264, ..."-g 20 -b:v 1500k -maxrate 1700k -bufsize 3000k".split(" ")]);
}

function withSound(name, picture, seconds) {
  const sound = lavfi(`sine=frequency=330:duration=${seconds}`);
  return made(name, [...picture, ...sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", ...AAC]);
}

/**
 * HLS as a stranger makes it: one media playlist that names no codecs, a file for each segment, and a clock that begins at
 * 100 s. Returns path → content.
 */
export function foreign() {
  const playlist = join(folder(join(cache, "foreign")), "index.m3u8");
  const hls = ["-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2", "-hls_playlist_type", "vod"];
  if (!existsSync(playlist)) {
    execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", "-i", clip(), "-t", "8", "-c", "copy", ...hls, playlist], { stdio: "inherit" });
  }
  const names = readdirSync(join(cache, "foreign"));
  const files = Object.fromEntries(names.map((name) => [`/${name}`, readFileSync(join(cache, "foreign", name))]));
  const timescales = positions(files["/init.mp4"], "mdhd").map((at) => files["/init.mp4"].readUInt32BE(at + 16));
  for (const segment of Object.values(files).filter((file) => file.includes("tfdt"))) {
    positions(segment, "tfdt").forEach((at, track) => {
      segment.writeBigUInt64BE(segment.readBigUInt64BE(at + 8) + BigInt(100 * timescales[track]), at + 8);
    });
  }
  return files;
}

function positions(bytes, name) {
  const found = [];
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) found.push(at);
  return found;
}

function made(name, settings) {
  const file = join(folder(cache), name);
  if (!existsSync(file)) {
    const unfinished = join(cache, `unfinished-${name}`);
    execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...settings, unfinished], { stdio: "inherit" });
    renameSync(unfinished, file);
  }
  return file;
}

function lavfi(source) {
  return ["-f", "lavfi", "-i", source];
}

const H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0".split(" ");
const AAC = "-c:a aac -b:a 64k".split(" ");

function importOnce() {
  // What makes the videos counts as well as what imports them.
  const build = createHash("sha256").update(readFileSync(shoal)).update(readFileSync(new URL(import.meta.url))).digest("hex").slice(0, 12);
  const template = join(folder(cache), `imported-${build}`);
  if (existsSync(template)) return template;
  for (const stale of readdirSync(cache).filter((name) => name.startsWith("imported-") || name.startsWith("data-"))) {
    rmSync(join(cache, stale), { recursive: true, force: true });
  }
  const unfinished = mkdtempSync(join(cache, "importing-"));
  const ids = {
    clip: importFile(clip(), unfinished, "A clip"),
    minute: importFile(minute(), unfinished, "A minute", { SHOAL_IMPORT_HEIGHTS: "480" }),
    long: importFile(long(), unfinished, "A long video"),
  };
  writeFileSync(join(unfinished, "ids.json"), JSON.stringify(ids));
  renameSync(unfinished, template);
  return template;
}

/** Every file below a folder, with its path relative to that. */
export function filesBelow(top, inner = "") {
  return readdirSync(join(top, inner)).flatMap((name) => {
    const path = join(inner, name);
    return statSync(join(top, path)).isDirectory() ? filesBelow(top, path) : [path];
  });
}

function folder(path) {
  mkdirSync(path, { recursive: true });
  return path;
}

function fail(message) {
  throw new Error(message);
}
