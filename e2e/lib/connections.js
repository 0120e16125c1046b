// How many connections a page makes.

/** Runs in every frame before its own scripts: counts each connection that is made. */
export function countConnections() {
  const connections = { peers: 0, sockets: 0 };
  const counting = (constructor, kind) =>
    class extends constructor {
      constructor(...given) {
        super(...given);
        connections[kind]++;
      }
    };
  window.RTCPeerConnection = counting(RTCPeerConnection, "peers");
  window.WebSocket = counting(WebSocket, "sockets");
  window.connections = connections;
}
