// Programs of others read what we publish: ffprobe, ffmpeg, hls.js; and its shape is PeerTube's.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { serverAndBrowser } from "./lib/fixture.js";
import { filesBelow } from "./lib/media.js";
import { segments, variants } from "./lib/playlist.js";
import { text } from "./lib/server.js";
import { hlsJs, startSite } from "./lib/site.js";

const fixture = serverAndBrowser();
const run = promisify(execFile);

test("ffprobe sees every rendition with picture and sound", async () => {
  const { master } = await fixture.server.parts(fixture.server.ids.clip);
  const expected = (await variants(master)).map(({ height }) => height).sort();
  const { stdout } = await run("ffprobe", ["-v", "error", "-of", "json", "-show_streams", master]);
  const { streams } = JSON.parse(stdout);
  assert.deepEqual(streams.filter(({ codec_type }) => codec_type === "video").map(({ height }) => height).sort(), expected);
  assert.ok(streams.some(({ codec_name }) => codec_name === "aac"));
  for (const { sample_aspect_ratio } of streams.filter(({ codec_type }) => codec_type === "video")) assert.equal(sample_aspect_ratio, "1:1");
});

test("ffmpeg decodes every rendition to its end without a complaint", async () => {
  const { master } = await fixture.server.parts(fixture.server.ids.clip);
  for (const { url, height } of await variants(master)) {
    const { stdout, stderr } = await run("ffmpeg", ["-v", "warning", "-nostdin", "-i", url, "-f", "null", "-progress", "pipe:1", "-"]);
    assert.equal(stderr, "", `${height}p`);
    const frames = Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)[1]);
    assert.ok(Math.abs(frames - 500) <= 2, `${height}p: ${frames} frames of 500`);
  }
});

test("hls.js plays our playlists to the end", async () => {
  const { server, browser } = fixture;
  const { master } = await server.parts(server.ids.clip);
  const page = `<!doctype html><video id="video" muted autoplay></video><script>${hlsJs().replaceAll("</script", "<\\/script")}</script><script>
    window.fatal = []; const hls = new Hls(); hls.on(Hls.Events.ERROR, (_, error) => fatal.push(error.details));
    video.onloadedmetadata = () => (video.playbackRate = 2.5); hls.loadSource(${JSON.stringify(master)}); hls.attachMedia(video);</script>`;
  const site = await startSite({ "/": page });
  try {
    const opened = await browser.open(`${site.url}/`);
    await opened.page.waitForFunction(() => document.querySelector("video").ended, undefined, { timeout: 60_000 });
    assert.deepEqual(await opened.page.evaluate(() => window.fatal), []);
  } finally {
    site.close();
  }
});

test("playlists have the shape of PeerTube's", async () => {
  const { master } = await fixture.server.parts(fixture.server.ids.clip);
  const ours = await text(master);
  for (const attribute of ["BANDWIDTH", "RESOLUTION", "FRAME-RATE", "CODECS"]) assert.match(recorded("hls-master.m3u8"), new RegExp(`${attribute}=`));
  for (const line of ours.split("\n").filter((line) => line.startsWith("#EXT-X-STREAM-INF"))) {
    for (const attribute of ["BANDWIDTH", "RESOLUTION", "FRAME-RATE", "CODECS"]) assert.match(line, new RegExp(`[:,]${attribute}=`));
  }
  const missing = (tags, of) => tags.filter((tag) => !of.includes(tag));
  for (const { url } of await variants(master)) {
    const playlist = await text(url);
    assert.deepEqual(missing(tags(recorded("hls-media-240.m3u8")), tags(playlist)), []);
    const names = playlist.split("\n").filter((line) => line && !line.startsWith("#"));
    assert.equal(new Set(names).size, 1, "one file for each rendition");
    assert.match(names[0], /^[\w-]+\.mp4$/, "plain relative names");
  }
});

test("renditions are cut at the same times", async () => {
  for (const id of Object.values(fixture.server.ids)) {
    const { master } = await fixture.server.parts(id);
    const [first, ...others] = await Promise.all((await variants(master)).map(({ url }) => segments(url)));
    for (const other of others) {
      assert.equal(other.length, first.length);
      other.forEach(({ start }, index) => assert.ok(Math.abs(start - first[index].start) < 0.1, `segment ${index} at ${start} and ${first[index].start}`));
    }
  }
});

test("the SHA-256 JSON has PeerTube's shape and the media's digests", async () => {
  const { server } = fixture;
  const { master } = await server.parts(server.ids.clip);
  const folder = new URL(".", master);
  const uuid = folder.pathname.split("/").at(-2);
  const path = filesBelow(server.data).find((path) => path.includes(uuid) && /sha256.*\.json$/.test(path));
  assert.ok(path, "no SHA-256 JSON in the data folder");
  const digests = JSON.parse(await text(new URL(path.split("/").at(-1), folder)));

  const shape = (json) => [typeof Object.keys(json)[0], ...Object.entries(Object.values(json)[0])[0].map((value) => value.replace(/\d+-\d+/, "range").replace(/^[0-9a-f]{64}$/, "digest"))];
  assert.deepEqual(shape(digests), shape(JSON.parse(recorded("hls-segments-sha256.json"))));
  for (const { url } of await variants(master)) {
    for (const { url: media, offset, length } of await segments(url)) {
      const range = `${offset}-${offset + length - 1}`;
      const answer = await fetch(media, { headers: { range: `bytes=${range}` } });
      assert.equal(answer.status, 206);
      const digest = createHash("sha256").update(Buffer.from(await answer.arrayBuffer())).digest("hex");
      assert.equal(digests[media.split("/").at(-1)]?.[range], digest, `${media} ${range}`);
    }
  }
});

function recorded(name) {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
}

function tags(playlist) {
  return [...new Set(playlist.split("\n").filter((line) => line.startsWith("#EXT")).map((line) => line.split(":")[0]))];
}
