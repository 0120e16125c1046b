// Several Shoals on names of their own, with TLS, as they meet in the world.

import { makeAuthority, openDoor } from "./names.js";
import { host, startFresh, startServer } from "./server.js";

/** A Shoal on a name: what its host and its users do by programs. */
class Shoal {
  constructor(name, server, door, password) {
    this.name = name;
    this.url = `https://${name}`;
    this.server = server;
    this.door = door;
    this.password = password;
  }

  /** Asks the API as somebody logged in; a status beyond 2xx is an error unless it is `expected`. */
  async ask(method, path, body, { token = this.token, expected } = {}) {
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }) };
    const answer = await fetch(`${this.server.url}/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (expected ? answer.status !== expected : !answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** The token of a user. */
  async logIn(username, password) {
    const client = await this.ask("GET", "oauth-clients/local", undefined, { token: "" });
    const body = new URLSearchParams({ ...client, grant_type: "password", username, password });
    const answer = await fetch(`${this.server.url}/api/v1/users/token`, { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()).access_token;
  }

  /** Asks again until `is` holds of the answer, which it returns. */
  async until(path, is, patience = 90_000) {
    const end = Date.now() + patience;
    for (;;) {
      const answer = await this.ask("GET", path).catch((error) => error);
      if (!(answer instanceof Error) && is(answer)) return answer;
      if (Date.now() > end) throw new Error(`${this.name}: ${path} never came true: ${answer instanceof Error ? answer : JSON.stringify(answer).slice(0, 2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Asks for a page again until it has a word in it. */
  async untilShown(path, word, patience = 90_000) {
    const end = Date.now() + patience;
    while (!(await (await fetch(this.server.url + path)).text()).includes(word)) {
      if (Date.now() > end) throw new Error(`${this.name}: ${path} never had ${word}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Whether whoever looks at `path` is told that there is nothing. */
  async untilGone(path, patience = 90_000) {
    const end = Date.now() + patience;
    while ((await fetch(`${this.server.url}/api/v1/${path}`)).status !== 404) {
      if (Date.now() > end) throw new Error(`${this.name}: ${path} never went`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async close() {
    this.door.close();
    await this.server.close();
  }
}

/** Starts `one.shoal.test`, with the test videos, and the others empty, as many as are `wanted`. */
export async function startShoals(wanted = 2) {
  const authority = makeAuthority();
  const names = ["one.shoal.test", "two.shoal.test", "three.shoal.test"].slice(0, wanted);
  const shoals = [];
  for (const [no, name] of names.entries()) {
    const environment = { SHOAL_OUTBOUND_ALLOW_PRIVATE: "true", SHOAL_OUTBOUND_CA_FILE: authority.file, ...(no && { SHOAL_TRACKER_STUN_LISTEN: "" }) };
    const [port, publicUrl] = [9000 + no, `https://${name}`];
    const server = no ? await startFresh({ port, environment, publicUrl }) : await startServer(port, environment, publicUrl);
    const door = await openDoor(authority, name, { address: `10.99.0.${no + 1}`, to: host, port });
    const shoal = new Shoal(name, server, door, await server.password("root"));
    shoal.token = await shoal.logIn("root", shoal.password);
    shoals.push(shoal);
  }
  return {
    shoals,
    authority,
    close: async () => {
      for (const shoal of shoals) await shoal.close();
      authority.remove();
    },
  };
}
