// A stranger's program: yt-dlp, which takes us for a PeerTube, downloads through a TLS door as it would from any host.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { host, startServer } from "./lib/server.js";

const run = promisify(execFile);
const name = "videos.shoal.test";
let server, door, folder, token;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-downloads-"));
  server = await startServer(9000, {}, `https://${name}`);
  door = await openDoor();
  token = await logIn(await server.password("root"));
});

after(async () => {
  door?.close();
  await server?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Port 443 with a certificate of its own, before our server. */
async function openDoor() {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", `/CN=${name}`], { stdio: "ignore" });
  const door = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const { method, url: path, headers } = request;
    const passed = ask({ host, port: 9000, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  door.listen(443, host);
  await once(door, "listening");
  return door;
}

async function logIn(password) {
  const client = await (await fetch(`${server.url}/api/v1/oauth-clients/local`)).json();
  const body = new URLSearchParams({ ...client, grant_type: "password", username: "root", password });
  const answer = await (await fetch(`${server.url}/api/v1/users/token`, { method: "POST", body })).json();
  return answer.access_token;
}

/** Runs yt-dlp where our name leads to the door. */
async function download(...settings) {
  const hosts = join(folder, "hosts");
  writeFileSync(hosts, `127.0.0.1 localhost\n${host} ${name}\n`);
  const found = 'mount --bind "$1" /etc/hosts; shift; exec python3 -m yt_dlp "$@"';
  const env = { ...process.env, PYTHONPATH: process.env.E2E_YT_DLP, HOME: folder };
  const program = ["--mount", "sh", "-ec", found, "sh", hosts, "--no-check-certificates", "--no-progress", "--ignore-config", ...settings];
  return run("unshare", program, { cwd: folder, env });
}

test("a public video is downloaded by the address of its page", async () => {
  await download("-o", "public.%(autonumber)s.mp4", `https://${name}/w/${server.ids.clip}`);
  assert.ok(statSync(join(folder, "public.00001.mp4")).size > 100_000);
});

test("a video that a password opens is downloaded with it, and not without", async () => {
  const change = { privacy: 5, videoPasswords: ["open sesame"] };
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const changed = await fetch(`${server.url}/api/v1/videos/${server.ids.clip}`, { method: "PUT", headers, body: JSON.stringify(change) });
  assert.equal(changed.status, 204);
  const address = `peertube:${name}:${server.ids.clip}`;
  await assert.rejects(download("-o", "refused.mp4", address), /403/);
  await assert.rejects(download("-o", "refused.mp4", "--video-password", "guess", address), /403/);
  await download("-o", "locked.mp4", "--video-password", "open sesame", address);
  assert.ok(statSync(join(folder, "locked.mp4")).size > 100_000);
});
