// Signatures of HTTP requests: made in both forms, and believed as PeerTube and as Mastodon each believe them.
//
// A request is { method, host, target, headers, body }: names of headers in lower case, `body` a Buffer or nothing.

import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";

/** Why a request isn't believed. */
export class Refusal extends Error {}

/** A pair of RSA keys, as text. */
export function makeKeys() {
  const publicKeyEncoding = { type: "spki", format: "pem" };
  return generateKeyPairSync("rsa", { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding: { type: "pkcs8", format: "pem" } });
}

/** The headers of a request that is signed as by draft-cavage-12, `covered` in this order; `hs2019` may cover `(created)`. */
export function signDraft(request, { keyId, privateKey, now = new Date(), algorithm = "rsa-sha256", covered, hasQuery = true }) {
  const { body } = request;
  const headers = { host: request.host, date: now.toUTCString(), ...(body && { digest: `SHA-256=${sha256(body)}` }), ...request.headers };
  const names = covered ?? ["(request-target)", "host", "date", ...(body ? ["digest"] : [])];
  const created = names.includes("(created)") ? seconds(now) : undefined;
  const text = draftText({ ...request, headers }, names, { created }, hasQuery);
  const time = created ? `,created=${created}` : "";
  const signature = `keyId="${keyId}",algorithm="${algorithm}"${time},headers="${names.join(" ")}",signature="${made(text, privateKey)}"`;
  return { ...headers, signature };
}

/** The headers of a request that is signed as by RFC 9421. */
export function signStandard(request, { keyId, privateKey, now = new Date(), covered }) {
  const { body } = request;
  const headers = { host: request.host, date: now.toUTCString(), ...(body && { "content-digest": `sha-256=:${sha256(body)}:` }), ...request.headers };
  const names = covered ?? ["@method", "@target-uri", ...(body ? ["content-digest"] : [])];
  const input = `(${names.map((name) => `"${name}"`).join(" ")});created=${seconds(now)};keyid="${keyId}"`;
  const text = standardText({ ...request, headers }, names, input);
  return { ...headers, "signature-input": `sig1=${input}`, signature: `sig1=:${made(text, privateKey)}:` };
}

/**
 * The actor who signed, as PeerTube believes it; else throws a `Refusal`. `keyOf` finds the key of an actor.
 *
 * Only what goes to an inbox is looked at there; fetches are looked at here alike, but that their query may be left out.
 */
export async function believedByPeerTube(request, keyOf, now = new Date()) {
  const { method, headers, body } = request;
  if (headers["signature-input"]) throw new Refusal("only drafts of signatures are supported");
  const told = draftParameters(headers.signature?.replace(/^Signature /, ""));
  const names = told.headers?.toLowerCase().split(" ") ?? ["date"];
  for (const name of ["(request-target)", "host", ...(method === "POST" ? ["digest"] : [])]) {
    if (!names.includes(name)) throw new Refusal(`${name} isn't signed`);
  }
  if (!names.includes("date") && !names.includes("(created)")) throw new Refusal("neither date nor (created) is signed");
  const skew = Math.abs(now - (names.includes("(created)") ? new Date(told.created * 1000) : httpDate(headers.date)));
  if (!(skew <= 1_800_000)) throw new Refusal("the clocks differ by more than 30 minutes");
  if (method === "POST" && headers.digest !== `SHA-256=${sha256(body)}`) throw new Refusal("the digest is another's");
  const [actor] = told.keyId.split("#");
  const texts = [true, ...(method === "GET" ? [false] : [])].map((hasQuery) => draftText(request, names, told, hasQuery));
  if (!(await isAnySigned(texts, told.signature, keyOf(actor)))) throw new Refusal("the signature is wrong");
  return actor;
}

/** The same as Mastodon believes it, which knows RFC 9421 too, and tries nothing else where that is offered. `keyOf` finds the key of an id of keys. */
export async function believedByMastodon(request, keyOf, now = new Date()) {
  return request.headers["signature-input"] ? standardByMastodon(request, keyOf, now) : draftByMastodon(request, keyOf, now);
}

async function draftByMastodon(request, keyOf, now) {
  const { method, headers, body } = request;
  const told = { algorithm: "hs2019", ...draftParameters(headers.signature) };
  if (!["rsa-sha256", "hs2019"].includes(told.algorithm)) throw new Refusal(`${told.algorithm} isn't supported`);
  const isNew = told.algorithm === "hs2019";
  const names = (told.headers ?? (isNew ? "(created)" : "date")).toLowerCase().split(" ");
  if (!isNew && names.some((name) => name === "(created)" || name === "(expires)")) throw new Refusal("rsa-sha256 has no (created)");
  const created = isNew && told.created ? new Date(told.created * 1000) : httpDate(headers.date);
  checkWindow(created, told.expires, now);
  if (!names.includes("date") && !names.includes("(created)")) throw new Refusal("neither date nor (created) is signed");
  if (!names.includes("(request-target)") && !names.includes("digest")) throw new Refusal("neither (request-target) nor digest is signed");
  if (method === "GET" && !names.includes("host")) throw new Refusal("host isn't signed");
  if (method === "POST" && !names.includes("digest")) throw new Refusal("digest isn't signed");
  if (names.includes("digest")) checkDigest(headers.digest, body);
  const texts = [true, false].map((hasQuery) => draftText(request, names, told, hasQuery));
  if (!(await isAnySigned(texts, told.signature, keyOf(told.keyId)))) throw new Refusal("the signature is wrong");
  return told.keyId;
}

async function standardByMastodon(request, keyOf, now) {
  const { method, headers, body } = request;
  const [, label, list, parameters] = /^([a-z][\w-]*)=\(((?:"[^"]+"(?: (?=")|(?=\))))*)\)((?:;[a-z]+=(?:"[^"]*"|\d+))*)$/.exec(headers["signature-input"]) ?? [];
  if (!label) throw new Refusal("one signature, and not several, is to be told in signature-input");
  const names = [...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  const told = Object.fromEntries([...parameters.matchAll(/;([a-z]+)=(?:"([^"]*)"|(\d+))/g)].map(([, name, text, number]) => [name, text ?? Number(number)]));
  if (!told.keyid || !told.created) throw new Refusal("keyid and created are required");
  checkWindow(new Date(told.created * 1000), told.expires, now);
  for (const name of ["@method", "@target-uri", ...(method === "POST" ? ["content-digest"] : [])]) {
    if (!names.includes(name)) throw new Refusal(`${name} isn't signed`);
  }
  if (names.includes("content-digest") && /(?:^|[ ,])sha-256=:([^:]*):/.exec(headers["content-digest"] ?? "")?.[1] !== sha256(body)) throw new Refusal("the digest is another's");
  const [, signature] = new RegExp(`^${label}=:([A-Za-z0-9+/=]+):$`).exec(headers.signature ?? "") ?? [];
  const text = standardText(request, names, headers["signature-input"].slice(label.length + 1));
  if (!signature || !(await isAnySigned([text], signature, keyOf(told.keyid)))) throw new Refusal("the signature is wrong");
  return told.keyid;
}

/** Not before an hour from now, and not longer than an hour after it ended: 5 minutes after it was made, 12 hours at most. */
function checkWindow(created, expires, now) {
  const [margin, most] = [3_600_000, 12 * 3_600_000];
  const end = Math.min(expires ? expires * 1000 : +created + 300_000, +created + most);
  if (!(created <= +now + margin && now <= end + margin)) throw new Refusal("its time isn't now");
}

/** Of several digests, the one by SHA-256 counts. */
function checkDigest(header, body) {
  const digests = (header ?? "").split(",").map((digest) => digest.split(/=(.*)/s));
  const found = digests.find(([name]) => name.toLowerCase() === "sha-256");
  if (found?.[1] !== sha256(body ?? "")) throw new Refusal("the digest is another's");
}

function draftParameters(header) {
  if (!header) throw new Refusal("there is no signature");
  const parameter = String.raw`\w+=(?:"[^"]*"|\d+)`;
  if (!new RegExp(`^${parameter}(?:\\s*,\\s*${parameter})*$`).test(header)) throw new Refusal("the signature can't be read");
  const told = {};
  for (const [, name, text, number] of header.matchAll(/(\w+)=(?:"([^"]*)"|(\d+))/g)) {
    if (name in told) throw new Refusal(`${name} is told twice`);
    told[name] = text ?? Number(number);
  }
  if (!told.keyId || !told.signature) throw new Refusal("keyId and signature are required");
  return told;
}

function draftText({ method, target, headers }, names, { created, expires }, hasQuery) {
  const lines = names.map((name) => {
    if (name === "(request-target)") return `${name}: ${method.toLowerCase()} ${hasQuery ? target : target.split("?")[0]}`;
    const value = { "(created)": created, "(expires)": expires }[name] ?? headers[name];
    if (value === undefined) throw new Refusal(`${name} is signed and absent`);
    return `${name}: ${value}`;
  });
  return lines.join("\n");
}

function standardText({ method, host, target, headers }, names, input) {
  const lines = names.map((name) => {
    const derived = { "@method": method, "@target-uri": `https://${host}${target}`, "@authority": host, "@path": target.split("?")[0] };
    const value = derived[name] ?? headers[name];
    if (value === undefined) throw new Refusal(`${name} is signed and absent`);
    return `"${name}": ${value}`;
  });
  return [...lines, `"@signature-params": ${input}`].join("\n");
}

function made(text, privateKey) {
  return sign("sha256", Buffer.from(text), privateKey).toString("base64");
}

async function isAnySigned(texts, signature, key) {
  const pem = await key;
  if (!pem) throw new Refusal("there is no such key");
  const bytes = Buffer.from(signature, "base64");
  return texts.some((text) => verify("sha256", Buffer.from(text), pem, bytes));
}

function httpDate(text) {
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text ?? "")) throw new Refusal("the date can't be read");
  return new Date(text);
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("base64");
}

function seconds(date) {
  return Math.floor(date / 1000);
}
