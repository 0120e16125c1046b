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
const compile = () => (compiled ??= __wbg_init({ module_or_path: PLAYER_WASM }));

// The same rule as `start_rendition` in swarm/src/abr.rs: these requests go out while the engine still compiles.
const SHARE = 0.7;
const FIRST_ESTIMATE_BPS = 2_000_000;

function estimate() {
  try {
    return Number(localStorage.getItem("shoal.bps")) || FIRST_ESTIMATE_BPS;
  } catch {
    return FIRST_ESTIMATE_BPS; // an iframe without storage
  }
}

/** The part of the first segment that the engine asks for first, by the rule of `head_bytes` in swarm/src/plan.rs. */
function head(range) {
  const [first, last] = range.split("-").map(Number);
  const length = last - first + 1;
  const bytes = Math.floor((Math.floor(length / 8) * 3) / 65_536) * 65_536;
  return length < 262_144 ? range : `${first}-${first + bytes - 1}`;
}

/** Asks for what the engine will want first; `opening` is what the server knows of the video. */
function askEarly(src, opening) {
  const early = new Map();
  const ask = (path, range) => {
    const url = new URL(path, document.baseURI).href;
    const controller = new AbortController();
    const headers = range ? { Range: `bytes=${range}` } : {};
    const response = fetch(url, { headers, signal: controller.signal });
    response.catch(() => {}); // whoever takes it sees the failure
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
  return early;
}

/** Waits for the first picture, or this long. */
const picture = (video, ms) => new Promise((resolve) => {
  video.addEventListener("loadeddata", resolve, { once: true });
  setTimeout(resolve, video.readyState < 2 ? ms : 0);
});

const NOTHING = Object.freeze({
  httpBytes: 0, mirrorBytes: 0, p2pBytes: 0, uploadedBytes: 0, peers: 0, bufferSeconds: 0, startupMs: null, stalls: 0,
  stallMs: 0, droppedFrames: 0, rejectedPieces: 0, duplicateBytes: 0, height: 0, liveLatencySeconds: null,
  sharing: "off", trust: "unknown", hindrance: null,
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
    return this.#player?.stats() ?? { ...NOTHING };
  }

  async #open() {
    const visit = ++this.#visit;
    const src = this.getAttribute("src");
    if (!src) return;
    let opening = [];
    try {
      opening = JSON.parse(this.dataset.opening ?? "[]");
    } catch {
      console.warn("shoal-player: data-opening is no JSON and is left out");
    }
    const early = this.getAttribute("start") ? new Map() : askEarly(src, opening);
    this.#early = early;
    try {
      await compile();
    } catch (error) {
      if (visit !== this.#visit) return;
      console.error("shoal-player:", error);
      this.shadowRoot.textContent = "This browser cannot run the player: it needs WebAssembly.";
      this.dispatchEvent(new CustomEvent("shoal:error", { detail: String(error) }));
      return;
    }
    if (visit !== this.#visit) return;
    const video = () => this.shadowRoot.querySelector("video");
    // Not for long: the first picture may be made of bytes that have to be verified before.
    let verifier;
    const load = () => picture(video(), 2000).then(() => import(VERIFIER));
    this.#player = new Player(this, early, async (name, ...given) => (await (verifier ??= load()))[name](...given));
    this.#furnish(video());
  }

  /** Says in the page's language what the player says in English. */
  async #speak() {
    const language = this.closest("[lang]")?.lang;
    if (!language || language.startsWith("en")) return;
    try {
      (await import(WORDS)).speak(this.shadowRoot, language);
    } catch (error) {
      console.warn("shoal-player:", error);
    }
  }

  /** Adds what only some videos have, and what nobody looks for before there is a picture. Without it the player plays on. */
  async #furnish(video) {
    const { signal } = (this.#furnished = new AbortController());
    try {
      if (this.hasAttribute("captions") || this.hasAttribute("storyboard")) {
        const { furnish } = await import(EXTRAS);
        if (!signal.aborted) furnish(this, signal);
      }
      await picture(video, 10_000);
      if (this.dataset.video) import(WATCHING);
      const [{ addPanel }, { addButtons }] = await Promise.all([import(PANEL), import(CONTROLS)]);
      if (signal.aborted) return;
      addPanel(this, signal);
      addButtons(this, signal);
    } catch (error) {
      console.warn("shoal-player:", error);
    }
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
