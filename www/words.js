// The player's words in other languages. The player itself knows English; <shoal-player> loads this where its page, or its own
// attribute `lang`, says another language, so that all others pay nothing for it.
//
// `words-fr.json` has the words of one language, each by its English: `{#}` stands for a number or a time, `{}` for anything,
// in the same order in both. Another language is another file.

const FILES = { __WORDS__ };

/** Says what is in `root`, now and later, in `language`; where there are no words for it, says that they are English. */
export async function speak(root, language) {
  const code = language.toLowerCase().split("-")[0];
  if (!Object.hasOwn(FILES, code)) return (root.host.lang = "en");
  const answer = await fetch(new URL(FILES[code], import.meta.url));
  const say = translator(await answer.json());

  const text = (node) => {
    // What the page wrote: the name of a language that there are captions in, and the snippet.
    if (node.parentElement?.closest("[data-caption]:not([data-caption='']),textarea")) return;
    const said = node.nodeValue.trim();
    const other = say(said);
    if (other !== said) node.nodeValue = node.nodeValue.replace(said, () => other);
  };
  const attributes = (element) => {
    for (const name of ATTRIBUTES) {
      const said = element.getAttribute(name) ?? "";
      // The name of a video is its maker's.
      if (element.localName === "video" && said !== "Video") continue;
      const other = say(said);
      if (other !== said) element.setAttribute(name, other);
    }
  };
  const all = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return text(node);
    if (node.nodeType === Node.ELEMENT_NODE) attributes(node);
    node.childNodes.forEach(all);
  };
  const hear = { childList: (change) => change.addedNodes.forEach(all), attributes: (change) => attributes(change.target), characterData: (change) => text(change.target) };
  const watch = { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES };
  new MutationObserver((changes) => changes.forEach((change) => hear[change.type](change))).observe(root, watch);
  all(root);
}

/** A function from a text to what it is in the other language, or to itself. */
function translator(words) {
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const patterns = Object.entries(words).filter(([english]) => PLACE.test(english)).map(([english, other]) => {
    const places = english.match(/\{#?\}/g).map((place) => (place === "{#}" ? "([\\d:]+)" : "(.+)"));
    const between = english.split(PLACE).map(escaped);
    return { pattern: new RegExp(`^${between.map((part, at) => part + (places[at] ?? "")).join("")}$`), other: other.split(PLACE) };
  });
  const say = (said) => {
    if (Object.hasOwn(words, said)) return words[said];
    for (const { pattern, other } of patterns) {
      const values = pattern.exec(said)?.slice(1);
      if (values) return other.map((part, at) => part + (at < values.length ? say(values[at]) : "")).join("");
    }
    return said;
  };
  return say;
}

const PLACE = /\{#?\}/;
const ATTRIBUTES = ["aria-label", "aria-valuetext"];
