// The sentence on sharing, the panel that says who feeds a viewer, and the switch in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { startSite } from "./lib/site.js";

const fixture = serverAndBrowser();

/** A page as somebody sees it who was never here. */
async function firstVisit(url) {
  const player = await fixture.browser.open(url);
  await player.frame.evaluate(() => localStorage.clear());
  await player.page.reload();
  await player.until(() => e2e.video());
  return player;
}

/** Opens a stranger's page whose player has this attribute, runs `look` with it, and closes the site. */
async function onStrangersPage(p2p, look) {
  const { server } = fixture;
  const { master, script } = await server.parts(server.ids.clip);
  const page = `<!doctype html><script type="module" src="${script}"></script><shoal-player src="${master}" p2p="${p2p}" tracker="ws://10.99.0.1:9000/tracker/socket"></shoal-player>`;
  const site = await startSite({ "/": page });
  try {
    await look(await firstVisit(site.url));
  } finally {
    site.close();
  }
}

const isAsked = () => !!e2e.player().shadowRoot.querySelector(".consent.open");
const isNotAsked = () => !e2e.player().shadowRoot.querySelector(".consent.open");
// The panel comes after the first picture.
const isShared = () => e2e.player().shadowRoot.querySelector("[data-role=sharing]")?.checked === true;
const isNotShared = () => e2e.player().shadowRoot.querySelector("[data-role=sharing]")?.checked === false;
const isPanelOpen = () => e2e.player().shadowRoot.querySelector(".panel")?.hidden === false;
const isPanelClosed = () => e2e.player().shadowRoot.querySelector(".panel")?.hidden === true;

const sentence = (player) => player.frame.locator(".consent p").textContent();
const remembered = (player) => player.frame.evaluate(() => localStorage.getItem("shoal.p2p"));

test("the sentence comes with the first picture, and no more once it was answered", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.clip));
  assert.ok(await player.frame.evaluate(isNotAsked), "it comes before anybody wants to watch");
  await player.play();
  await player.until(isAsked);
  assert.match(await sentence(player), /send parts of it to each other.*internet address \(IP\)/);
  await player.screenshot("sentence");
  await player.page.setViewportSize({ width: 360, height: 640 });
  await player.screenshot("sentence-small");
  await player.frame.locator("[data-action=accept]").click();
  await player.until(isNotAsked);
  assert.equal(await remembered(player), "full");

  await player.page.reload();
  await player.play();
  assert.ok(await player.frame.evaluate(isNotAsked));
  await player.until(isShared);
});

test("who turns sharing off stays off", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.clip));
  await player.play();
  await player.frame.locator("[data-action=decline]").click();
  await player.until(isNotAsked);
  await player.until(isNotShared);
  await player.page.reload();
  await player.play();
  assert.ok(await player.frame.evaluate(isNotAsked));
  await player.until(isNotShared);
});

test("the sentence goes by itself, and comes again on the next visit", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.long));
  await player.play();
  await player.until(isAsked);
  await player.until(isNotAsked);
  assert.equal(await remembered(player), null);
  await player.until(isShared);
  await player.page.reload();
  await player.play();
  await player.until(isAsked);
});

test("the sentence is answered without a mouse", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.embed(server.ids.long));
  await player.play();
  await player.until(isAsked);
  await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector(".player").focus());
  const action = () => player.frame.evaluate(() => e2e.player().shadowRoot.activeElement?.dataset.action);
  await player.page.keyboard.press("Tab");
  assert.equal(await action(), "decline");
  await player.page.keyboard.press("Tab");
  assert.equal(await action(), "accept");
  await player.page.keyboard.press("Enter");
  await player.until(isNotAsked);
  assert.equal((await player.video("paused")).paused, false);
});

test("the panel opens by its button and by a key, and shows what came from where", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.clip));
  await player.play();
  await player.reveal();
  const button = player.frame.locator("[data-action=feeds]");
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  await button.click();
  await player.until(isPanelOpen);
  assert.equal(await button.getAttribute("aria-expanded"), "true");

  const figure = (name) => player.frame.locator(`[data-figure=${name}]`).textContent();
  await player.until(() => parseFloat(e2e.player().shadowRoot.querySelector("[data-figure=http]").textContent) > 0);
  assert.equal(await figure("p2p"), "0.0 MB (0 %)");
  assert.deepEqual([await figure("peers"), await figure("uploaded"), await figure("saved")], ["0", "0.0 MB", "0.0 MB"]);
  await player.until(() => /^M\d+ 100(V\d+h1)+V100z$/.test(e2e.player().shadowRoot.querySelector("path.http").getAttribute("d")));
  await player.screenshot("panel");
  await player.page.setViewportSize({ width: 360, height: 640 });
  await player.reveal();
  await player.screenshot("panel-small");

  await player.page.keyboard.press("Escape");
  await player.until(isPanelClosed);
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  await player.page.keyboard.press("n");
  await player.until(isPanelOpen);
  await player.page.keyboard.press("n");
  await player.until(isPanelClosed);
});

test("the switch is remembered", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.clip));
  await player.play();
  await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector(".player").focus());
  await player.page.keyboard.press("n");
  await player.until(isPanelOpen);
  const box = player.frame.locator("[data-role=sharing]");
  assert.ok(await box.isChecked());
  await box.focus();
  await player.page.keyboard.press("Space");
  await player.until(isNotShared);
  assert.equal(await remembered(player), "off");
  assert.ok(await player.frame.evaluate(isNotAsked), "the switch answers the sentence");
  assert.equal((await player.video("paused")).paused, false, "the switch's key is not the video's");

  await player.page.reload();
  await player.until(() => e2e.video());
  await player.until(isNotShared);
  await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector(".player").focus());
  await player.page.keyboard.press("n");
  await player.frame.locator("label:has([data-role=sharing])").click();
  await player.until(isShared);
  assert.equal(await remembered(player), "full");
});

test("where the page has turned sharing off, nothing is asked and the switch says so", async () => {
  const { server } = fixture;
  const player = await firstVisit(`${server.embed(server.ids.clip)}?p2p=0`);
  await player.play();
  assert.ok(await player.frame.evaluate(isNotAsked));
  await player.page.keyboard.press("n");
  await player.until(isPanelOpen);
  const box = player.frame.locator("[data-role=sharing]");
  assert.deepEqual([await box.isChecked(), await box.isDisabled()], [false, true]);
  assert.equal(await player.frame.locator("[data-role=terms]").textContent(), "This page has turned sharing off.");
});

test("a page that asks first shares nothing until the viewer says yes", async () => {
  await onStrangersPage("ask", async (player) => {
    await player.play();
    await player.until(isAsked);
    assert.match(await sentence(player), /^May people watching this/);
    await player.until(isNotShared);
    await player.frame.locator("[data-action=accept]").click();
    await player.until(isShared);
    await player.page.reload();
    await player.play();
    assert.ok(await player.frame.evaluate(isNotAsked));
    await player.until(isShared);
  });
});

test("a page where viewers only take says that they give nothing", async () => {
  await onStrangersPage("receive", async (player) => {
    await player.play();
    await player.until(isAsked);
    assert.match(await sentence(player), /give none.*internet address \(IP\)/);
    assert.match(await player.frame.locator("[data-role=terms]").textContent(), /give none/);
  });
});

test("a word that is none of the attribute's counts as off", async () => {
  await onStrangersPage("yes", async (player) => {
    await player.play();
    assert.ok(await player.frame.evaluate(isNotAsked));
    assert.ok(await player.frame.locator("[data-role=sharing]").isDisabled());
  });
});

test("the page's policy lets it reach its own tracker", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.clip));
  const isReached = await player.frame.evaluate(
    () =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${location.host}/tracker/socket`);
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      }),
  );
  assert.ok(isReached);
  assert.deepEqual(player.log.errors, []);
});

/** Lets the panel hear these of the player's figures instead. */
const pretend = (player, figures) =>
  player.frame.evaluate((figures) => {
    const { stats } = Object.getPrototypeOf(e2e.player());
    e2e.player().stats = () => ({ ...stats.call(e2e.player()), ...figures });
  }, figures);
const isSaid = (text) => {
  const notice = e2e.player().shadowRoot.querySelector(".notice");
  return !notice.hidden && notice.textContent.includes(text);
};

/** A viewer who has answered and has the panel before them. */
async function withPanel(path, size) {
  const player = await firstVisit(path);
  if (size) await player.page.setViewportSize(size);
  await player.play();
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel"));
  if (await player.frame.locator(".consent.open").count()) await player.frame.locator("[data-action=accept]").click();
  await player.frame.evaluate(() => e2e.player().shadowRoot.querySelector(".player").focus());
  await player.page.keyboard.press("n");
  await player.until(isPanelOpen);
  return player;
}

test("once sharing has ended for good the sentence on it goes", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.long));
  await player.play();
  await player.until(isAsked);
  await pretend(player, { hindrance: "listForged" });
  await player.frame.waitForFunction(isNotAsked, undefined, { timeout: 4000 });
  assert.equal(await sentence(player), "");
});

test("what mirrors gave has a line of its own, and isn't the server's", async () => {
  const { server } = fixture;
  const player = await withPanel(server.watch(server.ids.clip));
  const line = player.frame.locator("dl div", { has: player.frame.locator("[data-figure=mirrors]") });
  assert.ok(!(await line.isVisible()), "a line on mirrors where there are none");
  await pretend(player, { httpBytes: 5e6, mirrorBytes: 2e6, p2pBytes: 5e6 });
  await player.until(() => e2e.player().shadowRoot.querySelector("[data-figure=mirrors]")?.textContent === "2.0 MB");
  assert.ok(await line.isVisible());
  assert.equal(await player.frame.locator("[data-figure=http]").textContent(), "3.0 MB");
  assert.equal(await player.frame.locator("[data-figure=p2p]").textContent(), "5.0 MB (50 %)");
});

test("in a small player nothing of the panel is too wide, and the switch and the reason come first", async () => {
  const { server } = fixture;
  for (const [width, height] of [[288, 162], [320, 180], [480, 270]]) {
    const player = await withPanel(server.embed(server.ids.clip), { width, height });
    await pretend(player, { hindrance: "tracker", httpBytes: 5e6, mirrorBytes: 1e6 });
    await player.until(() => e2e.player().shadowRoot.querySelector("[data-role=hindrance]").textContent.includes("tracker"));
    await player.screenshot(`panel-${width}`);
    const seen = await player.frame.evaluate(() => {
      const panel = e2e.player().shadowRoot.querySelector(".panel");
      const { bottom } = panel.getBoundingClientRect();
      const end = (selector) => panel.querySelector(selector).getBoundingClientRect().bottom;
      return { wider: panel.scrollWidth - panel.clientWidth, toggle: end("label") - bottom, reason: end("[data-role=hindrance]") - bottom };
    });
    assert.ok(seen.wider <= 0, `${seen.wider} px too wide at ${width}`);
    assert.ok(seen.toggle <= 0, `the switch is ${seen.toggle} px below at ${width}`);
    assert.ok(seen.reason <= 0, `the reason is ${seen.reason} px below at ${width}`);
    await player.page.close();
  }
});

test("what somebody can mend is said when trouble with playback is over, and each for its own time", async () => {
  const { server } = fixture;
  const player = await firstVisit(server.watch(server.ids.long));
  await player.play();
  await player.until(() => e2e.player().shadowRoot.querySelector(".panel"));
  const trouble = (isThere) =>
    player.frame.evaluate((isThere) => {
      const notice = e2e.player().shadowRoot.querySelector(".notice");
      if (isThere) notice.textContent = "Trouble";
      notice.hidden = !isThere;
    }, isThere);
  await trouble(true);
  await pretend(player, { hindrance: "tracker" });
  await player.moves(2.5);
  assert.ok(await player.frame.evaluate(isSaid, "Trouble"));
  await trouble(false);
  await player.until(isSaid, "tracker");
  // The first hint would end after eight seconds.
  await player.moves(5);
  await pretend(player, { hindrance: "stun" });
  await player.until(isSaid, "STUN");
  await player.moves(5);
  assert.ok(await player.frame.evaluate(isSaid, "STUN"), "the first hint's end has ended the second");
});
