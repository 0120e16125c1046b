// Another server: it has actors with keys, is found as others are, speaks to inboxes, and believes what comes to its own as PeerTube or Mastodon do.

import { once } from "node:events";
import { createServer } from "node:https";
import { activity, actor, idOf, isSameHost, PUBLIC } from "./peertube.js";
import { believedByMastodon, believedByPeerTube, makeKeys, Refusal, signDraft, signStandard } from "./signature.js";
import { Shelf } from "./shelf.js";
import { Web } from "./web.js";

/**
 * Starts one called `host`, which listens on `address`:`port` with the certificate `cert` and its `key`. `addresses` says where other
 * names lead, `ca` which authority it believes. It has a person `ada`; in the mode `peertube` her channel and an instance, too, and
 * `shelf` has what they publish. Those who follow are accepted, unless `isOpen` is false.
 */
export async function startStranger(settings) {
  const stranger = new Stranger(settings);
  await stranger.listen();
  return stranger;
}

class Stranger {
  #server;
  #settings;
  #keys = new Map();
  #documents = new Map();
  #sent = 0;
  #waiting = [];

  constructor({ mode, rules = { version: "newest" }, isOpen = true, port = 443, ...settings }) {
    if (!(mode in MODES)) throw new Error(`there is no mode ${mode}`);
    this.#settings = { ...settings, mode, rules, isOpen, port };
    this.mode = MODES[mode];
    this.url = `https://${settings.host}`;
    this.shelf = new Shelf(this.url, (name) => this.id(name));
    /** What came to the inboxes: `{ inbox, status, problem, activity }`; `problem` is why nothing came of it. */
    this.received = [];
    /** What it couldn't do of itself, such as accepting who follows and is gone. */
    this.failures = [];
    const agent = `${this.mode.agent} (+${this.url})`;
    this.web = new Web({ addresses: settings.addresses, ca: settings.ca, agent, sign: (request) => this.#signed(request, this.mode.fetcher) });
    for (const [name, type] of Object.entries(this.mode.actors)) this.#introduce(name, type);
  }

  async listen() {
    const { key, cert, port, address } = this.#settings;
    this.#server = createServer({ key, cert }, (request, response) => {
      this.#answer(request, response).catch((error) => {
        this.failures.push(error);
        if (!response.headersSent) response.writeHead(500).end(String(error));
      });
    });
    this.#server.listen(port, address);
    await once(this.#server, "listening");
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The id of one of its actors. */
  id(name = "ada") {
    return this.url + this.mode.path(name);
  }

  /** Waits for what comes to an inbox and fits, from the beginning on. */
  heard(fits) {
    const found = this.received.find(fits);
    return found ?? new Promise((done) => this.#waiting.push({ fits, done }));
  }

  /** Follows an actor, whose document was fetched; returns the activity and the status of the answer. */
  follow(target, { by = this.mode.fetcher, ...how } = {}) {
    const path = this.mode.path(by);
    return this.send({ type: "Follow", id: `${this.url}${path}/follows/${++this.#sent}`, actor: this.id(by), object: target.id }, target.inbox, how);
  }

  /** Says something about a video or another comment, to its author. */
  comment(inReplyTo, author, content, { by = "ada", ...how } = {}) {
    const id = `${this.id(by)}/statuses/${++this.#sent}`;
    const [to, cc] = [[PUBLIC], [`${this.id(by)}/followers`, author.id]];
    const published = new Date().toISOString().replace(/\.\d+/, "");
    const tag = [{ type: "Mention", href: author.id, name: `@${author.preferredUsername}@${new URL(author.id).host}` }];
    const note = { id, type: "Note", summary: null, inReplyTo, published, url: id, attributedTo: this.id(by), to, cc, sensitive: false, content, tag };
    this.#documents.set(new URL(id).pathname, { "@context": CONTEXT, ...note });
    return this.send({ type: "Create", id: `${id}/activity`, actor: this.id(by), published, to, cc, object: note }, author.inbox, how);
  }

  /** Says something else in what it said. */
  reword(id, content, inbox, { by = "ada", ...how } = {}) {
    const path = new URL(id).pathname;
    const note = { ...this.#documents.get(path), content, updated: new Date(Date.now() + 1000).toISOString() };
    this.#documents.set(path, note);
    const { "@context": _, ...object } = note;
    return this.send({ type: "Update", id: `${id}#updates/${++this.#sent}`, actor: this.id(by), to: [PUBLIC], object }, inbox, how);
  }

  /** Reports something to the server that it comes from, as the instance. */
  report(object, content, inbox, how = {}) {
    const by = this.id(this.mode.fetcher);
    return this.send({ type: "Flag", id: `${by}/flags/${++this.#sent}`, actor: by, content, object }, inbox, how);
  }

  /** Lets a comment of another's be shown below a video of its own. */
  approve(comment, video, inbox, { by = "ada", ...how } = {}) {
    return this.send({ type: "ApproveReply", id: `${video}/approvals/${++this.#sent}`, actor: this.id(by), inReplyTo: video, object: comment }, inbox, how);
  }

  /** Likes a video of an author's. */
  like(object, author, { by = "ada", ...how } = {}) {
    return this.send({ type: "Like", id: `${this.id(by)}#likes/${++this.#sent}`, actor: this.id(by), object }, author.inbox, how);
  }

  /** Tells an inbox of a video, by the channel, the instance (`peertube`) or the account (`ada`). */
  announce(video, inbox, { by = "ada_channel", ...how } = {}) {
    return this.send(this.shelf.activity(video, by), inbox, how);
  }

  /** Takes back what it sent, which is told whole. */
  undo({ sent, inbox }, how = {}) {
    return this.send({ type: "Undo", id: `${sent.id}/undo`, actor: sent.actor, object: { ...sent, "@context": undefined } }, inbox, how);
  }

  /** Deletes something that it said, which is gone from then on. */
  remove(id, inbox, { by = "ada", ...how } = {}) {
    this.#documents.set(new URL(id).pathname, { "@context": CONTEXT, id, type: "Tombstone", formerType: "Note", deleted: new Date().toISOString() });
    return this.send({ type: "Delete", id: `${id}#delete`, actor: this.id(by), to: [PUBLIC], object: { id, type: "Tombstone" } }, inbox, how);
  }

  /** Accepts or rejects who wants to follow, at that actor's own inbox. */
  async answerFollow(follow, type = "Accept", how = {}) {
    const { inbox } = await this.web.object(idOf(follow.actor));
    const { "@context": _, ...object } = follow;
    return this.send({ type, id: `${idOf(follow.object)}/${type.toLowerCase()}s/${++this.#sent}`, actor: idOf(follow.object), object }, inbox, how);
  }

  /**
   * Posts any activity to an inbox, signed by its actor, in one of the `FORMS`, at the time `now`. `change(request)` may spoil what is
   * sent after it was signed. Returns what was sent, where, and the status of the answer.
   */
  async send(told, inbox, { form = "draft", now = new Date(), change = (request) => request } = {}) {
    const whole = { "@context": CONTEXT, ...told };
    const { host, pathname, search } = new URL(inbox);
    const request = { method: "POST", host, target: pathname + search, headers: { "content-type": "application/activity+json" }, body: Buffer.from(JSON.stringify(whole)) };
    const headers = this.#signed(request, this.#nameOf(told.actor), form, now);
    const { headers: changed, body } = change({ ...request, headers });
    const { status } = await this.web.ask("POST", inbox, { headers: changed, body, isSigned: false });
    return { sent: whole, inbox, status };
  }

  #signed(request, name, form = "draft", now = new Date()) {
    const { privateKey } = this.#keys.get(name);
    return FORMS[form](request, { keyId: this.mode.keyId(this.id(name)), privateKey, now, hasQuery: this.mode.hasQuery });
  }

  #nameOf(id) {
    const name = [...this.#keys.keys()].find((name) => this.id(name) === id);
    if (!name) throw new Error(`${id} isn't of ${this.url}`);
    return name;
  }

  /** An actor with keys. */
  #introduce(name, type) {
    const keys = makeKeys();
    this.#keys.set(name, keys);
    const id = this.id(name);
    const key = { id: `${id}#main-key`, owner: id, publicKeyPem: keys.publicKey };
    const owned = type === "Group" && { attributedTo: [{ type: "Person", id: this.id("ada") }] };
    const lists = Object.fromEntries(["inbox", "outbox", "followers", "following"].map((part) => [part, `${id}/${part}`]));
    const page = [{ type: "Link", mediaType: "text/html", href: id }];
    const document = { "@context": CONTEXT, id, type, preferredUsername: name, name: `The stranger ${name}`, summary: null, url: page, published: "2026-11-01T00:00:00Z", endpoints: { sharedInbox: `${this.url}/inbox` }, ...lists, publicKey: key, ...owned };
    this.#documents.set(this.mode.path(name), document);
    for (const part of ["followers", "following"]) {
      this.#documents.set(`${this.mode.path(name)}/${part}`, { "@context": CONTEXT, id: `${id}/${part}`, type: "OrderedCollection", totalItems: 0 });
    }
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const say = (status, type, body) => response.writeHead(status, { "content-type": type }).end(body && JSON.stringify(body));
    if (request.method === "POST") return this.#take(request, pathname, say);
    if (pathname === "/.well-known/webfinger") return this.#finger(searchParams.get("resource") ?? "", say);
    if (pathname === "/.well-known/nodeinfo") return say(200, "application/json", { links: [{ rel: "https://www.w3.org/ns/activitystreams#Application", href: this.id(this.mode.fetcher) }] });
    if (this.shelf.answerFile(pathname, request.headers, response)) return undefined;
    const document = this.#documents.get(pathname) ?? this.#shelved(pathname, searchParams.get("page"));
    if (!document) return say(404, "application/json", { error: "nothing is here" });
    say(document.type === "Tombstone" ? 410 : 200, "application/activity+json; charset=utf-8", document);
  }

  #shelved(path, page) {
    const document = this.shelf.document(path, page);
    return document && { "@context": CONTEXT, ...document };
  }

  #finger(resource, say) {
    const [, name, host] = /^acct:([^@]+)@(.+)$/.exec(resource) ?? [];
    if (host !== this.#settings.host || !this.#keys.has(name)) return say(404, "application/json", { error: "nobody is called so" });
    const subscribe = { rel: "http://ostatus.org/schema/1.0/subscribe", template: `${this.url}/remote-interaction?uri={uri}` };
    const links = [{ rel: "self", type: "application/activity+json", href: this.id(name) }, subscribe];
    say(200, "application/jrd+json; charset=utf-8", { subject: resource, links });
  }

  /** One post to an inbox: 204 or 403 by PeerTube, 202 or 401 by Mastodon. */
  async #take(request, inbox, say) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const seen = { method: "POST", host: request.headers.host, target: request.url, headers: request.headers, body };
    const entry = { inbox, ...(await this.#judge(seen)) };
    this.received.push(entry);
    say(entry.status, "application/json");
    for (const { done } of this.#waiting.filter(({ fits }) => fits(entry))) done(entry);
    this.#waiting = this.#waiting.filter(({ fits }) => !fits(entry));
    if (!entry.problem && entry.activity.type === "Follow" && this.#settings.isOpen) await this.answerFollow(entry.activity);
  }

  async #judge(seen) {
    const { good, bad } = this.mode;
    let told;
    try {
      told = JSON.parse(seen.body);
      const { host } = this.#settings;
      if (seen.host !== host) throw new Refusal(`it is for ${seen.host}`);
      const signer = await this.mode.believe(seen, (id) => this.#keyOf(id));
      return { status: good, activity: told, problem: this.mode.problem(told, signer.split("#")[0], seen, this.#settings.rules) };
    } catch (error) {
      // Whoever is gone has no key either.
      const isFarewell = told?.type === "Delete" && told.actor === idOf(told.object);
      return { status: isFarewell ? good : bad, activity: told, problem: error.message };
    }
  }

  /** The key of another's actor, whose document must be as this mode wants actors. */
  async #keyOf(id) {
    const document = await this.web.object(id.split("#")[0]);
    if (!isSameHost(document.id, id)) throw new Refusal(`${id} calls itself ${document.id}`);
    const problem = this.mode.stranger(document, id, this.#settings.rules);
    if (problem) throw new Refusal(problem);
    return document.publicKey.publicKeyPem;
  }
}

/** In what forms requests are signed. */
export const FORMS = {
  draft: signDraft,
  hs2019: (request, by) => signDraft(request, { ...by, algorithm: "hs2019" }),
  created: (request, by) => signDraft(request, { ...by, algorithm: "hs2019", covered: ["(request-target)", "host", "(created)", ...(request.body ? ["digest"] : [])] }),
  standard: signStandard,
};

const CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"];

/** What makes one server differ from another. */
const MODES = {
  peertube: {
    agent: "PeerTube/6.3.0",
    actors: { peertube: "Application", ada: "Person", ada_channel: "Group" },
    fetcher: "peertube",
    path: (name) => (name.endsWith("_channel") ? `/video-channels/${name}` : `/accounts/${name}`),
    keyId: (id) => id,
    hasQuery: false,
    good: 204,
    bad: 403,
    believe: believedByPeerTube,
    stranger: (document, _id, rules) => actor(document, rules).problems.join(", "),
    problem: peertubeProblem,
  },
  mastodon: {
    agent: "Mastodon/4.5.0",
    actors: { instance: "Application", ada: "Person" },
    fetcher: "instance",
    path: (name) => (name === "instance" ? "/actor" : `/users/${name}`),
    keyId: (id) => `${id}#main-key`,
    hasQuery: true,
    good: 202,
    bad: 401,
    believe: believedByMastodon,
    // PeerTube calls its keys as their actors.
    stranger: ({ id, publicKey }, keyId) => (publicKey?.owner === id && [id, publicKey.id].includes(keyId) ? "" : `${keyId} isn't a key of ${id}`),
    problem: mastodonProblem,
  },
};

/** Why PeerTube makes nothing of an activity; it throws where the answer is 403, since it can't believe what was forwarded. */
function peertubeProblem(told, signer, { target }, rules) {
  if (idOf(told.actor) !== signer) throw new Refusal(`${signer} forwards what it doesn't sign itself`);
  if (["Accept", "Reject"].includes(told.type) && target === "/inbox") return "an answer belongs to the explicit inbox";
  const { problems } = activity(told, rules);
  return problems.length ? problems.join(", ") : undefined;
}

/** Why Mastodon makes nothing of an activity. */
function mastodonProblem(told, signer) {
  if (idOf(told.actor) !== signer) return `${signer} forwards what it doesn't sign itself`;
  const object = told.object;
  if (["Create", "Update"].includes(told.type) && object?.attributedTo && !isSameHost(idOf([object.attributedTo].flat()[0]), signer)) return "it is another's";
  return undefined;
}
