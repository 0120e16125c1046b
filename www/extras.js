// What only some videos have: captions, and a preview on the seek bar. <shoal-player> loads this when its page names either,
// so that all others pay nothing for it.
//
// captions='[{"language":"en","label":"English","src":"/….vtt"}]'
// storyboard='{"src":"/….jpg","totalWidth":768,"totalHeight":432,"spriteWidth":192,"spriteHeight":108,"spriteDuration":4}'

/** Adds both to a player whose controls are there. Ended by `signal`. */
export function furnish(host, signal) {
  const root = host.shadowRoot;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const captions = read(host, "captions", Array.isArray);
  const sprites = read(host, "storyboard", isStoryboard);
  if (captions) addCaptions(host, captions.filter(isCaption).slice(0, MOST_CAPTIONS), signal);
  addPreview(host, sprites, signal);
}

function read(host, name, isGood) {
  try {
    const value = JSON.parse(host.getAttribute(name) ?? "null");
    if (value === null || isGood(value)) return value;
  } catch {
    // Told below, as any other that can't be used.
  }
  console.warn(`shoal-player: ${name} can't be read and is left out`);
  return null;
}

function isCaption(caption) {
  const isWhole = ["language", "label", "src"].every((name) => typeof caption?.[name] === "string");
  if (isWhole && isAddress(caption.src)) return true;
  console.warn("shoal-player: one of the captions has no name or address and is left out");
  return false;
}

function isAddress(src) {
  try {
    return !!new URL(src, document.baseURI);
  } catch {
    return false;
  }
}

function isStoryboard({ src, totalWidth, totalHeight, spriteWidth, spriteHeight, spriteDuration }) {
  const numbers = [totalWidth, totalHeight, spriteWidth, spriteHeight, spriteDuration];
  return typeof src === "string" && numbers.every((number) => number > 0 && number < 65_536) && totalWidth >= spriteWidth && totalHeight >= spriteHeight;
}

/** Tracks of the browser's own, a menu of them, and the key `c`. */
function addCaptions(host, captions, signal) {
  const root = host.shadowRoot;
  const video = root.querySelector("video");
  const quality = root.querySelector("[data-action=quality]")?.parentElement;
  if (!captions.length || !quality) return;
  const isElsewhere = captions.some(({ src }) => new URL(src, document.baseURI).origin !== location.origin);
  if (isElsewhere) video.crossOrigin = "anonymous";
  const tracks = [];
  // Made when it's chosen: of tracks that are there, Chromium shows one by the viewer's language, unasked.
  const track = (at) => {
    const { language, label, src } = captions[at];
    const element = make("track", { kind: "subtitles", srclang: language, label, src });
    element.addEventListener("load", () => raise(element.track));
    video.append(element);
    return element.track;
  };

  const place = make("div", { class: "menu-place" });
  const button = make("button", { "data-action": "captions", "aria-haspopup": "true", "aria-expanded": "false", "aria-label": "Captions" });
  button.textContent = "CC";
  const menu = make("div", { class: "menu", "data-menu": "captions", role: "menu", "aria-label": "Captions", hidden: "" });
  const choices = [{ label: "Off" }, ...captions].map(({ label, language }) => {
    const choice = make("button", { role: "menuitemradio", "data-caption": language ?? "" });
    choice.textContent = label;
    menu.append(choice);
    return choice;
  });
  place.append(button, menu);
  quality.before(place);

  const open = (isOpen) => {
    menu.toggleAttribute("hidden", !isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) menu.querySelector("[aria-checked=true]")?.focus();
  };
  let last = Math.max(captions.findIndex(({ language }) => language === remembered(LAST)), 0);
  let shown = -1;
  const show = (wanted) => {
    shown = wanted;
    if (wanted >= 0) last = wanted;
    for (const other of tracks) if (other) other.mode = "disabled";
    if (wanted >= 0) (tracks[wanted] ??= track(wanted)).mode = "showing";
    choices.forEach((choice, at) => choice.setAttribute("aria-checked", String(at === wanted + 1)));
    button.classList.toggle("on", wanted >= 0);
  };
  const choose = (wanted) => {
    show(wanted);
    remember(SHOWN, captions[wanted]?.language ?? "");
    if (wanted >= 0) remember(LAST, captions[wanted].language);
  };
  show(captions.findIndex(({ language }) => language === remembered(SHOWN)));

  root.addEventListener("click", ({ target }) => {
    if (target.closest?.("button") === button) return open(menu.hidden);
    const at = choices.indexOf(target);
    if (at >= 0) choose(at - 1);
    open(false);
    if (at >= 0) button.focus();
  }, { signal });
  const key = (event) => {
    const { key, ctrlKey, altKey, metaKey, defaultPrevented } = event;
    if (defaultPrevented || ctrlKey || altKey || metaKey || isTyping(event)) return;
    if (key === "Escape" && !menu.hidden) {
      open(false);
      button.focus();
    }
    if (key.toLowerCase() !== "c") return;
    event.preventDefault();
    choose(shown < 0 ? last : -1);
  };
  host.addEventListener("keydown", key, { signal });
  if (host.getAttribute("keys") === "page") document.body.addEventListener("keydown", key, { signal });
}

/** Above the controls, unless the captions say where they want to be. */
function raise(track) {
  for (const cue of track.cues ?? []) if (cue.line === "auto" && cue.snapToLines) cue.line = LINE;
  if (track.mode !== "showing") return;
  // What Chromium shows already stays where it is otherwise.
  track.mode = "hidden";
  track.mode = "showing";
}

/** A small picture and a time above the seek bar, where the pointer is. */
function addPreview(host, sprites, signal) {
  const root = host.shadowRoot;
  const seek = root.querySelector("[data-role=seek]");
  if (!seek) return;
  const preview = make("div", { class: "preview", "aria-hidden": "true", hidden: "" });
  const frame = make("div", {});
  const time = make("span", {});
  preview.append(frame, time);
  seek.parentElement.append(preview);
  let picture;
  if (sprites) {
    frame.style.width = `${sprites.spriteWidth}px`;
    frame.style.height = `${sprites.spriteHeight}px`;
  } else frame.hidden = true;

  const load = () => {
    if (!sprites || picture) return;
    picture = make("img", { alt: "", draggable: "false" });
    picture.addEventListener("error", () => (frame.hidden = true));
    frame.append(picture);
    picture.src = sprites.src;
  };
  const move = ({ clientX }) => {
    const bar = seek.getBoundingClientRect();
    const duration = Number(seek.max);
    if (!(duration > 0) || !bar.width) return;
    load();
    const part = Math.min(Math.max((clientX - bar.left) / bar.width, 0), 1);
    const seconds = part * duration;
    if (sprites) {
      const columns = Math.floor(sprites.totalWidth / sprites.spriteWidth);
      const last = columns * Math.floor(sprites.totalHeight / sprites.spriteHeight) - 1;
      const at = Math.min(Math.floor(seconds / sprites.spriteDuration), last);
      picture.style.translate = `${-(at % columns) * sprites.spriteWidth}px ${-Math.floor(at / columns) * sprites.spriteHeight}px`;
    }
    time.textContent = clock(seconds);
    preview.hidden = false;
    const half = preview.offsetWidth / 2;
    preview.style.left = `${Math.min(Math.max(part * bar.width, half), Math.max(bar.width - half, half))}px`;
  };
  const hide = () => (preview.hidden = true);
  seek.addEventListener("pointermove", move, { signal });
  seek.addEventListener("pointerdown", move, { signal });
  for (const end of ["pointerleave", "pointercancel"]) seek.addEventListener(end, hide, { signal });
  seek.addEventListener("pointerup", ({ pointerType }) => pointerType !== "mouse" && hide(), { signal });
}

function make(name, attributes) {
  const element = document.createElement(name);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function isTyping(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.matches?.("textarea,select,input:not([type=range]):not([type=checkbox])");
}

function clock(seconds) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // an iframe without storage
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // an iframe without storage
  }
}

const SHOWN = "shoal.captions";
const LAST = "shoal.captions.last";
// The fifth line from below: controls take three, and captions have two.
const LINE = -5;
// PeerTube knows about two hundred languages.
const MOST_CAPTIONS = 200;

const STYLE = `
.preview{position:absolute;bottom:30px;translate:-50%;z-index:2;display:grid;justify-items:center;gap:4px;pointer-events:none}
.preview div{overflow:hidden;border-radius:6px;background:#0d1b21;box-shadow:0 0 0 2px #fff}
.preview img{display:block;max-width:none}
.preview span{padding:1px 6px;border-radius:4px;background:#000c;font-variant-numeric:tabular-nums}
[data-action=captions]{font-weight:700;font-size:12px}
[data-action=captions].on{box-shadow:inset 0 -3px #3fb6dd}
[hidden]{display:none!important}
@container (max-height:240px){.preview div{display:none}}
video::cue{font-family:system-ui,sans-serif;background:#000c;color:#fff}
`;
