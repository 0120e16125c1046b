// The video's host as viewers see it: passes everything on to our server, has live streams of its own, and counts what it sends to whom.

import { Agent, createServer, request as ask } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";

/** Listens at `address` (`host:port`) before the server at `upstream`; `streams` are live ones by their paths' first part. */
export async function startOrigin(address, upstream, streams) {
  const [host, port] = address.split(":");
  const agent = new Agent({ keepAlive: true });
  let sent = new Map();

  const server = createServer((request, response) => {
    count(request, response);
    const [, first] = request.url.split("/");
    if (streams[first]) return streams[first].answer(request, response);
    const headers = { ...request.headers, "x-forwarded-for": request.socket.remoteAddress };
    const passed = ask({ ...there(upstream), agent, method: request.method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => response.writableFinished || passed.destroy());
    request.pipe(passed);
  });
  // To the tracker.
  server.on("upgrade", (request, socket, head) => {
    const passed = connect(there(upstream), () => {
      const lines = request.rawHeaders.map((word, at) => (at % 2 ? `${word}\r\n` : `${word}: `)).join("");
      passed.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines}X-Forwarded-For: ${request.socket.remoteAddress}\r\n\r\n`);
      passed.write(head);
      socket.pipe(passed).pipe(socket);
    });
    for (const end of [socket, passed]) end.on("error", () => [socket, passed].forEach((each) => each.destroy()));
  });

  /** Notes each part of a body as the kernel is given it. */
  function count(request, response) {
    const address = request.socket.remoteAddress;
    const kind = /\.(mp4|m4s)$/.test(request.url) ? "media" : /\.(m3u8|pieces|json)$/.test(request.url) ? "lists" : "page";
    const { write, end } = response;
    const note = (bytes) => {
      if (!bytes?.length || typeof bytes === "function") return;
      if (!sent.has(address)) sent.set(address, []);
      sent.get(address).push({ at: performance.now(), kind, bytes: Buffer.byteLength(bytes) });
    };
    response.write = (bytes, ...rest) => (note(bytes), write.call(response, bytes, ...rest));
    response.end = (bytes, ...rest) => (note(bytes), end.call(response, bytes, ...rest));
  }

  server.listen(Number(port), host);
  await once(server, "listening");
  return {
    /** Of bodies, to each address since the last time: `{ at, kind, bytes }`, of kind `media`, `lists` or `page`. */
    take() {
      const taken = sent;
      sent = new Map();
      return taken;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function there(upstream) {
  const { hostname, port } = new URL(upstream);
  return { host: hostname, port: Number(port) };
}
