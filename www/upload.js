// The upload page: a file goes up in parts, by PeerTube's upload-resumable; a lost connection is waited out, and a closed page goes on
// where it stopped when the same file is chosen again. And the page of a video: how far it is.

const form = document.getElementById("upload");
if (form) new Upload(form);
const job = document.getElementById("job");
if (job) follow(job);

class Stopped extends Error {}

function Upload(form) {
  const file = form.elements.file;
  const [problem, progress, said, sent, pause] = ["problem", "progress", "said", "sent", "pause"].map((id) => document.getElementById(id));
  const words = form.dataset;
  let isPaused = false;
  let go;

  file.addEventListener("change", () => {
    const name = form.elements.name;
    if (!name.value && file.files[0]) name.value = file.files[0].name.replace(/\.[^.]*$/, "").slice(0, 120);
  });
  const privacy = form.elements.privacy;
  const showPassword = () => (form.querySelector("[data-for-password]").hidden = privacy.value !== "5");
  privacy.addEventListener("change", showPassword);
  showPassword();
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", isPaused);
    if (!isPaused) go?.();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    progress.hidden = false;
    pause.hidden = false;
    form.querySelector("button.main").disabled = true;
    const leave = (event) => event.preventDefault();
    addEventListener("beforeunload", leave);
    try {
      const video = await upload(file.files[0]);
      removeEventListener("beforeunload", leave);
      said.textContent = words.done;
      location.assign(`/my/videos/${video.shortUUID}`);
    } catch (error) {
      removeEventListener("beforeunload", leave);
      problem.textContent = `${words.refused} ${error.message}`;
      problem.hidden = false;
      progress.hidden = true;
      pause.hidden = true;
      form.querySelector("button.main").disabled = false;
    }
  });

  async function upload(file) {
    const key = `shoal-upload ${file.name} ${file.size} ${file.lastModified}`;
    const about = described(file);
    let { url, said: before } = JSON.parse(localStorage.getItem(key) ?? "{}");
    // The server keeps what was said when it began: whoever says something else now begins anew.
    if (url && before !== JSON.stringify(about)) {
      await fetch(url, { method: "DELETE" }).catch(() => {});
      url = undefined;
    }
    let at = url ? await ask(url, file) : undefined;
    if (at === undefined) {
      url = await begin(file, about);
      localStorage.setItem(key, JSON.stringify({ url, said: JSON.stringify(about) }));
      at = 0;
    } else if (typeof at === "number" && at > 0) {
      said.textContent = words.resumed;
    }
    while (typeof at === "number") {
      if (isPaused) await new Promise((resolve) => (go = resolve));
      at = await part(url, file, at);
    }
    localStorage.removeItem(key);
    return at;
  }

  function described(file) {
    const fields = new FormData(form);
    const about = { filename: file.name, name: fields.get("name"), channelId: Number(fields.get("channelId")), privacy: Number(fields.get("privacy")), waitTranscoding: fields.has("waitTranscoding") };
    if (about.privacy === 5) about.videoPasswords = [fields.get("videoPasswords")];
    return about;
  }

  async function begin(file, about) {
    const answer = await patiently(() =>
      fetch("/api/v1/videos/upload-resumable", {
        method: "POST",
        headers: { "content-type": "application/json", "x-upload-content-length": file.size, "x-upload-content-type": file.type || "application/octet-stream" },
        body: JSON.stringify(about),
      }),
    );
    if (answer.status !== 201) throw new Stopped(await reason(answer));
    return new URL(answer.headers.get("location"), location).href;
  }

  /** How much is there: a number of bytes, the video if it is whole, or nothing if the server knows of no such upload. */
  async function ask(url, file) {
    const answer = await patiently(() => fetch(url, { method: "PUT", headers: { "content-range": `bytes */${file.size}` } }));
    return heard(answer).catch((error) => {
      if (error instanceof Stopped) return undefined;
      throw error;
    });
  }

  /** Sends one part from `at`; the same answers. */
  async function part(url, file, at) {
    const end = Math.min(at + PART, file.size);
    try {
      const answer = await send(url, file.slice(at, end), `bytes ${at}-${end - 1}/${file.size}`, (loaded) => show(at + loaded, file.size));
      if (answer.status < 500 && answer.status !== 409) return await heard(answer);
    } catch (error) {
      if (error instanceof Stopped) throw error;
    }
    // The line was cut, or somebody else went on with it.
    said.textContent = words.waiting;
    await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
    const there = await ask(url, file);
    if (there === undefined) throw new Stopped("");
    return there;
  }

  function show(bytes, whole) {
    sent.value = (100 * bytes) / whole;
    said.textContent = `${words.uploading} ${Math.floor(sent.value)} %`;
  }
}

/** Only XMLHttpRequest tells how much of a body is sent. */
function send(url, body, range, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.setRequestHeader("content-range", range);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => tell(event.loaded);
    request.onload = () => {
      const [status, text, range] = [request.status, request.responseText, request.getResponseHeader("range")];
      resolve({ status, headers: { get: () => range }, text: async () => text, json: async () => JSON.parse(text) });
    };
    request.onerror = () => reject(new TypeError("the connection is lost"));
    request.send(body);
  });
}

async function heard(answer) {
  if (answer.status === 308) {
    const range = /-(\d+)$/.exec(answer.headers.get("range") ?? "");
    return range ? Number(range[1]) + 1 : 0;
  }
  if (answer.status === 200) return (await answer.json()).video;
  throw new Stopped(await reason(answer));
}

/** What the server says is wrong. */
async function reason(answer) {
  const problem = await answer.json().catch(() => ({}));
  const fields = Object.entries(problem["invalid-params"] ?? {}).map(([name, { msg }]) => `${name} ${msg}`);
  return fields.join(", ") || problem.detail || String(answer.status);
}

/** Tries again for as long as the server can't be reached. */
async function patiently(request) {
  for (;;) {
    try {
      return await request();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
    }
  }
}

/** Shows how far a video is until its end: as the server tells it, or by asking where it doesn't. */
function follow(job) {
  const [line, bar, why] = [job.querySelector("[data-stage]"), job.querySelector("progress"), job.querySelector("[data-reason]")];
  const isOver = (stage) => ["published", "failed"].includes(stage);
  if (isOver(line.dataset.stage)) return;
  const events = new EventSource(`${job.dataset.progress}/events`);
  events.onmessage = ({ data }) => show(JSON.parse(data));
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) ask();
  };

  function show(told) {
    bar.value = told.percent;
    line.textContent = job.dataset[told.stage] ?? told.stage;
    why.textContent = told.reason ?? "";
    if (!isOver(told.stage)) return false;
    events.close();
    location.reload();
    return true;
  }

  async function ask() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const answer = await fetch(job.dataset.progress).catch(() => undefined);
      if (answer?.ok && show(await answer.json())) return;
    }
  }
}

/** Little enough that a cut line costs little, and enough that few answers are waited for. */
const PART = 8 << 20;

/** Before a lost connection is tried again. */
const BREATH_MS = 1500;
