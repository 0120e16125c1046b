// How a stranger asks: by TLS, at names of its own finding, within bounds.

import { Agent, request as ask } from "node:https";

/** Asks other hosts. `addresses` says where names lead, `ca` which authority is believed, `sign(request)` returns the headers of a signed one. */
export class Web {
  #kept;
  #fresh;

  constructor({ addresses = {}, ca, agent = "stranger/1", sign } = {}) {
    this.addresses = addresses;
    const settings = { ca, lookup: (name, options, found) => this.#find(name, options, found) };
    [this.#kept, this.#fresh] = [true, false].map((keepAlive) => new Agent({ ...settings, keepAlive }));
    this.agent = agent;
    this.sign = sign;
    /** Everything that was asked: `{ method, url, status }`. */
    this.asked = [];
  }

  /** One request; redirects are answers. Refuses what isn't https, since other servers do, and more than `limit` bytes. */
  async ask(method, url, { headers = {}, body, limit = 3_000_000, timeout = 7_000, isSigned = true } = {}) {
    const { protocol, host, hostname, port, pathname, search } = new URL(url);
    if (protocol !== "https:") throw new Error(`${url} isn't https`);
    const target = pathname + search;
    const plain = { "user-agent": this.agent, host, ...headers };
    const request = { method, host, target, headers: plain, body };
    const sent = this.sign && isSigned ? await this.sign(request) : plain;
    const length = body ? { "content-length": body.length } : {};
    const options = { method, hostname, port: port || 443, path: target, headers: { ...sent, ...length }, servername: hostname };
    const once = (agent) => exchange({ ...options, agent }, body, limit, timeout);
    // Whoever closes an idle connection may do so just when it is used again.
    const again = (error) => (error.isIdle ? once(this.#fresh) : Promise.reject(error));
    const answer = await (method === "GET" ? once(this.#kept).catch(again) : once(this.#fresh));
    this.asked.push({ method, url, status: answer.status });
    return { ...answer, url };
  }

  get(url, headers = {}, settings = {}) {
    return this.ask("GET", url, { ...settings, headers });
  }

  /** A document by its id, as ActivityPub wants it served. */
  async object(url, accept = ACCEPT) {
    const answer = await this.get(url, { accept });
    if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
    if (!isActivity(answer.headers["content-type"])) throw new Error(`${url} is ${answer.headers["content-type"]}, which is no activity`);
    return JSON.parse(answer.body);
  }

  /** Any other JSON. */
  async json(url, accept = "application/json") {
    const answer = await this.get(url, { accept }, { isSigned: false });
    if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
    if (!/^application\/(\w+\+)?json\b/.test(answer.headers["content-type"])) throw new Error(`${url} is ${answer.headers["content-type"]}`);
    return JSON.parse(answer.body);
  }

  /** Posts an activity to an inbox and returns the status of the answer. */
  async post(url, activity, settings = {}) {
    const body = Buffer.from(typeof activity === "string" ? activity : JSON.stringify(activity));
    const { status } = await this.ask("POST", url, { ...settings, body, headers: { accept: ACCEPT, "content-type": "application/activity+json", ...settings.headers } });
    return status;
  }

  #find(name, { all }, found) {
    const address = this.addresses[name];
    if (!address) return found(new Error(`nobody knows where ${name} is`));
    return all ? found(null, [{ address, family: 4 }]) : found(null, address, 4);
  }
}

/** Whether a content type is one that ActivityPub is served as. */
export function isActivity(type) {
  return /^application\/(activity\+json|ld\+json;\s*profile="https:\/\/www\.w3\.org\/ns\/activitystreams")(\s*;\s*charset=utf-8)?$/i.test(type ?? "");
}

/** What PeerTube accepts. */
export const ACCEPT = "application/activity+json, application/ld+json";

/** The first of several `Link` headers, at which Mastodon stops. */
function firstLink({ rawHeaders }) {
  const at = rawHeaders.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === "link");
  return at < 0 ? undefined : rawHeaders[at + 1];
}

function exchange(options, body, limit, timeout) {
  return new Promise((done, fail) => {
    const request = ask({ ...options, signal: AbortSignal.timeout(timeout) }, (answer) => {
      const parts = [];
      let length = 0;
      answer.on("data", (part) => {
        parts.push(part);
        length += part.length;
        if (length > limit) answer.destroy(new Error(`${options.path} is longer than ${limit} bytes`));
      });
      answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, link: firstLink(answer), body: Buffer.concat(parts) }));
      answer.on("error", fail);
    });
    request.on("upgrade", (answer, socket) => {
      socket.destroy();
      done({ status: answer.statusCode, headers: answer.headers, body: Buffer.alloc(0) });
    });
    request.on("error", (error) => fail(Object.assign(error, { isIdle: request.reusedSocket && error.code === "ECONNRESET" })));
    request.end(body);
  });
}
