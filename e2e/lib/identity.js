// Which swarm a rendition is: the info-hash of p2p-media-loader 2.3.x to 4.x, family 3 of docs/protocol.md.

import { createHash } from "node:crypto";
import { text } from "./parts.js";

/** The 20 characters of the info-hash of one variant of the master playlist that `swarmId` names. */
export function infoHash(swarmId, variant) {
  const sha1 = (of) => createHash("sha1").update(of).digest();
  const { bandwidth, codecs = "", width = "", height = "", frameRate, range = "" } = variant;
  // What sound tells (language, channels, name) is empty for pictures.
  const fields = [bandwidth, pictures(codecs), width, height, "", "", "", frameRate ? Number(frameRate) : "", range.trim().toUpperCase()];
  const index = sha1(fields.join("-")).toString("base64");
  return sha1(`v2-${swarmId}-main-${index}`).subarray(0, 15).toString("base64");
}

/** Every variant of a master playlist: its playlist's address, height and info-hash. */
export async function swarms(master) {
  const lines = (await text(master)).split("\n");
  return lines.flatMap((line, at) => {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) return [];
    const told = (name, value) => new RegExp(`[:,]${name}=${value}`).exec(line) ?? [];
    const [, width, height] = told("RESOLUTION", String.raw`(\d+)x(\d+)`);
    const variant = { bandwidth: told("BANDWIDTH", String.raw`(\d+)`)[1], codecs: told("CODECS", '"([^"]*)"')[1], width, height, frameRate: told("FRAME-RATE", "([0-9.]+)")[1], range: told("VIDEO-RANGE", "([A-Z]+)")[1] };
    return [{ url: new URL(lines[at + 1], master).href, height: Number(height), hash: infoHash(master.split("?")[0], variant) }];
  });
}

/** The codecs of pictures among all, in the one way of writing them that is hashed. */
function pictures(codecs) {
  const names = codecs.split(",").map((codec) => codec.trim().toLowerCase());
  const hex = (digits) => Number(digits).toString(16).padStart(2, "0");
  const rewritten = names.map((codec) => codec.replace(/^(avc[13])\.(\d+)\.(\d+)$/, (_, kind, profile, level) => `${kind}.${hex(profile)}00${hex(level)}`));
  return rewritten.filter((codec) => /^(avc[13]|hvc1|hev1|dvh1|dvhe|av01|vp0?[89])/.test(codec)).sort().join(",");
}
