// How Mastodon finds somebody or something, and what it makes of it.

import { idOf, isSameHost, list, PUBLIC } from "./peertube.js";
import { isActivity } from "./web.js";

/** Finds by `web`. Every method throws where Mastodon would find nothing. */
export class Finder {
  constructor(web) {
    this.web = web;
  }

  /** What a search finds: by a handle, or by a URL that somebody pasted. */
  search(text) {
    return text.includes("://") ? this.resource(text) : this.account(text.replace(/^@/, ""));
  }

  /** An actor by its handle, which must lead there and back. */
  async account(handle) {
    const { subject, self } = await this.#finger(handle);
    if (subject.toLowerCase() !== handle.toLowerCase()) throw new Error(`${handle} is called ${subject}`);
    return this.#actor(await this.#document(self));
  }

  /** An object by its URL or that of a page, which may name it once. */
  async resource(url, isLast = false) {
    const answer = await this.web.get(url, { accept: ACCEPT }, { limit: 1_000_000 });
    if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
    if (isActivity(answer.headers["content-type"])) {
      const { id } = JSON.parse(answer.body);
      const object = await this.#document(id);
      return TYPES.includes(object.type) ? this.#actor(object) : this.status(object);
    }
    // Where a header names any other form of the page, its head isn't looked at.
    const isHeaded = /\brel="?alternate\b/.test(answer.link ?? "");
    const other = !isLast && (isHeaded ? linked(answer.link) : alternate(String(answer.body)));
    if (!other) throw new Error(`${url} is a page that names no object`);
    return this.resource(new URL(other, url).href, true);
  }

  /** What a page that a browser gets names: in its `Link` header, and in its head; `vary` says what it depends on. */
  async page(url) {
    const { headers, link, body } = await this.web.get(url, { accept: "text/html" }, { isSigned: false });
    return { header: linked(link), element: alternate(String(body)), vary: headers.vary };
  }

  /** What a timeline shows of a video: by whom, what, where it leads, to whom. */
  async status(object) {
    if (!CONVERTED.includes(object.type)) throw new Error(`${object.type} is nothing to show`);
    const author = idOf(list(object.attributedTo)[0]);
    if (!isSameHost(author, object.id)) throw new Error(`${object.id} is by ${author}`);
    const by = await this.#actor(await this.#document(author));
    const [first] = list(object.url);
    const url = typeof first === "string" ? first : first?.href;
    const audience = list(object.to).includes(PUBLIC) ? "public" : list(object.cc).includes(PUBLIC) ? "unlisted" : list(object.to).includes(by.followers) ? "private" : "direct";
    const [published, updated] = [object.published, object.updated].map((time) => Date.parse(time));
    if (!(updated >= published)) throw new Error(`${object.id} was changed before it was there`);
    if (!isSameHost(url, object.id)) throw new Error(`${object.id} leads to ${url}`);
    const tags = list(object.tag).filter(({ type }) => type === "Hashtag").map(({ name }) => name.replace(/^#/, ""));
    return { id: object.id, type: object.type, author: by, title: object.name, url, audience, tags, isSensitive: object.sensitive === true, hasAttachment: list(object.attachment).length > 0 };
  }

  /** An actor's document, whose handle leads back to it, letter by letter. */
  async #actor(object) {
    if (!TYPES.includes(object.type)) throw new Error(`${object.type} is no actor`);
    for (const name of ["preferredUsername", "inbox"]) if (!object[name]) throw new Error(`${object.id} has no ${name}`);
    if (!/^[a-z0-9_]+([a-z0-9_.-]+[a-z0-9_]+)?$/i.test(object.preferredUsername)) throw new Error(`${object.preferredUsername} is no name`);
    const { id, publicKey } = object;
    if (publicKey?.owner !== id) throw new Error(`the key of ${id} is ${publicKey?.owner}'s`);
    const handle = `${object.preferredUsername}@${new URL(id).hostname}`;
    const { subject, self } = await this.#finger(handle);
    if (subject.toLowerCase() !== handle.toLowerCase() || self !== id) throw new Error(`${handle} leads to ${self}, not back to ${id}`);
    const page = list(object.url).map((url) => url.href ?? url)[0];
    return { ...object, handle, page: isSameHost(page, id) ? page : undefined };
  }

  /** A document by its id, which it has itself, with the context that is compared as a string. */
  async #document(id) {
    const object = await this.web.object(id, ACCEPT);
    if (object.id !== id) throw new Error(`${id} calls itself ${object.id}`);
    if (!list(object["@context"]).includes("https://www.w3.org/ns/activitystreams")) throw new Error(`${id} has no context`);
    return object;
  }

  async #finger(handle) {
    const host = handle.split("@").at(-1);
    const { subject, links } = await this.web.json(`https://${host}/.well-known/webfinger?resource=acct:${handle}`, "application/jrd+json, application/json");
    const self = links.find(({ rel, type }) => rel === "self" && isActivity(type))?.href;
    if (!subject?.startsWith("acct:") || !self) throw new Error(`${handle} leads nowhere`);
    return { subject: subject.slice("acct:".length), self };
  }
}

/** The object that a `Link` header names. */
function linked(header) {
  const links = (header ?? "").split(/,\s*(?=<)/);
  const found = links.find((link) => /;\s*rel="?alternate"?/.test(link) && /;\s*type="?application\/activity\+json"?/.test(link));
  return found && /^<([^>]+)>/.exec(found)?.[1];
}

/** The object that a page's head names. */
function alternate(html) {
  const tags = html.match(/<link\b[^>]*>/g) ?? [];
  const found = tags.find((tag) => /\brel="?alternate"?/.test(tag) && /\btype="application\/activity\+json"/.test(tag));
  return found && /\bhref="([^"]+)"/.exec(found)?.[1];
}

const ACCEPT = 'application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams", text/html;q=0.1';
const TYPES = ["Application", "Group", "Organization", "Person", "Service"];
const CONVERTED = ["Image", "Audio", "Video", "Article", "Page", "Event"];
