// The player in another language than English: on our pages, in embeds, on strangers' pages; and that an English page pays nothing for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { at } from "./lib/people.js";
import { startSite } from "./lib/site.js";

const fixture = serverAndBrowser();
const words = JSON.parse(readFileSync(new URL("../www/words-fr.json", import.meta.url), "utf8"));

/** Opens a page as a browser whose owner reads French. */
async function opened(path) {
  const { server, browser } = fixture;
  await browser.context.addCookies([{ name: "shoal_language", value: "fr", url: server.url }]);
  return at(fixture, path);
}

const untilFrench = (player) => player.until(() => e2e.player().shadowRoot?.querySelector(".row [data-action=play]")?.ariaLabel === "Lire");

/** All that a player says: its texts and labels that have letters, without what its page wrote. */
function said(player) {
  return player.frame.evaluate(() => {
    const said = [];
    const walk = document.createTreeWalker(e2e.player().shadowRoot, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      if (node.parentElement?.localName === "textarea" || node.localName === "video") continue;
      const texts = node.nodeType === Node.TEXT_NODE ? [node.nodeValue.trim()] : [node.getAttribute("aria-label"), node.getAttribute("aria-valuetext")];
      said.push(...texts.filter((text) => /\p{L}/u.test(text ?? "")));
    }
    return said;
  });
}

/** What of this is none of the French words. */
function strange(texts) {
  const escaped = (text) => text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const known = Object.values(words).map((french) => new RegExp(`^${french.split(/\{#?\}/).map(escaped).join(".*")}$`, "u"));
  return texts.filter((text) => !/^\d+p$/.test(text) && !known.some((pattern) => pattern.test(text)));
}

test("the player of a French page speaks French, whatever it has to say", async () => {
  const { page, player, screenshot } = await opened(`/w/${fixture.server.ids.clip}`);
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await untilFrench(player);
  await player.play();
  await player.until(() => /Désactiver/.test(e2e.player().shadowRoot.querySelector(".consent.open")?.textContent));
  await screenshot("french-sentence");
  await player.reveal();
  await page.locator("[data-action=feeds]").click();
  await player.until(() => /Mo \(/.test(e2e.player().shadowRoot.querySelector("[data-figure=p2p]")?.textContent));
  await screenshot("french-panel");
  assert.deepEqual(strange(await said(player)), []);
  // Who has the panel read aloud hears what it says once.
  const rewritten = await page.evaluate(async () => {
    const sentence = e2e.player().shadowRoot.querySelector("[data-role=hindrance]");
    e2e.player().stats = () => ({ ...Object.getPrototypeOf(e2e.player()).stats.call(e2e.player()), hindrance: "stun" });
    while (!/STUN.*continue/.test(sentence.textContent)) await new Promise((resolve) => setTimeout(resolve, 50));
    const changes = [];
    new MutationObserver((more) => changes.push(...more)).observe(sentence, { childList: true, characterData: true, subtree: true });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return changes.length;
  });
  assert.equal(rewritten, 0);
  await page.evaluate(() => e2e.video().pause());
  await player.until(() => e2e.player().shadowRoot.querySelector(".row [data-action=play]").ariaLabel === "Lire");
});

test("an embed is in the language of whoever looks, and says so", async () => {
  const { page, player } = await opened(`/videos/embed/${fixture.server.ids.clip}`);
  await untilFrench(player);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
  await page.locator("[data-action=share]").click();
  await page.locator("[data-action=copy]").click();
  await player.until(() => ["Copié", "Appuyez sur Ctrl+C"].includes(e2e.player().shadowRoot.querySelector("[data-action=copy]").textContent));
  assert.deepEqual(strange(await said(player)), []);
  await fixture.browser.context.clearCookies();
});

test("on a stranger's page the element's language counts, else its document's", async () => {
  const { server, browser } = fixture;
  const { master, script } = await server.parts(server.ids.clip);
  const page = (lang, attributes, src = master) => `<!doctype html><html lang="${lang}"><title>A blog</title><script type="module" src="${script}"></script><shoal-player style="width:640px" p2p="off" src="${src}" ${attributes}></shoal-player>`;
  const site = await startSite({ "/element": page("en", 'lang="fr"'), "/document": page("fr-CH", ""), "/missing": page("fr", "", `${master}x`), "/unknown": page("tlh", "") });
  try {
    for (const path of ["/element", "/document"]) {
      const player = await browser.open(site.url + path);
      await untilFrench(player);
      assert.deepEqual(strange(await said(player)), []);
    }
    const missing = await browser.open(`${site.url}/missing`);
    await missing.until(() => /^Cette vidéo n’est pas ici \(état.404\)\.$/.test(e2e.player().shadowRoot?.querySelector(".failure p")?.textContent));
    await missing.screenshot("french-failure");
    const unknown = await browser.open(`${site.url}/unknown`);
    await unknown.until(() => e2e.player().lang === "en" && e2e.player().shadowRoot.querySelector(".row [data-action=play]")?.ariaLabel === "Play");
  } finally {
    site.close();
  }
});

test("captions' menu speaks the language of the page, and their names are their own", async () => {
  const { server, browser } = fixture;
  const { master, script } = await server.parts(server.ids.clip);
  const captions = JSON.stringify([{ language: "en", label: "Play", src: "/none.vtt" }]).replaceAll('"', "&quot;");
  const site = await startSite({ "/": `<!doctype html><html lang="fr"><title>A blog</title><script type="module" src="${script}"></script><shoal-player style="width:640px" p2p="off" src="${master}" captions="${captions}"></shoal-player>` });
  try {
    const player = await browser.open(site.url);
    await player.until(() => e2e.player().shadowRoot?.querySelector("[data-action=captions]")?.ariaLabel === "Sous-titres");
    assert.deepEqual(await player.frame.evaluate(() => [...e2e.player().shadowRoot.querySelectorAll("[data-caption]")].map((choice) => choice.textContent)), ["Aucun", "Play"]);
  } finally {
    site.close();
  }
});

test("who reads English loads no words", async () => {
  const { player, log } = await at(fixture, `/w/${fixture.server.ids.clip}`);
  await player.play();
  assert.deepEqual(log.urls.filter((url) => url.includes("words")), []);
});
