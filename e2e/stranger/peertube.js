// What PeerTube takes: its checks of objects, field by field, as 6.3 and as the newest have them.
//
// Each check returns a `Look`: `problems` for which PeerTube refuses the object, `dropped` parts that it silently leaves out,
// and `read`, what it makes of the rest. `rules` are { version: "6.3" or "newest", isLocal }: a PeerTube whose own name is
// localhost takes URLs without a domain.

import { isIP } from "node:net";

export const PUBLIC = "https://www.w3.org/ns/activitystreams#Public";

/** What came of looking at an object. */
export class Look {
  problems = [];
  dropped = [];
  read = {};

  need(isRight, problem) {
    if (!isRight) this.problems.push(problem);
    return Boolean(isRight);
  }

  /** The items that are right; the others are dropped. */
  keep(items, isRight, name) {
    return items.filter((item, at) => isRight(item) || (this.dropped.push(`${name}/${at}`), false));
  }
}

/** Persons, groups, applications. */
export function actor(object, rules) {
  const look = new Look();
  const { publicKey: key, endpoints } = object;
  look.need(ACTORS.includes(object.type), "type");
  for (const name of ["id", "inbox"]) look.need(isUrl(object[name], rules), name);
  for (const name of ["outbox", "followers", "following"]) look.need(!object[name] || isUrl(object[name], rules), name);
  look.need(/^[\w\-.:\\]+$/.test(object.preferredUsername ?? ""), "preferredUsername");
  look.need(isUrl(key?.id, rules) && isUrl(key?.owner, rules), "publicKey");
  look.need(/^-----BEGIN PUBLIC KEY-----[^]*-----END PUBLIC KEY-----/.test(key?.publicKeyPem ?? "") && isLong(key.publicKeyPem, 10, 5000), "publicKeyPem");
  look.need(!endpoints?.sharedInbox || isUrl(endpoints.sharedInbox, rules), "sharedInbox");
  const owners = attributed(look, object, rules);
  look.need(object.type !== "Group" || owners.length > 0, "attributedTo");
  const page = ({ type, mediaType, href }) => type === "Link" && mediaType === "text/html" && isUrl(href, rules);
  const isPage = (url) => (rules.version === "6.3" ? isUrl(url?.href ?? url, rules) : page(url));
  const images = (name) => look.keep(list(object[name]), (image) => image.type === "Image" && isUrl(image.url, rules) && isPicture(image, rules), name);
  look.read = { id: object.id, type: object.type, name: object.preferredUsername, owners, pages: look.keep(list(object.url), isPage, "url"), icons: images("icon"), banners: images("image") };
  look.read.published = isDate(object.published) ? object.published : undefined;
  look.read.summary = isLong(object.summary, 3, 1000) ? object.summary : undefined;
  return look;
}

/** Videos, which are what all of this is for. */
export function video(object, rules) {
  const look = new Look();
  const need = (isRight, problem) => look.need(isRight, problem);
  if (!need(object?.type === "Video", "type")) return look;
  if (!need(isUrl(object.id, rules), "id")) return look;
  need(isLong(object.name, 3, 120), "name");
  need(UUID4.test(object.uuid ?? ""), "uuid");
  need(/^PT\d+S$/.test(object.duration ?? ""), "duration");
  need(isCount(object.views), "views");
  for (const name of ["published", "updated"]) need(isDate(object[name]), name);
  for (const name of ["originallyPublishedAt", "uploadDate"]) need(isAbsent(object[name]) || isDate(object[name]), name);
  need(isAbsent(object.category) || isCount(object.category.identifier), "category");
  need(isAbsent(object.language) || typeof object.language.identifier === "string", "language");
  need(isAbsent(object.licence) || (rules.version === "6.3" ? isCount(object.licence.identifier) : typeof object.licence.identifier === "string"), "licence");
  need(isAbsent(object.content) || (["text/markdown", "text/html"].includes(object.mediaType) && isLong(object.content, 3, Infinity)), "content");
  // More is cut off, wherever that is.
  if (object.content?.length > 10_000) look.dropped.push("content");
  for (const name of ["audience", "embedUrl"]) need(isAbsent(object[name]) || isUrl(object[name], rules), name);
  for (const name of ["to", "cc"]) need(isAddressed(object[name], rules), name);
  const owners = attributed(look, object, rules);
  need(owners.length > 0, "attributedTo");
  look.read = { id: object.id, uuid: object.uuid, owners, ...pictures(look, object, rules), ...playable(look, object, rules), ...extras(look, object, rules) };
  return look;
}

/** The thumbnail is the smallest picture of more than 150 pixels, the preview that of more than 400. */
function pictures(look, object, rules) {
  const isIcon = (icon) => icon.type === "Image" && isUrl(icon.url, rules) && isPicture(icon, rules) && isCount(icon.width) && isCount(icon.height);
  const icons = look.keep(list(object.icon), isIcon, "icon").sort((one, other) => one.width - other.width);
  look.need(icons.length > 0, "icon");
  const wider = (pixels) => icons.find(({ width }) => width > pixels)?.url ?? icons.at(-1)?.url;
  const isBoard = ({ type, rel, url }) => type === "Image" && list(rel).includes("storyboard") && list(url).some((part) => isPicture(part, rules) && isUrl(part.href, rules) && ["width", "height", "tileWidth", "tileHeight"].every((name) => isCount(part[name])) && /^PT.*S$/.test(part.tileDuration));
  look.need(isAbsent(object.preview) || Array.isArray(object.preview), "preview");
  const [board] = look.keep(list(object.preview), isBoard, "preview");
  return { thumbnail: wider(150), preview: wider(400), storyboard: board?.url[0] };
}

/** What is played, and where its viewers meet. */
function playable(look, object, rules) {
  if (!look.need(Array.isArray(object.url), "url")) return {};
  const links = look.keep(object.url, (link) => isLink(link, rules), "url");
  const playlist = links.find(({ mediaType }) => mediaType === "application/x-mpegURL");
  const files = look.keep(playlist?.tag ?? [], (tag) => tag.type === "Infohash" || isSums(tag, rules) || isLink(tag, rules), "url/tag").filter(isFile);
  const told = links.filter(({ rel }) => list(rel).includes("tracker"));
  const trackers = told.some(({ rel }) => rel.includes("websocket")) ? told.map(({ href }) => href) : madeUp(object.id);
  const hls = playlist && { master: playlist.href, sums: playlist.tag.find((tag) => isSums(tag, rules))?.href, files };
  return { hls, files: links.filter(isFile), trackers };
}

/** Where trackers are whose socket isn't told. */
function madeUp(id) {
  const { protocol, host } = new URL(id);
  return [`${protocol.replace("http", "ws")}//${host}/tracker/socket`, `${protocol}//${host}/tracker/announce`];
}

/** What has a fallback. */
function extras(look, object, rules) {
  const isCaption = ({ identifier, url }) => typeof identifier === "string" && (isUrl(url, rules) || (rules.version !== "6.3" && list(url).some(({ type, href }) => type === "Link" && isUrl(href, rules))));
  look.need(isAbsent(object.subtitleLanguage) || Array.isArray(object.subtitleLanguage), "subtitleLanguage");
  const captions = look.keep(list(object.subtitleLanguage), isCaption, "subtitleLanguage");
  const tags = look.keep(Array.isArray(object.tag) ? object.tag : [], ({ type, name }) => type === "Hashtag" && isLong(name, 2, 30), "tag").map(({ name }) => name);
  const policy = [1, 2, 3].includes(object.commentsPolicy) ? object.commentsPolicy : rules.version === "6.3" && object.commentsEnabled === true ? 1 : 2;
  const isPublic = rules.version === "6.3" ? list(object.to).length > 0 : list(object.to).includes(PUBLIC);
  const isEmbeddable = rules.version === "6.3" || isUrl(object.embedUrl, rules);
  const state = Number.isInteger(object.state) && object.state >= 1 && object.state <= 11 ? object.state : 1;
  return { captions, tags, comments: COMMENTS[policy], isPublic, isEmbeddable, state, isDownloadable: object.downloadEnabled !== false };
}

/** Comments. */
export function note(object, rules) {
  const look = new Look();
  if (object.type === "Tombstone") {
    look.need(isUrl(object.id, rules) && object.formerType === "Note" && isDate(object.deleted), "tombstone");
    return look;
  }
  look.need(object.type === "Note", "type");
  for (const name of ["id", "inReplyTo"]) look.need(isUrl(object[name], rules), name);
  look.need(isLong(object.content, 1, Infinity), "content");
  look.need(isDate(object.published), "published");
  look.need([...list(object.to), ...list(object.cc)].includes(PUBLIC), "to");
  look.need(isUrl(idOf(object.attributedTo), rules) && isSameHost(idOf(object.attributedTo), object.id), "attributedTo");
  look.need(isAbsent(object.replyApproval) || isUrl(object.replyApproval, rules), "replyApproval");
  look.read = { id: object.id, inReplyTo: object.inReplyTo, author: idOf(object.attributedTo), content: object.content };
  return look;
}

/** Lists of videos. */
export function playlist(object, rules) {
  const look = new Look();
  look.need(object.type === "Playlist", "type");
  look.need(isUrl(object.id, rules), "id");
  look.need(isLong(object.name, 1, 120), "name");
  look.need(UUID4.test(object.uuid ?? ""), "uuid");
  look.need(isCount(object.totalItems), "totalItems");
  for (const name of ["published", "updated"]) look.need(isDate(object[name]), name);
  look.need(attributed(look, object, rules).length === 1, "attributedTo");
  return look;
}

/** One place in a list of videos. */
export function element(object, rules) {
  const look = new Look();
  look.need(object.type === "PlaylistElement", "type");
  for (const name of ["id", "url"]) look.need(isUrl(object[name], rules), name);
  look.need(isCount(object.position), "position");
  return look;
}

/** Collections, and their pages. */
export function collection(object, rules) {
  const look = new Look();
  const isPage = object.type === "OrderedCollectionPage";
  look.need(isPage || object.type === "OrderedCollection", "type");
  look.need(isUrl(object.id, rules), "id");
  look.need(Number.isInteger(object.totalItems) && object.totalItems >= 0, "totalItems");
  look.need(!isPage || Array.isArray(object.orderedItems), "orderedItems");
  look.need(!isPage || object.orderedItems?.length <= 10, "orderedItems are more than 10");
  look.need(!isPage || isUrl(object.partOf, rules), "partOf");
  for (const name of ["first", "next"]) look.need(isAbsent(object[name]) || (isUrl(object[name], rules) && isSameHost(object[name], object.id)), name);
  look.need(isPage || object.totalItems === 0 || isUrl(object.first, rules), "first");
  return look;
}

/** The parts of a video by their names. */
export function chapters(object, rules) {
  const look = new Look();
  look.need(isUrl(object.id, rules), "id");
  if (!look.need(Array.isArray(object.hasPart), "hasPart")) return look;
  const isPart = ({ name, startOffset, endOffset }) => isLong(name, 1, 100) && isCount(startOffset) && isCount(endOffset);
  look.read = look.keep(object.hasPart, isPart, "hasPart");
  return look;
}

/** What is posted to an inbox or lies in an outbox. */
export function activity(object, rules) {
  const look = new Look();
  if (!look.need(object.type in ACTIVITIES, "type")) return look;
  look.need(isUrl(object.id, rules), "id");
  look.need(isUrl(idOf(object.actor), rules), "actor");
  for (const name of ["to", "cc"]) look.need(isAddressed(object[name], rules), name);
  const inner = ACTIVITIES[object.type](object.object, rules, object);
  look.problems.push(...(inner === true ? [] : inner ? inner.problems.map((problem) => `object/${problem}`) : ["object"]));
  if (inner?.dropped) look.dropped.push(...inner.dropped.map((part) => `object/${part}`));
  look.read = { ...look.read, actor: idOf(object.actor), object: idOf(object.object) };
  return look;
}

/** What a document is, by its type; those without one are chapters. */
export function anything(object, rules) {
  if (ACTORS.includes(object.type)) return actor(object, rules);
  const checks = { Video: video, Note: note, Tombstone: note, Playlist: playlist, PlaylistElement: element, OrderedCollection: collection, OrderedCollectionPage: collection };
  return (checks[object.type] ?? (object.type ? activity : chapters))(object, rules);
}

/** The host of a URL is part of whose it is. */
export function isSameHost(one, other) {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).host === new URL(other).host;
}

/** The id of what is given by itself or by its id. */
export function idOf(thing) {
  return typeof thing === "string" ? thing : thing?.id;
}

/** A thing may stand alone or in a list. */
export function list(thing) {
  return isAbsent(thing) ? [] : [thing].flat();
}

const isReference = (object, rules) => isUrl(idOf(object), rules);

/** What each activity wants of its object. */
const ACTIVITIES = {
  Follow: isReference,
  Announce: isReference,
  Like: isReference,
  Dislike: isReference,
  Delete: isReference,
  View: isReference,
  ApproveReply: (object, rules, { inReplyTo }) => isReference(object, rules) && isUrl(inReplyTo, rules),
  Flag: (object, rules, { content }) => list(object).length === 1 && isReference(list(object)[0], rules) && isLong(content, 2, 3000),
  Accept: (object, rules) => isReference(object, rules),
  Reject: (object, rules) => isReference(object, rules),
  Create: (object, rules) => typeof object === "object" && ({ Video: video, Note: note, Playlist: playlist }[object?.type]?.(object, rules) ?? false),
  Update: (object, rules) => typeof object === "object" && (ACTORS.includes(object?.type) ? actor(object, rules) : ({ Video: video, Playlist: playlist }[object?.type]?.(object, rules) ?? false)),
  Undo: (object, rules) => typeof object === "object" && ["Follow", "Like", "Dislike", "Announce", "Create"].includes(object?.type) && activity(object, rules),
};

function attributed(look, { attributedTo }, rules) {
  const isOwner = (owner) => isUrl(owner, rules) || (["Person", "Group"].includes(owner.type) && isUrl(owner.id, rules));
  return look.keep(list(attributedTo), isOwner, "attributedTo").map(idOf);
}

function isLink(link, rules) {
  const { type, mediaType, href, rel, height } = link;
  if (type !== "Link") return false;
  if (isFile(link)) return isUrl(href, rules) && isCount(height) && isCount(link.size) && (!link.fps || (Number.isInteger(link.fps) && link.fps >= -1));
  if (mediaType === "application/x-bittorrent") return isUrl(href, rules) && isCount(height);
  if (mediaType === "application/x-bittorrent;x-scheme-handler/magnet") return isLong(href, 5, Infinity) && isCount(height);
  if (mediaType === "application/x-mpegURL") return isUrl(href, rules) && Array.isArray(link.tag);
  // The socket of its own kind of tracker is no URL to PeerTube, so that it makes it up again.
  if (list(rel).includes("tracker")) return isUrl(href, rules);
  return mediaType === "application/json" && list(rel).includes("metadata");
}

function isFile({ mediaType }) {
  return ["video/mp4", "video/ogg", "video/webm", "audio/mp4"].includes(mediaType);
}

function isSums({ type, name, mediaType, href }, rules) {
  return type === "Link" && name === "sha256" && mediaType === "application/json" && isUrl(href, rules);
}

function isPicture({ mediaType }, { version }) {
  return (version === "6.3" ? ["image/jpeg"] : ["image/jpeg", "image/png", "image/webp", "image/gif"]).includes(mediaType);
}

function isAddressed(whom, rules) {
  if (whom === undefined) return true;
  if (typeof whom === "string") return rules.version !== "6.3" && isUrl(whom, rules);
  return Array.isArray(whom) && whom.every((one) => isUrl(one, rules));
}

/** With a domain that has a dot, but for who is local. */
function isUrl(text, { isLocal = false }) {
  if (typeof text !== "string" || !isLong(text, 3, 2000) || /[\s<>]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return ["http:", "https:"].includes(protocol) && (isLocal || isIP(hostname) > 0 || /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+([a-z]{2,}|xn--[a-z0-9-]+)$/.test(hostname));
}

function isLong(text, least, most) {
  const length = typeof text === "string" ? [...text].length : -1;
  return length >= least && length <= most;
}

function isCount(number) {
  return /^\d+$/.test(String(number));
}

function isDate(text) {
  return typeof text === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text));
}

function isAbsent(thing) {
  return thing === undefined || thing === null;
}

const ACTORS = ["Person", "Application", "Group", "Service", "Organization"];
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const COMMENTS = { 1: "enabled", 2: "disabled", 3: "after approval" };
