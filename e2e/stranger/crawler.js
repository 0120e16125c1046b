// How PeerTube goes through another server: whom to follow there, all that it published, and all that a player would fetch.

import { createHash } from "node:crypto";
import { activity, actor, anything, collection, idOf, isSameHost, list, video } from "./peertube.js";
import { ACCEPT } from "./web.js";

/** Goes through other servers by `web`, and by the `rules` of a PeerTube. Every method throws where PeerTube would give up. */
export class Crawler {
  #actors = new Map();

  constructor(web, rules) {
    this.web = web;
    this.rules = rules;
    /** Parts of objects that PeerTube leaves out, as `<type>: <part>`. */
    this.dropped = new Set();
  }

  /** The actor to follow for a whole host: NodeInfo's (FEP-2677), else that called peertube. */
  async instance(host) {
    const { links } = await this.web.json(`https://${host}/.well-known/nodeinfo`);
    const found = links.find(({ rel }) => rel === "https://www.w3.org/ns/activitystreams#Application");
    return this.actor(found?.href ?? (await this.finger(`peertube@${host}`)));
  }

  /** What a host tells of itself, in every version that it offers. */
  async nodeInfo(host) {
    const { links } = await this.web.json(`https://${host}/.well-known/nodeinfo`);
    const told = links.map(({ rel, href }) => ({ href, version: /nodeinfo\.diaspora\.software\/ns\/schema\/([\d.]+)$/.exec(rel)?.[1] })).filter(({ version }) => version);
    const all = [];
    for (const { href, version } of told) {
      const info = await this.web.json(href);
      const { software, usage } = info;
      const isRight = info.version === version && /^[a-z0-9-]+$/.test(software?.name) && info.protocols.includes("activitypub") && typeof info.openRegistrations === "boolean" && Number.isInteger(usage?.users?.total);
      if (!isRight) throw new Error(`${href} is no NodeInfo ${version}`);
      all.push(info);
    }
    return all;
  }

  /** The id that a handle leads to. */
  async finger(handle) {
    const [name, host] = handle.split("@");
    const { links } = await this.web.json(`https://${host}/.well-known/webfinger?resource=acct:${name}@${host}`, "application/jrd+json, application/json");
    const found = links.find(({ rel }) => rel === "self")?.href;
    if (!URL.canParse(found ?? "")) throw new Error(`${handle} leads nowhere`);
    return found;
  }

  /** An actor, by its id or the URL of its page, with whose it is; and its handle leads back to it. */
  async actor(url, isOwner = false) {
    if (this.#actors.has(url)) return this.#actors.get(url);
    const object = await this.web.object(url);
    const { read } = this.#checked(url, object, actor);
    if (object.id !== url) return this.actor(object.id, isOwner);
    const owner = object.type === "Group" ? await this.#owner(url, object.attributedTo, "Person") : undefined;
    for (const name of ["followers", "following"]) if (object[name]) await this.page(object[name]);
    const back = await this.finger(`${read.name}@${new URL(url).host}`);
    if (back !== url) throw new Error(`the handle of ${url} leads to ${back}`);
    const found = { ...object, read, owner };
    this.#actors.set(url, found);
    return found;
  }

  /** A video, by its id or the URL of its page, with its channel and account, and the collections that it names. */
  async video(url) {
    const object = await this.web.object(url);
    const { read } = this.#checked(url, object, video);
    const channel = await this.#owner(object.id, object.attributedTo, "Group");
    const parts = {};
    for (const name of ["likes", "dislikes", "shares", "comments"]) parts[name] = object[name] && (await this.items(object[name]));
    for (const share of parts.shares ?? []) await this.share(share, object.id);
    parts.chapters = object.hasParts && this.#checked(object.hasParts, await this.web.object(object.hasParts), anything).read;
    return { object, read, channel, parts };
  }

  /** An announcement, which its own id leads to, is of this video and by an actor of the same host. */
  async share(url, of) {
    const object = await this.web.object(url);
    this.#checked(url, object, activity);
    if (object.type !== "Announce" || idOf(object.object) !== of) throw new Error(`${url} announces ${idOf(object.object)}`);
    const by = await this.actor(idOf(object.actor));
    if (!isSameHost(by.id, url)) throw new Error(`${url} is by ${by.id}`);
  }

  /** All items of a collection, ten a page, through `first` and `next`. */
  async items(url) {
    const top = await this.page(url);
    const items = [];
    let [next, pages] = [top.first, 0];
    while (next && pages++ < 2000) {
      const page = await this.page(next);
      items.push(...page.orderedItems);
      next = page.next;
    }
    if (items.length > top.totalItems) throw new Error(`${url} has more than the ${top.totalItems} that it tells`);
    return items;
  }

  /** A collection or one of its pages. */
  async page(url) {
    const object = await this.web.object(url);
    this.#checked(url, object, collection);
    if (object.id !== url) throw new Error(`${url} calls itself ${object.id}`);
    return object;
  }

  /** The videos in an actor's outbox. What a Create holds is a hint: each is fetched by its id. */
  async outbox(of) {
    if (!isSameHost(of.outbox, of.id)) throw new Error(`the outbox of ${of.id} is on another host`);
    const items = await this.items(of.outbox);
    const videos = [];
    for (const item of items) {
      this.#checked(item.id, item, activity);
      if (!["Create", "Announce"].includes(item.type) || idOf(item.actor) !== of.id) throw new Error(`${item.type} by ${idOf(item.actor)} in the outbox of ${of.id}`);
      videos.push(await this.video(idOf(item.object)));
    }
    return videos;
  }

  /** Fetches all that a video names as players on other hosts do, and returns how often each kind was there. */
  async media({ object, read }) {
    const files = read.hls ? await this.#playlists(read.hls) : [];
    const pictures = [read.thumbnail, read.preview, read.storyboard?.href, ...list(object.icon).map(({ url }) => url)];
    for (const url of new Set(pictures.filter(Boolean))) {
      const { body } = await this.#fetched(url, /^image\/jpeg$/);
      if (body.readUInt16BE(0) !== 0xffd8) throw new Error(`${url} is no JPEG`);
    }
    for (const { url } of read.captions) {
      const { body } = await this.#fetched(typeof url === "string" ? url : url[0].href, /^text\/vtt\b/);
      if (!String(body).startsWith("WEBVTT")) throw new Error(`${idOf(url)} is no WebVTT`);
    }
    for (const tracker of read.trackers.filter((url) => url.startsWith("ws"))) await this.#knock(tracker);
    const [page] = list(object.url);
    await this.#fetched(page.href, /^text\/html\b/, { accept: "text/html" }, false);
    if (object.embedUrl) await this.#fetched(object.embedUrl, /^text\/html\b/, { accept: "text/html" }, false);
    return { files: files.length, pictures: new Set(pictures).size, captions: read.captions.length };
  }

  /** As many MP4 files as variants, of the sizes that are told, whose parts have the sums that are told. */
  async #playlists({ master, sums, files }) {
    const { body } = await this.#fetched(master, /^application\/(x-mpegurl|vnd\.apple\.mpegurl)$/i);
    const variants = String(body).split("\n").filter((line) => line.trim().endsWith(".m3u8"));
    if (variants.length !== files.length) throw new Error(`${variants.length} variants and ${files.length} files`);
    if (!sums) throw new Error("without sums there are no peers");
    const told = JSON.parse((await this.#fetched(sums, /^application\/json\b/)).body);
    for (const { href, size } of files) await this.#file(href, size, told);
    for (const variant of variants) {
      const playlist = String((await this.#fetched(new URL(variant, master).href, /mpegurl$/i)).body);
      const names = new Set(playlist.split("\n").filter((line) => line.endsWith(".mp4")));
      if (names.size !== 1 || !/^[\w-]+\.mp4$/.test([...names][0])) throw new Error(`PeerTube could not mirror ${variant}`);
    }
    return files;
  }

  /** A range in the middle is answered with 206, to every origin, and the first listed segment is what its sum says. */
  async #file(url, size, sums) {
    const ranges = sums[url.split("/").at(-1)];
    if (!ranges) throw new Error(`there are no sums of ${url}`);
    const [[range, sum]] = Object.entries(ranges);
    const answer = await this.web.get(url, { origin: "https://elsewhere.example", range: `bytes=${range}` }, { limit: 100_000_000, isSigned: false, timeout: 30_000 });
    checkOrigin(answer);
    if (answer.status !== 206) throw new Error(`a range of ${url} answers ${answer.status}`);
    const [, total] = /^bytes \d+-\d+\/(\d+)$/.exec(answer.headers["content-range"]) ?? [];
    if (Number(total) !== size) throw new Error(`${url} has ${total} bytes and ${size} are told`);
    if (createHash("sha256").update(answer.body).digest("hex") !== sum) throw new Error(`the sum of ${url} ${range} is wrong`);
  }

  async #fetched(url, type, headers = {}, isShared = true) {
    const answer = await this.web.get(url, { origin: "https://elsewhere.example", ...headers }, { isSigned: false });
    if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
    if (!type.test(answer.headers["content-type"])) throw new Error(`${url} is ${answer.headers["content-type"]}`);
    if (isShared) checkOrigin(answer);
    return answer;
  }

  /** A tracker's socket opens to players on other hosts. */
  async #knock(tracker) {
    const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "c3RyYW5nZXIgaGVyZSEhIQ==", origin: "https://elsewhere.example" };
    const { status } = await this.web.get(tracker.replace(/^ws/, "http"), upgrade, { isSigned: false });
    if (status !== 101) throw new Error(`${tracker} answers ${status}`);
  }

  /** The first of these that is of the type, on the same host. */
  async #owner(url, attributedTo, type) {
    for (const id of list(attributedTo).map(idOf)) {
      const object = await this.web.object(id, ACCEPT);
      if (isSameHost(object.id, url) && object.type === type) return this.actor(object.id, true);
    }
    throw new Error(`${url} has no ${type}`);
  }

  #checked(url, object, check) {
    const look = check(object, this.rules);
    if (look.problems.length) throw new Error(`PeerTube ${this.rules.version} refuses ${url}: ${look.problems.join(", ")}`);
    if (!isSameHost(object.id, url)) throw new Error(`${url} calls itself ${object.id}`);
    for (const part of look.dropped) this.dropped.add(`${object.type}: ${part}`);
    return look;
  }
}

function checkOrigin({ url, headers }) {
  if (headers["access-control-allow-origin"] !== "*") throw new Error(`${url} is not for players of other hosts`);
}
