// The npm client of WebTorrent trackers, as pages with stock p2p-media-loader use it, with peer connections that are none.

import { EventEmitter } from "node:events";
import { register } from "node:module";

// The package wants WebRTC for node, whose binaries are fetched from elsewhere; nothing here connects peers.
const stub = "export const RTCPeerConnection = undefined, RTCSessionDescription = undefined, RTCIceCandidate = undefined;";
const hooks = `export async function resolve(name, context, next) {
  if (name !== "webrtc-polyfill") return next(name, context);
  return { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(stub)}`)}, shortCircuit: true };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { default: Client } = await import("bittorrent-tracker/client");
const { default: WebSocketTracker } = await import("bittorrent-tracker/websocket-tracker");

WebSocketTracker.prototype._createPeer = (options) => new Peer(options?.initiator);

/** Signals at once, and counts as connected when it was answered. */
class Peer extends EventEmitter {
  constructor(isInitiator) {
    super();
    this.isInitiator = Boolean(isInitiator);
    if (isInitiator) setImmediate(() => this.emit("signal", { type: "offer", sdp: "v=0\r\ns=offer\r\n" }));
  }

  signal(description) {
    this.heard = description;
    if (!this.isInitiator) setImmediate(() => this.emit("signal", { type: "answer", sdp: "v=0\r\ns=answer\r\n" }));
  }

  destroy() {}
}

/** A client of the package in one swarm; `infoHash` and `peerId` are 20 characters. */
export function client(announce, infoHash, peerId) {
  const hex = (text) => Buffer.from(text, "latin1").toString("hex");
  const made = new Client({ announce: [announce], infoHash: hex(infoHash), peerId: hex(peerId), port: 6881, wrtc: {} });
  made.warnings = [];
  made.on("warning", (warning) => made.warnings.push(warning.message));
  made.on("error", (error) => made.warnings.push(error.message));
  return made;
}
