// What is of use once there is a picture: keys that seek, how fast it plays, HTML to embed it, and a picture in the picture.
// <shoal-player> loads this then.

/** Adds them to a player whose controls are there, as far as the browser and the page have it. Ended by `signal`. */
export function furnish(host, signal) {
  const root = host.shadowRoot;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const add = (action, label, drawing) => {
    const button = document.createElement("button");
    button.dataset.action = action;
    button.ariaLabel = label;
    button.innerHTML = `<svg viewBox="0 0 24 24">${drawing}</svg>`;
    root.querySelector("[data-action=fullscreen]").before(button);
    return button;
  };
  addSpeeds(host, signal);
  addMenus(host, signal);
  const snippet = host.getAttribute("snippet");
  if (snippet) addDialog(host, snippet, add("share", "Embed", BRACKETS), signal);
  const video = root.querySelector("video");
  if (video.requestPictureInPicture) add("pip", "Picture in picture", PICTURE).addEventListener("click", () => picture(video));
  addKeys(host, signal);
}

/** A menu of speeds, before that of qualities. */
function addSpeeds(host, signal) {
  const root = host.shadowRoot;
  const video = root.querySelector("video");
  const place = document.createElement("div");
  place.className = "menu-place";
  place.innerHTML = MENU;
  const [button, menu] = place.children;
  const choices = SPEEDS.map((speed) => {
    const choice = document.createElement("button");
    choice.setAttribute("role", "menuitemradio");
    choice.dataset.speed = speed;
    choice.textContent = `${speed}×`;
    menu.append(choice);
    return choice;
  });
  root.querySelector("[data-action=quality]").parentElement.before(place);
  const open = (isOpen) => {
    menu.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) menu.querySelector("[aria-checked=true]")?.focus();
  };
  const refresh = () => {
    button.textContent = `${video.playbackRate}×`;
    for (const choice of choices) choice.setAttribute("aria-checked", String(Number(choice.dataset.speed) === video.playbackRate));
  };
  root.addEventListener("click", ({ target }) => {
    if (target.closest?.("button") === button) return open(menu.hidden);
    if (choices.includes(target)) video.playbackRate = Number(target.dataset.speed);
    open(false);
  }, { signal });
  host.addEventListener("keydown", ({ key }) => key === "Escape" && open(false), { signal });
  video.addEventListener("ratechange", refresh, { signal });
  refresh();
}

/** Every menu by keys: arrows, Home and End move in it, and whoever leaves it is back on its button. */
function addMenus(host, signal) {
  const root = host.shadowRoot;
  const back = () => root.activeElement?.closest(".menu[hidden]")?.previousElementSibling.focus();
  root.addEventListener("click", back, { signal });
  host.addEventListener("keydown", (event) => {
    const { key, ctrlKey, altKey, metaKey } = event;
    if (key === "Escape") return back();
    const choices = [...(root.activeElement?.closest(".menu")?.children ?? [])];
    const at = choices.indexOf(root.activeElement);
    if (at < 0 || ctrlKey || altKey || metaKey) return;
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: -1 }[key];
    if (to === undefined) return;
    event.preventDefault();
    choices.at(to % choices.length).focus();
  }, { signal });
}

/** A dialog with HTML that others paste, which `opener` opens and closes. */
function addDialog(host, snippet, opener, signal) {
  const root = host.shadowRoot;
  const share = document.createElement("div");
  share.className = "share";
  share.setAttribute("role", "dialog");
  share.setAttribute("aria-label", "Embed");
  share.hidden = true;
  share.innerHTML = HTML;
  const [area, button] = [share.querySelector("textarea"), share.querySelector("button")];
  area.textContent = snippet;
  button.addEventListener("click", async () => {
    area.select();
    // Pages without https have no clipboard: there the text is left selected.
    const isCopied = await navigator.clipboard?.writeText(snippet).then(() => true, () => false);
    button.textContent = isCopied ? "Copied" : "Press Ctrl+C";
  });
  root.querySelector(".controls").before(share);
  const open = (isOpen) => {
    share.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) area.focus();
    else opener.focus();
  };
  opener.setAttribute("aria-haspopup", "dialog");
  opener.setAttribute("aria-expanded", "false");
  opener.addEventListener("click", () => open(share.hidden));
  host.addEventListener("keydown", ({ key }) => key === "Escape" && !share.hidden && open(false), { signal });
}

/** The keys that video sites have in common, but for those that the player hears itself. */
function addKeys(host, signal) {
  const root = host.shadowRoot;
  const video = root.querySelector("video");
  const by = (seconds) => (video.currentTime = Math.max(video.currentTime + seconds, 0));
  const to = (part) => Number.isFinite(video.duration) && (video.currentTime = video.duration * part);
  const louder = (more) => {
    video.volume = Math.min(Math.max(video.volume + more, 0), 1);
    video.muted = video.volume <= 0;
  };
  const keys = {
    ArrowLeft: () => by(-5),
    ArrowRight: () => by(5),
    j: () => by(-10),
    l: () => by(10),
    ArrowUp: () => louder(0.05),
    ArrowDown: () => louder(-0.05),
    Home: () => (video.currentTime = 0),
    End: () => to(1),
    i: () => root.querySelector("[data-action=pip]")?.click(),
  };
  for (let tenth = 0; tenth < 10; tenth++) keys[tenth] = () => to(tenth / 10);
  const press = (event) => {
    const { key, ctrlKey, altKey, metaKey, defaultPrevented } = event;
    if (defaultPrevented || ctrlKey || altKey || metaKey || isTyping(event) || !Object.hasOwn(keys, key) || isOwn(event)) return;
    event.preventDefault();
    keys[key]();
    // Shows the controls for a while.
    root.querySelector(".player").dispatchEvent(new Event("pointermove"));
  };
  host.addEventListener("keydown", press, { signal });
  if (host.getAttribute("keys") === "page") document.body.addEventListener("keydown", press, { signal });
}

function picture(video) {
  const done = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
  // A refusal is the browser's to explain.
  done.catch(() => {});
}

function isTyping(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.matches?.("textarea,select,input:not([type=range]):not([type=checkbox])");
}

/** The key moves within what has the focus: the slider of the volume, or a menu. */
const isOwn = (event) => /^(Arrow|Home|End)/.test(event.key) && !!event.composedPath()[0].matches?.("[data-role=volume],.menu *");

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

const BRACKETS = "<path d='M9 7l-5 5 5 5M15 7l5 5-5 5' fill='none' stroke='currentColor' stroke-width='2'/>";
const PICTURE = "<path d='M3 5h18v14H3z' fill='none' stroke='currentColor' stroke-width='2'/><path d='M12 12h7v5h-7z'/>";

const MENU = `<button data-action="speed" aria-haspopup="true" aria-expanded="false" aria-label="Speed"></button><div class="menu" data-menu="speed" role="menu" aria-label="Speed" hidden></div>`;

const HTML = `
<label>Paste this where the video shall appear<textarea readonly rows="3"></textarea></label><button data-action="copy">Copy</button>
`;

const STYLE = `
.share{position:absolute;inset:0;display:grid;place-content:center;justify-items:center;gap:12px;padding:16px 16px 64px;text-align:center;background:#0d1b21f2}
.share button{background:#0f6b87;padding:0 16px}
.share label{display:grid;gap:8px;text-align:start}
.share[hidden]{display:none}
textarea{box-sizing:border-box;width:min(34em,80vw);font:13px/1.4 ui-monospace,monospace;color:#fff;background:#0006;border:1px solid #fff5;border-radius:6px;padding:8px;resize:none}
@container (max-width:560px){[data-action=pip]{display:none}}
`;
