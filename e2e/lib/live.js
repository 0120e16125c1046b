// A live stream made of a finished video: its segments are released by the clock, each a file, in a playlist of the newest.

import { createHash } from "node:crypto";
import { text } from "./parts.js";
import { signedLine, signedWindow, signingKey } from "./pieces.js";
import { segments, variants } from "./playlist.js";

/** What all streams are made of: the video's only rendition, cut up, and each segment's line with its digests and signature. */
export async function material(master) {
  const info = (await text(master)).split("\n").find((line) => line.startsWith("#EXT-X-STREAM-INF:"));
  const [{ url }, ...others] = await variants(master);
  if (others.length) throw new Error("the video has more than one rendition");
  const list = await segments(url);
  const media = Buffer.from(await (await fetch(list[0].url)).arrayBuffer());
  const bodies = list.map(({ offset, length }) => media.subarray(offset, offset + length));
  const key = signingKey();
  const names = { video: "live.g1", rendition: "media.m3u8" };
  const lines = bodies.map((body, no) => {
    const signed = signedWindow(key, { ...names, first: no, segments: [body] }).toString("hex");
    const sha256 = createHash("sha256").update(body).digest("hex");
    return `#EXTINF:${list[no].duration},\n#EXT-X-SHOAL-SEGMENT:BYTES=${body.length},SHA256=${sha256},SIGNED=${signed}\n${no}.m4s\n`;
  });
  return {
    init: media.subarray(0, list[0].offset),
    bodies,
    lines,
    durations: list.map(({ duration }) => duration),
    segments: list,
    master: `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n${signedLine(names.video, key)}\n${info}\n${names.rendition}\n`,
  };
}

/**
 * A stream of that, with a playlist of `window` segments. Before `begin()` there is nothing; from then on it lasts for `seconds`, and
 * then the last playlist stays, with an end.
 */
export function stream({ init, bodies, lines, durations, master }, { seconds, window }) {
  let began;
  const ends = durations.map((_, no) => sum(durations.slice(0, no + 1)));
  // The first playlist is full, as that of a stream which has been going on.
  const head = ends[window - 1];
  const clock = () => Math.min((performance.now() - began) / 1000, seconds) + head;
  const released = () => ends.filter((end) => end <= clock()).length;

  function playlist() {
    const [until, isOver] = [released(), clock() >= seconds + head];
    const from = Math.max(0, until - window);
    const start = `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${Math.ceil(Math.max(...durations))}\n#EXT-X-MEDIA-SEQUENCE:${from}\n#EXT-X-MAP:URI="init.mp4"\n`;
    return `${start}${lines.slice(from, until).join("")}${isOver ? "#EXT-X-ENDLIST\n" : ""}`;
  }

  function file(name) {
    if (name === "master.m3u8") return master;
    if (name === "media.m3u8") return playlist();
    if (name === "init.mp4") return init;
    const no = /^(\d+)\.m4s$/.exec(name)?.[1];
    return no < released() ? bodies[no] : undefined;
  }

  return {
    /** Segments that are released until the end. */
    count: ends.filter((end) => end <= seconds + head).length,
    begin: () => (began = performance.now()),
    /** Bytes of media published between two moments of `performance.now()`. */
    published(from, to) {
      const at = (moment) => (moment - began) / 1000 + head;
      const between = bodies.filter((_, no) => ends[no] > at(from) && ends[no] <= Math.min(at(to), seconds + head));
      return sum(between.map(({ length }) => length));
    },
    answer(request, response) {
      if (request.method === "OPTIONS") return response.writeHead(204, CROSS_ORIGIN).end();
      const body = began === undefined ? undefined : file(request.url.split("/").at(-1));
      if (body === undefined) return response.writeHead(404, CROSS_ORIGIN).end();
      const [type, kept] = typeof body === "string" ? ["application/vnd.apple.mpegurl", "no-cache"] : ["video/mp4", "max-age=3600, immutable"];
      send(request, response, Buffer.from(body), { ...CROSS_ORIGIN, "content-type": type, "cache-control": kept });
    },
  };
}

/** The whole of it or a range (RFC 9110 §14), as fast as the other end takes it. */
function send(request, response, body, headers) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [from, to] = first ? [Number(first), Math.min(last ? Number(last) : Infinity, body.length - 1)] : [0, body.length - 1];
  if (from > to) return response.writeHead(416, { ...headers, "content-range": `bytes */${body.length}` }).end();
  const range = first ? { "content-range": `bytes ${from}-${to}/${body.length}` } : {};
  response.writeHead(first ? 206 : 200, { ...headers, ...range, "accept-ranges": "bytes", "content-length": to + 1 - from });
  let at = from;
  const more = () => {
    while (at <= to) {
      const part = body.subarray(at, Math.min(at + PART, to + 1));
      at += part.length;
      if (!response.write(part)) return response.once("drain", more);
    }
    response.end();
  };
  more();
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** So that what is broken off isn't counted as sent. */
const PART = 32 << 10;

const CROSS_ORIGIN = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "range",
  "access-control-expose-headers": "content-range, content-length, accept-ranges",
  "access-control-max-age": "7200",
};
