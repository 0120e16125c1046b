// A mail server by somebody else (smtp-server), on the host of our own: it takes every letter and keeps it.

import { once } from "node:events";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";
import { host } from "./server.js";

/** The settings of a server that sends its mail here. */
export const mailSettings = {
  SHOAL_SMTP_HOST: host,
  SHOAL_SMTP_PORT: "2525",
  SHOAL_SMTP_TLS: "off",
  SHOAL_SMTP_USER: "shoal",
  SHOAL_SMTP_PASSWORD: "a secret of the mail server",
  SHOAL_SMTP_FROM: "The videos <videos@example.org>",
};

/** Starts it; `close` ends it. */
export async function startMailbox() {
  const mailbox = new Mailbox();
  await mailbox.start();
  return mailbox;
}

class Mailbox {
  #letters = [];
  #waiting = [];
  #server = new SMTPServer({
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      const isRight = username === mailSettings.SHOAL_SMTP_USER && password === mailSettings.SHOAL_SMTP_PASSWORD;
      done(isRight ? null : new Error("no"), { user: username });
    },
    onData: (stream, session, done) => this.#keep(stream, session).then(() => done(), done),
  });

  async start() {
    this.#server.listen(Number(mailSettings.SHOAL_SMTP_PORT), host);
    await once(this.#server.server, "listening");
  }

  close() {
    return new Promise((done) => this.#server.close(done));
  }

  /** How many letters came that nobody looked at. */
  get unread() {
    return this.#letters.length;
  }

  /** The next letter: to whom, its subject, text and headers. */
  async letter() {
    if (this.#letters.length === 0) await new Promise((done) => this.#waiting.push(done));
    return this.#letters.shift();
  }

  async #keep(stream, session) {
    const parts = [];
    for await (const part of stream) parts.push(part);
    const letter = await PostalMime.parse(Buffer.concat(parts));
    const to = session.envelope.rcptTo.map(({ address }) => address);
    this.#letters.push({ to, subject: letter.subject, text: letter.text, from: letter.from, headers: letter.headers });
    this.#waiting.shift()?.();
  }
}

/** The address of a page of ours in a letter. */
export function linkIn(letter) {
  return /https?:\/\/\S+String=\S+/.exec(letter.text)[0];
}
