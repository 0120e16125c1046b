// What makes a video private and opens it again to one page, by the words of docs/decisions/0011 alone.

import { createHmac } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The UUID of the video of this title in a server's library. */
export function uuidOf(server, title) {
  const records = readdirSync(join(server.data, "videos")).filter((name) => name.endsWith(".json"));
  const found = records.map((name) => record(server, name)).find((video) => video.title === title);
  return found.id;
}

/** What the library knows of a video, with other values for some of it. Returns it. */
export function change(server, uuid, values) {
  const video = { ...record(server, `${uuid}.json`), ...values };
  // The file itself is shared with other tests' libraries.
  const path = join(server.data, "videos", `${uuid}.json`);
  writeFileSync(`${path}.new`, JSON.stringify(video));
  renameSync(`${path}.new`, path);
  return video;
}

/** What opens a video until `endsAt`, in seconds since 1970. */
export function capability(server, uuid, endsAt = Math.floor(Date.now() / 1000) + 3600) {
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(endsAt, 1);
  const hmac = createHmac("sha256", readFileSync(join(server.data, "key")));
  const mac = hmac.update("shoal read").update(head).update(Buffer.from(uuid.replaceAll("-", ""), "hex")).digest();
  return Buffer.concat([head, mac.subarray(0, 16)]).toString("base64url");
}

/** Opens a page of the server's own host that holds nothing but a player with these attributes. */
export async function ownPage(browser, server, script, attributes) {
  const player = await browser.open(`${server.url}/health`);
  await player.frame.evaluate(({ script, attributes }) => {
    const element = document.createElement("shoal-player");
    element.style.width = "640px";
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    const loader = Object.assign(document.createElement("script"), { type: "module", src: script });
    document.body.replaceChildren(loader, element);
  }, { script, attributes });
  return player;
}

function record(server, name) {
  return JSON.parse(readFileSync(join(server.data, "videos", name), "utf8"));
}
