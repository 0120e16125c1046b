// What a PeerTube has to tell: videos with their collections, announced by its instance and its channel, and media with ranges.

import { randomUUID } from "node:crypto";
import { PUBLIC } from "./peertube.js";

/** The videos of a server at `url`, whose actors have the ids that `idOf(name)` tells: an instance, a person and a channel. */
export class Shelf {
  #url;
  #idOf;
  #videos = [];
  #files = new Map();

  constructor(url, idOf) {
    this.#url = url;
    this.#idOf = idOf;
  }

  /** Publishes a video, newest first, and returns its object; `change` has other values of its fields. */
  publish(name, change = {}) {
    const uuid = change.uuid ?? randomUUID();
    const id = `${this.#url}/videos/watch/${uuid}`;
    const folder = `${this.#url}/static/streaming-playlists/hls/${uuid}`;
    const picture = (width, height) => ({ type: "Image", url: `${this.#url}/lazy-static/${uuid}-${width}.jpg`, mediaType: "image/jpeg", width, height });
    const file = (height) => ({ type: "Link", mediaType: "video/mp4", href: `${folder}/${height}-fragmented.mp4`, height, width: (height * 16) / 9, size: height * 1000, fps: 30 });
    const sums = { type: "Link", name: "sha256", mediaType: "application/json", href: `${folder}/segments-sha256.json` };
    const master = { type: "Link", mediaType: "application/x-mpegURL", href: `${folder}/master.m3u8`, tag: [sums, file(720), file(360)] };
    const time = new Date(Date.UTC(2026, 10, 1) + this.#videos.length * 60_000).toISOString();
    const video = {
      to: [PUBLIC], cc: [`${this.#idOf("ada")}/followers`],
      type: "Video", id, uuid, name, duration: "PT60S", views: 0, sensitive: false, waitTranscoding: true, state: 1,
      commentsEnabled: true, canReply: null, commentsPolicy: 1, downloadEnabled: true, published: time, updated: time,
      tag: [], mediaType: "text/markdown", content: null, subtitleLanguage: [], icon: [picture(280, 157), picture(850, 480)], aspectRatio: 1.7778,
      url: [{ type: "Link", mediaType: "text/html", href: id }, master, { type: "Link", name: "tracker-websocket", rel: ["tracker", "websocket"], href: `${this.#url.replace("http", "ws")}/tracker/socket` }],
      embedUrl: `${this.#url}/videos/embed/${uuid}`,
      likes: `${id}/likes`, dislikes: `${id}/dislikes`, shares: `${id}/announces`, comments: `${id}/comments`, hasParts: `${id}/chapters`,
      attributedTo: [{ type: "Person", id: this.#idOf("ada") }, { type: "Group", id: this.#idOf("ada_channel") }],
      isLiveBroadcast: false,
      ...change,
    };
    this.#videos.unshift(video);
    return video;
  }

  /** Takes a video away. */
  withdraw({ id }) {
    this.#videos = this.#videos.filter((video) => video.id !== id);
  }

  /** Serves bytes at the URL that a video names. */
  serve(url, type, body) {
    this.#files.set(new URL(url).pathname, { type, body });
  }

  /** The announcement of a video by an actor, or the account's Create, as it is sent and lies in the outbox. */
  activity(video, by) {
    const actor = this.#idOf(by);
    const { to, cc, id } = video;
    if (by === "ada") return { to, cc, type: "Create", id: `${id}/activity`, actor, object: video };
    return { to, cc, type: "Announce", id: `${id}/announces/${by}`, actor, object: id };
  }

  /** What is at a path, if it is of videos or of an outbox: a page of it, if `page` is told. */
  document(path, page) {
    const url = this.#url + path;
    for (const by of ["peertube", "ada", "ada_channel"]) {
      if (url === `${this.#idOf(by)}/outbox`) return paged(url, this.#videos.map((video) => () => this.activity(video, by)), page);
    }
    const video = this.#videos.find(({ id }) => url === id || url.startsWith(`${id}/`));
    if (!video) return undefined;
    const [part, of] = url.slice(video.id.length + 1).split("/");
    if (part === "") return video;
    if (part === "chapters") return { id: url, hasPart: [] };
    if (part === "activity") return this.activity(video, "ada");
    if (part !== "announces") return paged(url, [], page);
    return of ? this.activity(video, of) : paged(url, ["ada_channel", "peertube"].map((by) => () => `${url}/${by}`), page);
  }

  /** Answers for a file, or a range of it; whether there is one. */
  answerFile(path, { range }, response) {
    const file = this.#files.get(path);
    if (!file) return false;
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const headers = { "content-type": file.type, "access-control-allow-origin": "*", "accept-ranges": "bytes" };
    if (from === undefined) return response.writeHead(200, headers).end(file.body), true;
    const part = file.body.subarray(Number(from), to ? Number(to) + 1 : undefined);
    response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${file.body.length}` }).end(part);
    return true;
  }
}

/** A collection of what each of `items` returns, or a page of ten of them. */
function paged(url, items, page) {
  const totalItems = items.length;
  if (!page) return { id: url, type: "OrderedCollection", totalItems, ...(totalItems && { first: `${url}?page=1` }) };
  const orderedItems = items.slice((page - 1) * 10, page * 10).map((item) => item());
  const next = page * 10 < totalItems && { next: `${url}?page=${Number(page) + 1}` };
  return { id: `${url}?page=${page}`, type: "OrderedCollectionPage", partOf: url, orderedItems, totalItems, ...next };
}
