// Signed piece lists as an origin makes them (swarm/wire/src/pieces.rs), written anew so that tests and benches can sign what they like.

import { generateKeyPairSync, sign } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3.js";

const PIECE = 32 << 10;

/** A fresh Ed25519 key: `public` has its 32 bytes, `hex` the same in digits, as master playlists name it. */
export function signingKey() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url");
  return { public: raw, hex: raw.toString("hex"), privateKey };
}

/** The line of a master playlist that names a video and the keys that sign its lists, the one in use first. */
export function signedLine(video, ...keys) {
  return `#EXT-X-SESSION-DATA:DATA-ID="org.shoal.signed",VALUE="${[video, ...keys.map(({ hex }) => hex)].join(" ")}"`;
}

/**
 * A window of some `segments` (their bytes) that follow each other from number `first` on. `rendition` is the file name of the media
 * playlist; `video` what the master calls it.
 */
export function signedWindow(key, { video, rendition, first, segments }) {
  const names = [video, rendition].flatMap((name) => [Buffer.of(Buffer.byteLength(name)), Buffer.from(name)]);
  const numbers = Buffer.alloc(10);
  numbers.writeBigUInt64BE(BigInt(first));
  numbers.writeUInt16BE(segments.length, 8);
  const message = Buffer.concat([Buffer.from("SHOALPL2"), key.public, ...names, numbers, ...segments.flatMap(described)]);
  return Buffer.concat([message, sign(null, message, key.privateKey)]);
}

function described(segment) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(segment.length);
  const starts = Array.from({ length: Math.ceil(segment.length / PIECE) }, (_, no) => no * PIECE);
  const pieces = starts.map((start) => blake3(segment.subarray(start, start + PIECE)).subarray(0, 16));
  return [length, blake3(segment), ...pieces];
}
