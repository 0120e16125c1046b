// Tells the video's own host that it is watched: once after some seconds, and while it plays where the viewer goes on, for those
// who are logged in and want that remembered. Nothing is told to anybody else, and nothing of who watches is kept with a view.
// <shoal-player> loads this on our own pages once there is a picture.

for (const player of document.querySelectorAll("shoal-player[data-video]")) watch(player);

function watch(player) {
  const url = `/api/v1/videos/${player.dataset.video}/views`;
  const remembers = "remember" in player.dataset;
  let played = 0;
  let last;
  let counted = false;
  let told = 0;
  // The video element is the player's own and comes later; its time is told by the event that the player sends each second.
  player.addEventListener("shoal:stats", () => {
    const video = player.shadowRoot?.querySelector("video");
    if (!video) return;
    const at = video.currentTime;
    const step = at - (last ?? at);
    if (!video.paused && step > 0 && step < 3) played += step;
    last = at;
    if (!counted && played >= Math.min(5, video.duration / 2)) {
      counted = true;
      tell({ currentTime: Math.floor(at) });
    } else if (remembers && counted && played - told >= 10) {
      told = played;
      tell({ currentTime: Math.floor(at) });
    }
  });
  if (remembers) addEventListener("pagehide", () => counted && tell({ currentTime: Math.floor(last) }));

  function tell(about) {
    const body = JSON.stringify(about);
    fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body, keepalive: true }).catch(() => {});
  }
}

for (const link of document.querySelectorAll("[data-at]")) {
  link.addEventListener("click", (event) => {
    const video = document.querySelector("shoal-player")?.shadowRoot?.querySelector("video");
    if (!video) return;
    event.preventDefault();
    video.currentTime = Number(link.dataset.at);
    video.play().catch(() => {});
  });
}
