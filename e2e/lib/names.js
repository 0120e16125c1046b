// Names with TLS on the test's network, where other servers want them: an authority of our own, certificates, and doors on port 443.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An authority that vouches for any name; `remove` forgets it. */
export function makeAuthority() {
  const folder = mkdtempSync(join(tmpdir(), "shoal-names-"));
  const path = (name) => join(folder, name);
  const [key, file] = [path("authority.key"), path("authority.pem")];
  openssl("req", "-x509", ...NEW_KEY, "-keyout", key, "-out", file, "-days", "2", "-subj", "/CN=Shoal's tests", "-addext", "basicConstraints=critical,CA:TRUE");
  const certify = (name) => {
    const [own, asked, given] = [".key", ".csr", ".pem"].map((end) => path(name + end));
    openssl("req", ...NEW_KEY, "-keyout", own, "-out", asked, "-subj", `/CN=${name}`);
    const extensions = path(`${name}.ext`);
    writeFileSync(extensions, `subjectAltName=DNS:${name}\n`);
    openssl("x509", "-req", "-in", asked, "-CA", file, "-CAkey", key, "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", given);
    return { key: readFileSync(own), cert: readFileSync(given) };
  };
  return { file, ca: readFileSync(file), certify, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Port 443 of `address` as the host `name`, before a server without TLS at `to`:`port`, sockets of trackers included. */
export async function openDoor(authority, name, { address, to, port }) {
  const door = createServer(authority.certify(name), (request, response) => {
    const passed = passOn(request, { to, port });
    passed.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  door.on("upgrade", (request, socket) => {
    const passed = passOn(request, { to, port });
    passed.on("upgrade", (answer, inner) => {
      socket.write(`HTTP/1.1 101 ${answer.statusMessage}\r\n${answer.rawHeaders.map((text, at) => text + (at % 2 ? "\r\n" : ": ")).join("")}\r\n`);
      inner.pipe(socket).pipe(inner);
      for (const end of [inner, socket]) end.on("error", () => [inner, socket].forEach((one) => one.destroy()));
    });
    passed.on("response", (answer) => socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n\r\n`));
    passed.on("error", () => socket.destroy());
    passed.end();
  });
  door.listen(443, address);
  await once(door, "listening");
  const close = () => {
    door.closeAllConnections();
    door.close();
  };
  return { close };
}

function passOn({ method, url: path, headers }, { to, port }) {
  return ask({ host: to, port, path, method, headers });
}

function openssl(...words) {
  execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
