// Who feeds this viewer: a chart of the last minute, the totals, whose word others' bytes are held against, and the switch for
// sharing; and the line over the picture that says what keeps viewers from sharing. <shoal-player> loads this once there is a
// picture. The player itself says in the class `feeds` of its shadow tree whether the panel shall be open, hears the switch,
// and tells the rest with its `stats()`.

/** Adds the panel to a player whose controls are there. Ended by `signal`. */
export function furnish(host, signal) {
  const root = host.shadowRoot;
  const player = root.querySelector(".player");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const panel = document.createElement("section");
  panel.className = "panel";
  panel.setAttribute("aria-labelledby", "feeds");
  panel.hidden = true;
  panel.innerHTML = HTML;
  player.append(panel);

  const find = (selector) => panel.querySelector(selector);
  // Compared with what was written and not with what is there: that may be in another language by now.
  const written = {};
  const write = (selector, text) => {
    if (written[selector] !== text) find(selector).textContent = written[selector] = text;
  };
  const say = (role, text) => {
    write(`[data-role=${role}]`, text ?? "");
    find(`[data-role=${role}]`).hidden = !text;
  };
  const [most, terms] = termsOf(host);
  const toggle = find("[data-role=sharing]");
  toggle.disabled = most === "off";
  say("terms", terms);

  const samples = [];
  let before = { httpBytes: 0, mirrorBytes: 0, p2pBytes: 0 };
  const hint = hinter(player.querySelector(".notice"), signal);
  const consent = player.querySelector(".consent");
  const refresh = () => {
    const stats = host.stats();
    toggle.checked = stats.sharing !== "off";
    hint(stats.hindrance);
    if (FINAL.includes(stats.hindrance) && consent.classList.contains("open")) {
      consent.classList.remove("open");
      consent.querySelector("p").textContent = "";
    }
    say("hindrance", SENTENCES[stats.hindrance]);
    say("trust", TRUST[stats.trust]?.replace("{}", hostOf(host)));
    if (panel.hidden) return;
    show(stats, write);
    draw(samples, find, write);
  };
  const sample = () => {
    const stats = host.stats();
    if (samples.length === SECONDS) samples.shift();
    samples.push({
      mirrors: stats.mirrorBytes - before.mirrorBytes,
      http: stats.httpBytes - before.httpBytes,
      p2p: stats.p2pBytes - before.p2pBytes,
    });
    before = stats;
    refresh();
  };
  const open = () => {
    const isLeft = panel.contains(root.activeElement);
    panel.hidden = !player.classList.contains("feeds");
    if (panel.hidden && isLeft) {
      player.focus(); // stays there where the page has no controls
      player.querySelector("[data-action=feeds]").focus();
    }
    refresh();
  };
  const classes = new MutationObserver(open);
  for (const element of [player, consent]) classes.observe(element, { attributeFilter: ["class"] });
  // The player's own listeners come first. A switch that is being clicked has turned, and the player hears it afterwards.
  root.addEventListener("input", refresh, { signal });
  root.addEventListener("click", ({ target }) => target !== toggle && refresh(), { signal });
  const ticker = setInterval(sample, 1000);
  signal.addEventListener("abort", () => {
    clearInterval(ticker);
    classes.disconnect();
  });
  open();
  sample();
}

/** How far the page lets viewers share, by the same rule as `Terms` in player-wasm/src/settings.rs, and what to say of it. */
function termsOf(host) {
  const { RTCPeerConnection, WebSocket, MediaSource, ManagedMediaSource } = globalThis;
  if (!RTCPeerConnection || !WebSocket || !(MediaSource || ManagedMediaSource)) return ["off", "This browser cannot share."];
  const p2p = host.getAttribute("p2p") ?? "full";
  if (p2p === "receive") return [p2p, "On this page you take parts from others and give none."];
  return ["full", "ask"].includes(p2p) ? ["full"] : ["off", "This page has turned sharing off."];
}

const hostOf = (host) => new URL(host.getAttribute("src") ?? "", document.baseURI).host;

/** What says over the picture, for a while, what somebody can mend; the panel keeps it. Trouble with playback goes first. */
function hinter(notice, signal) {
  let told = null;
  let fade;
  signal.addEventListener("abort", () => clearTimeout(fade));
  return (hindrance) => {
    const isFree = notice.hidden || notice.classList.contains("hint");
    if (hindrance === told || !isFree) return;
    told = hindrance;
    clearTimeout(fade);
    const text = MENDED.includes(hindrance) ? SENTENCES[hindrance] : undefined;
    notice.classList.toggle("hint", !!text);
    notice.hidden = !text;
    if (!text) return;
    notice.textContent = text;
    fade = setTimeout(() => {
      if (notice.classList.contains("hint")) notice.hidden = true;
    }, HINT_MS);
  };
}

function show({ p2pBytes, httpBytes, mirrorBytes, peers, uploadedBytes, duplicateBytes }, write) {
  const percent = Math.round((100 * p2pBytes) / (p2pBytes + httpBytes)) || 0;
  write("[data-figure=p2p]", `${megabytes(p2pBytes)} (${percent} %)`);
  write("[data-figure=http]", megabytes(httpBytes - mirrorBytes));
  write("[data-figure=mirrors]", mirrorBytes ? megabytes(mirrorBytes) : "");
  write("[data-figure=peers]", String(peers));
  write("[data-figure=uploaded]", megabytes(uploadedBytes));
  write("[data-figure=saved]", megabytes(Math.max(p2pBytes - duplicateBytes, 0)));
}

/** Draws the server's bytes at the bottom, those of mirrors on top of them and those from viewers above, newest at the right. */
function draw(samples, find, write) {
  const total = ({ http, p2p }) => http + p2p;
  const peak = Math.max(...samples.map(total), 0);
  const path = (bytes) => {
    const steps = samples.map((sample) => `V${HEIGHT - Math.floor((bytes(sample) * HEIGHT) / (peak || 1))}h1`);
    return `M${SECONDS - samples.length} ${HEIGHT}${steps.join("")}V${HEIGHT}z`;
  };
  find("path.p2p").setAttribute("d", path(total));
  find("path.mirrors").setAttribute("d", path(({ http }) => http));
  find("path.http").setAttribute("d", path(({ http, mirrors }) => http - mirrors));
  write("[data-role=peak]", megabytes(peak));
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** What keeps viewers from sharing, by its name in `stats()`. */
const SENTENCES = {
  tracker: "No other viewers can be found just now: the tracker does not answer, or refuses. The video plays on.",
  stun: "The address helper (STUN) does not answer, so viewers far away may not be reached. The video plays on.",
  unverifiable: "This video's server publishes no checksums, so nothing can be taken from other viewers.",
  listForged: "The list that says which bytes of this video are right is not signed by its server. Nothing is taken from others; the video plays on from its own server.",
  listBroken: "The list that says which bytes of this video are right is cut short or unreadable. Nothing is taken from others; the video plays on from its own server.",
  listForeign: "The list that says which bytes are right belongs to another video, or to an older version of this one. Nothing is taken from others; the video plays on from its own server.",
  listMissing: "The list that says which bytes of this video are right is missing on its server. Nothing is taken from others; the video plays on from its own server.",
  uncheckable: "This browser could not load what checks the bytes that others send. Nothing is taken from others; the video plays on from its own server.",
};
/** Of those, what a host can mend who sees it. */
const MENDED = ["tracker", "stun"];

/** Of those, what ends sharing for good. */
const FINAL = ["listForged", "listBroken", "listForeign", "listMissing", "uncheckable"];

/** Whose word others' bytes are held against, by its name in `stats()`. */
const TRUST = {
  signed: "What others send is checked piece by piece against a list that {} signed.",
  digests: "What others send is checked against checksums from {}.",
};

// The width of the chart, one unit each, and its height there: finer than its pixels.
const SECONDS = 60;
const HEIGHT = 100;
// Long enough to read two sentences.
const HINT_MS = 8000;

const HTML = `
<b id="feeds">Who feeds you</b>
<div class="switch"><label><input type="checkbox" data-role="sharing">Share with other viewers</label><p data-role="terms" hidden></p><p data-role="hindrance" role="status" hidden></p></div>
<div class="chart"><svg viewBox="0 0 60 100" preserveAspectRatio="none" role="img" aria-label="Bytes in each second of the last minute"><path class="p2p"/><path class="mirrors"/><path class="http"/></svg><p>Last minute, at most <span data-role="peak"></span> a second</p></div>
<div class="figures"><dl>
<div><dt class="p2p">From viewers</dt><dd data-figure="p2p"></dd></div>
<div><dt class="http">From the server</dt><dd data-figure="http"></dd></div>
<div><dt class="mirrors">From mirrors</dt><dd data-figure="mirrors"></dd></div>
<div><dt>Viewers connected</dt><dd data-figure="peers"></dd></div>
<div><dt>Given to viewers</dt><dd data-figure="uploaded"></dd></div>
</dl><p>Viewers spared the server <span data-figure="saved"></span>.</p><p data-role="trust" hidden></p></div>
`;

const STYLE = `
.panel{position:absolute;top:10px;inset-inline-end:10px;box-sizing:border-box;width:min(280px,100% - 20px);max-height:calc(100% - 76px);overflow:auto;display:grid;gap:8px;padding:10px 12px;background:#0d1b21f2;border-radius:8px;font-size:13px}
.panel[hidden],.failed .panel{display:none}
.chart svg{display:block;width:100%;height:56px;background:#fff1}
path.p2p{fill:#8fe8d0}
path.mirrors{fill:#ffd27a}
path.http{fill:#c2571a}
.notice:has(~.panel:not([hidden])){margin-inline-start:10px;max-width:calc(100% - 310px)}
.notice.hint:has(~.panel:not([hidden])){display:none}
.consent.open~.panel{max-height:calc(100% - 140px)}
.chart p,.switch p,.figures [data-role=trust]{font-size:12px;color:#c9d6da}
.chart p,.figures p{margin-top:4px}
dl,dd{margin:0}
dt{white-space:nowrap}
dl div{display:flex;gap:8px}
dt{flex:1}
dd,.panel span{font-variant-numeric:tabular-nums}
dt:not([class]){padding-inline-start:18px}
dt[class]::before{content:"";display:inline-block;width:10px;height:10px;margin-inline-end:8px;border-radius:2px;background:#8fe8d0}
dt.mirrors::before{background:#ffd27a}
dt.http::before{background:#c2571a}
dl div:has(dd:empty){display:none}
.switch [data-role=hindrance]{margin-top:4px;font-size:inherit;color:inherit;padding-inline-start:8px;border-inline-start:3px solid #ffd27a}
.switch label{display:flex;align-items:center;gap:8px;min-height:24px;cursor:pointer}
.switch input{width:16px;height:16px;margin:0;accent-color:#3fb6dd}
.switch input:disabled,.switch label:has(:disabled){cursor:default;opacity:.8}
@container (max-height:320px){
.panel{font-size:12px}
.consent:has(~.panel:not([hidden])){visibility:hidden}
.notice:has(~.panel:not([hidden])){top:auto;bottom:70px;max-width:90%;margin-inline:auto}
.panel,.consent.open~.panel{inset:6px 6px auto;width:auto;max-height:calc(100% - 76px);grid:auto 1fr/1fr 210px;gap:4px 14px;padding:6px 10px}
.panel b,.chart p{display:none}
.figures{grid-area:1/2/3}
.chart svg{height:32px}
}
@container (max-height:320px) and (max-width:420px){
.panel,.consent.open~.panel{grid:none}
.figures{grid-area:auto}
}
`;
