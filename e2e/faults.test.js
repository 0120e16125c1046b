// Origins that answer nonsense, nothing, or later.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { serverAndBrowser } from "./lib/fixture.js";
import { segments, variants } from "./lib/playlist.js";
import { startOrigin, startSite } from "./lib/site.js";

const fixture = serverAndBrowser();
const opened = [];
afterEach(() => opened.splice(0).forEach((site) => site.close()));

/** A page of another host whose player reads from an origin with a fault; `first`, the URL path of the master playlist. */
async function playFrom(fault) {
  const { server, browser } = fixture;
  const { master, script } = await server.parts(server.ids.clip);
  const path = new URL(master).pathname;
  const origin = await startOrigin(server.url, (request) => fault(request, path));
  opened.push(origin);
  const page = `<!doctype html><script type="module" src="${script}"></script><shoal-player style="width:640px" src="${origin.url}${path}"></shoal-player>`;
  const site = await startSite({ "/": page });
  opened.push(site);
  return { player: await browser.open(`${site.url}/`), origin };
}

/** Waits for the event and the sentence on the player. */
async function untilItSaysWhy(player) {
  await player.until(() => e2e.seen.errors.length > 0, undefined, 60_000);
  await player.until(() => [...e2e.player().shadowRoot.querySelectorAll("[role=alert]")].some((alert) => alert.checkVisibility() && alert.textContent.trim()));
  return player.frame.evaluate(() => e2e.player().shadowRoot.querySelector("[role=alert]").textContent.trim());
}

const playlists = { "an HTML page": "<!doctype html><h1>Welcome</h1>", nothing: "", "a playlist of nothing": "#EXTM3U\n", "lines of noise": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\n\u0000\n#EXTINF:\n" };

for (const [what, body] of Object.entries(playlists)) {
  test(`${what} instead of the master playlist is said plainly`, async () => {
    const { player } = await playFrom(({ path }, master) => path === master && { status: 200, headers: { "content-type": "application/vnd.apple.mpegurl" }, body });
    const told = await untilItSaysWhy(player);
    assert.ok(told.length > 10 && told.length < 300, told);
    assert.deepEqual(player.log.errors.filter((error) => /panicked|unreachable|Uncaught/.test(error)), []);
  });
}

test("a video that is gone is said plainly", async () => {
  const { player } = await playFrom(() => ({ status: 404 }));
  await untilItSaysWhy(player);
});

test("a missing segment is passed over", async () => {
  const { server } = fixture;
  const { master } = await server.parts(server.ids.clip);
  const gaps = await Promise.all((await variants(master)).map(async ({ url }) => (await segments(url))[2]));
  const isGap = ({ path, start, end }) => gaps.some((gap) => new URL(gap.url).pathname === path && start < gap.offset + gap.length && (end ?? Infinity) >= gap.offset && start >= gap.offset);
  const { player } = await playFrom((request) => request.start !== undefined && isGap(request) && { status: 404 });
  await player.play();
  const end = gaps[0].start + gaps[0].duration;
  await player.until((end) => e2e.video().currentTime > end + 1, end, 60_000);
  assert.deepEqual((await player.seen()).errors, []);
});

test("a busy origin is asked again, and not before it said", async () => {
  const { server } = fixture;
  const { master } = await server.parts(server.ids.clip);
  const third = await Promise.all((await variants(master)).map(async ({ url }) => (await segments(url))[2]));
  const isThird = ({ path, start }) => third.some((segment) => new URL(segment.url).pathname === path && segment.offset === start);
  const { player, origin } = await playFrom((request) => isThird(request) && request.tries < 2 && { status: 503, headers: { "retry-after": "2" } });
  await player.play();
  const end = third[0].start + third[0].duration;
  await player.until((end) => e2e.video().currentTime > end, end, 60_000);

  const asked = origin.asked.filter(isThird);
  const tries = asked.filter(({ path }) => path === asked[0].path).map(({ at }) => at);
  assert.ok(tries.length >= 2, `asked ${tries.length} times`);
  for (let again = 1; again < Math.min(tries.length, 3); again++) {
    assert.ok(tries[again] - tries[again - 1] > 1_900, `asked again after ${Math.round(tries[again] - tries[again - 1])} ms`);
  }
  assert.deepEqual((await player.seen()).errors, []);
});

const spoiled = {
  "has no initialisation section": ({ start }) => start === 0 && { status: 404 },
  "answers 500 for every segment": ({ start }) => start > 0 && { status: 500 },
  "sends noise instead of segments": ({ start, end }) => start > 0 && part(start, end, Buffer.alloc(end - start + 1, 0x41)),
  "sends half of every segment": ({ start, end }) => start > 0 && part(start, end, Buffer.alloc((end - start) >> 1)),
  "sends noise instead of the initialisation section": ({ start, end }) => start === 0 && part(start, end, Buffer.alloc(end + 1, 0x41)),
};

for (const height of [240, 480]) {
  for (const [what, fault] of Object.entries(spoiled)) {
    test(`a video whose ${height}p ${what} plays in the other quality`, async () => {
      const { player } = await playFrom((request) => request.path.endsWith(`-${height}-fragmented.mp4`) && request.start !== undefined && fault(request));
      await player.play();
      await player.moves(5);
      assert.deepEqual((await player.seen()).errors, []);
    });
  }
}

test("a start beyond the end is one at the beginning", async () => {
  const { server, browser } = fixture;
  const player = await browser.open(`${server.embed(server.ids.clip)}?start=80000&autoplay=1&muted=1`);
  await player.until(() => e2e.video()?.currentTime > 0.5 && e2e.video().currentTime < 15);
  assert.deepEqual((await player.seen()).errors, []);
});

function part(start, end, body) {
  return { status: 206, headers: { "content-type": "video/mp4", "content-range": `bytes ${start}-${end}/*` }, body };
}
