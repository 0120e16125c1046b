// The custom element <shoal-player>. The build puts the glue that wasm-bindgen makes (`__wbg_init`, `Player`) before this
// text in the same module, so that one script tag is all a page needs.

const PLAYER_WASM = new URL("__PLAYER_WASM__", import.meta.url);
const EXTRAS = "./__EXTRAS__";
const WORDS = "./__WORDS__";
const VERIFIER = "./__VERIFIER__";
const PANEL = "./__PANEL__";
const CONTROLS = "./__CONTROLS__";
const WATCHING = "./__WATCHING__";
let compiled;
const compile = () => (compiled ??= __wbg_init({ module_or_path: PLAYER_WASM }).catch((error) => {
  // The next who asks may have more luck.
  compiled = null;
  throw error;
}));

/** A module that is of use later, asked for up to three times: a server may be starting anew, or never answer. */
const load = (file) => new Promise((resolve, reject) => {
  let tries = 0;
  const ask = () => {
    if (tries === 3) return clearInterval(again), reject(`no ${file}`);
    // By the same address a browser gives the same failure.
    import(tries++ ? `${file}?${Date.now()}` : file).then((module) => (clearInterval(again), resolve(module)), () => {});
  };
  const again = setInterval(ask, 4000);
  ask();
});

// The same rule as `start_rendition` in swarm/src/abr.rs: these requests go out while the engine still compiles.
const SHARE = 0.7;
const FIRST_ESTIMATE_BPS = 2_000_000;

function estimate() {
  try {
    return Number(localStorage.getItem("shoal.bps")) || FIRST_ESTIMATE_BPS;
  } catch {
    // An iframe without storage.
    return FIRST_ESTIMATE_BPS;
  }
}

/** The part of the first segment that the engine asks for first, by the rule of `head_bytes` in swarm/src/plan.rs. */
function head(range) {
  const [first, last] = range.split("-").map(Number);
  const length = last - first + 1;
  const bytes = ((length >> 3) * 3) & -32_768;
  return length < 262_144 ? range : `${first}-${first + bytes - 1}`;
}

/** Asks for what the engine will want first, and puts it into `early`; `opening` is what the server knows of the video. */
function askEarly(early, src, opening) {
  const ask = (path, range) => {
    const url = new URL(path, document.baseURI).href;
    const controller = new AbortController();
    const headers = range ? { Range: `bytes=${range}` } : {};
    const response = fetch(url, { headers, signal: controller.signal });
    // Whoever takes it sees the failure.
    response.catch(() => {});
    early.set(range ? `${url} ${range}` : url, { began: performance.now(), response, controller });
  };
  ask(src);
  const ladder = [...opening].sort((a, b) => a.bandwidth - b.bandwidth);
  const start = ladder.findLast(({ bandwidth }) => bandwidth <= estimate() * SHARE) ?? ladder[0];
  if (start) {
    ask(start.playlist);
    ask(start.media, start.init);
    ask(start.media, head(start.first));
  }
}

const warn = (error) => console.warn("shoal-player:", error);

/** Waits for the first picture, or this long. */
const picture = (video, ms) => new Promise((resolve) => {
  video.addEventListener("loadeddata", resolve, { once: true });
  setTimeout(resolve, video.readyState < 2 ? ms : 0);
});

class ShoalPlayer extends HTMLElement {
  static observedAttributes = ["src"];
  #player = null;
  #visit = 0;
  #early = new Map();
  #furnished = null;

  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" });
      this.#speak();
    }
    this.#open();
  }

  disconnectedCallback() {
    this.#close();
  }

  attributeChangedCallback() {
    if (!this.isConnected || !this.shadowRoot) return;
    this.#close();
    this.#open();
  }

  /** Plain numbers: bytes, milliseconds, seconds, pixels, counts. */
  stats() {
    return this.#player?.stats() ?? {
      httpBytes: 0, mirrorBytes: 0, p2pBytes: 0, uploadedBytes: 0, peers: 0, bufferSeconds: 0, startupMs: null, stalls: 0,
      stallMs: 0, droppedFrames: 0, rejectedPieces: 0, duplicateBytes: 0, height: 0, liveLatencySeconds: null,
      sharing: "off", trust: "unknown", hindrance: null,
    };
  }

  async #open() {
    const visit = ++this.#visit;
    const src = this.getAttribute("src");
    if (!src) return;
    const early = (this.#early = new Map());
    try {
      if (!this.getAttribute("start")) askEarly(early, src, JSON.parse(this.dataset.opening ?? "[]"));
    } catch (error) {
      warn(error);
    }
    try {
      await compile();
      if (visit !== this.#visit) return;
      const video = () => this.shadowRoot.querySelector("video");
      // Not for long: the first picture may be made of bytes that have to be verified before.
      let verifier;
      const verify = async (name, ...given) => (await (verifier ??= picture(video(), 2000).then(() => load(VERIFIER))))[name](...given);
      this.#player = new Player(this, early, verify);
      this.#furnish(video());
    } catch (error) {
      if (visit === this.#visit) this.#fail(error);
    }
  }

  /** Says that the player isn't there, which says all else. */
  #fail(error) {
    warn(error);
    const { CompileError } = globalThis.WebAssembly ?? {};
    const isLacking = !CompileError || error instanceof CompileError;
    const text = isLacking ? "This browser cannot run the player: it needs WebAssembly." : "The player could not be loaded.";
    const box = document.createElement("div");
    box.role = "alert";
    box.style = "padding:1em;background:#000;color:#fff";
    const again = document.createElement("button");
    again.textContent = "Try again";
    again.onclick = () => this.attributeChangedCallback();
    box.append(text, " ", again);
    this.shadowRoot.replaceChildren(box);
    this.dispatchEvent(new CustomEvent("shoal:error", { detail: String(error) }));
  }

  /** Says in the page's language what the player says in English. */
  #speak() {
    const language = this.closest("[lang]")?.lang;
    if (language && !language.startsWith("en")) load(WORDS).then(({ speak }) => speak(this.shadowRoot, language)).catch(warn);
  }

  /** Adds what only some videos have, and what nobody looks for before there is a picture. Without either the player plays on. */
  async #furnish(video) {
    const { signal } = (this.#furnished = new AbortController());
    const add = (file) => load(file).then(({ furnish }) => signal.aborted || furnish(this, signal)).catch(warn);
    if (this.hasAttribute("captions") || this.hasAttribute("storyboard")) add(EXTRAS);
    await picture(video, 10_000);
    add(PANEL);
    add(CONTROLS);
    if (this.dataset.video) import(WATCHING).catch(warn);
  }

  #close() {
    this.#visit++;
    this.#furnished?.abort();
    for (const { controller } of this.#early.values()) controller.abort();
    this.#player?.close();
    this.#player = null;
  }
}

if (!customElements.get("shoal-player")) {
  compile().catch(() => {});
  customElements.define("shoal-player", ShoalPlayer);
}
