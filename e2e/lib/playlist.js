// Just enough of RFC 8216 for the tests to know what they should see.

import { text } from "./parts.js";

/** The variants of a master playlist: their URL, bits per second and height. */
export async function variants(master) {
  const lines = (await text(master)).split("\n");
  return lines.flatMap((line, index) => {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) return [];
    const attribute = (pattern) => Number(pattern.exec(line)?.[1]);
    return [{ url: new URL(lines[index + 1], master).href, bandwidth: attribute(/[:,]BANDWIDTH=(\d+)/), height: attribute(/RESOLUTION=\d+x(\d+)/) }];
  });
}

/** The segments of a media playlist: URL, first byte, length, start and duration in seconds. */
export async function segments(playlist) {
  const found = [];
  let range, duration, start = 0;
  for (const line of (await text(playlist)).split("\n")) {
    if (line.startsWith("#EXTINF:")) duration = parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-BYTERANGE:")) range = line.slice(17).split("@").map(Number);
    else if (line && !line.startsWith("#")) {
      found.push({ url: new URL(line, playlist).href, offset: range[1], length: range[0], start, duration });
      start += duration;
    }
  }
  return found;
}
