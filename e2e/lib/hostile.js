// A peer that misbehaves on purpose, in a page of its own, written from docs/protocol.md alone.

/** In which ways; `good` is the control. */
export const WAYS = {
  good: "serves what it announces, truly",
  wrongBytes: "serves random bytes of the right length",
  falseHave: "announces everything and answers that it is absent",
  silence: "announces everything and answers nothing",
  stall: "sends the header, a few KiB and then nothing",
  flood: "sends thousands of announcements and requests a second, and data that nobody asked for",
  giant: "sends messages of 200 KB and commands without end",
  wrongSize: "sends a header with another length",
  empty: "sends segments of no bytes, as stock peers do whose buffers hls.js has taken",
};

/**
 * The HTML of a page that joins the swarm `hash` at `tracker` and misbehaves in one of the `WAYS`.
 *
 * `segments` are the rendition's, as lib/playlist.js reads them. `window.hostile` counts `connected` (channels that opened),
 * `open` (now), `requests` (heard), `sent` (messages), `bytes` (of data sent), `closedByOther`, and lists `errors`. It offers
 * again and again and answers every offer: being shown out does not make it go away.
 */
export function hostilePage(way, { hash, tracker, stun, segments }) {
  if (!(way in WAYS)) throw new Error(`no way to misbehave: ${way}`);
  const given = JSON.stringify({ way, hash, tracker, stun, segments });
  return `<!doctype html><title>${way}</title><link rel="icon" href="data:,"><script>(${misbehave})(${given});</script>`;
}

/** Runs in the page. */
function misbehave({ way, hash, tracker, stun, segments }) {
  const hostile = { connected: 0, open: 0, requests: 0, sent: 0, bytes: 0, closedByOther: 0, errors: [] };
  window.hostile = hostile;

  const [ANNOUNCEMENT, REQUEST, DATA, COMPLETED, ABSENT, CANCEL] = [0, 1, 2, 3, 4, 5];
  const CHUNK = 16 << 10;
  // What may wait in a channel: enough to keep it busy, and little beside Chromium's limit of 16 MiB, which would close it.
  const FULL = 1 << 20;
  const ascii = (text) => [...text].map((letter) => letter.charCodeAt(0));
  const random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));
  const drawn = (count) => [...random(count)].map((byte) => "abcdefghijklmnopqrstuvwxyz012345"[byte % 32]).join("");

  /** Type 0: the low bits are how many bytes follow, the first bit of those is the sign. */
  function number(value) {
    const bytes = [];
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
    if (!bytes.length || bytes[0] & 0x80) bytes.unshift(0);
    return [bytes.length, ...bytes];
  }

  /** Type 1: groups that share all but the last byte; never 256 in one, which stock peers can't read. */
  function list(values) {
    const groups = new Map();
    for (const value of values) {
      const common = value - (value % 256);
      groups.set(common, [...(groups.get(common) ?? []), value % 256].slice(0, 255));
    }
    return [0x10, groups.size, ...[...groups].flatMap(([common, last]) => [...number(common + last.length), ...last])];
  }

  function command(code, fields) {
    const body = Object.entries(fields).flatMap(([name, value]) => [...ascii(name), ...(Array.isArray(value) ? list(value) : number(value))]);
    return Uint8Array.from([...ascii("cstr"), code, ...body, ...ascii("cend")]);
  }

  /** A whole command of numbers, as requests and cancellations are; nothing for any other message. */
  function read(bytes) {
    const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
    if (bytes.length < 9 || text(0, 4) !== "cstr" || text(bytes.length - 4, bytes.length) !== "cend") return undefined;
    const told = { code: bytes[4] };
    for (let at = 5; at < bytes.length - 4; ) {
      const [name, type] = [String.fromCharCode(bytes[at]), bytes[at + 1]];
      if (type >> 4) return told;
      told[name] = bytes.subarray(at + 2, at + 2 + type).reduce((value, byte) => value * 256 + byte, 0);
      at += 2 + type;
    }
    return told;
  }

  const everything = command(ANNOUNCEMENT, { l: segments.map((_, at) => at) });

  function serve(channel) {
    let upload = 0;
    const send = (message) => {
      if (channel.readyState !== "open") return;
      channel.send(message);
      hostile.sent++;
    };
    const room = async () => {
      if (channel.bufferedAmount < FULL) return;
      channel.bufferedAmountLowThreshold = FULL / 2;
      await new Promise((resolve) => ["bufferedamountlow", "close"].forEach((name) => channel.addEventListener(name, resolve, { once: true })));
    };

    /** The header, `bytes` in order as long as nothing else was asked for, and the end. */
    async function answer({ i, r }, bytes) {
      const mine = ++upload;
      send(command(DATA, { i, s: bytes.length, r }));
      for (let at = 0; at < bytes.length; at += CHUNK) {
        await room();
        if (upload !== mine) return;
        const chunk = bytes.subarray(at, at + CHUNK);
        send(chunk);
        hostile.bytes += chunk.length;
      }
      send(command(COMPLETED, { i, r }));
    }

    const answers = {
      async good(request, { url, offset, length }) {
        const mine = ++upload;
        const range = `bytes=${offset + (request.b ?? 0)}-${offset + length - 1}`;
        const bytes = new Uint8Array(await (await fetch(url, { headers: { range } })).arrayBuffer());
        if (upload === mine) await answer(request, bytes);
      },
      wrongBytes: (request, { length }) => answer(request, noise(length - (request.b ?? 0))),
      falseHave: ({ i, r }) => send(command(ABSENT, { i, r })),
      silence() {},
      stall({ i, r, b = 0 }, { length }) {
        send(command(DATA, { i, s: length - b, r }));
        send(random(Math.min(4 << 10, length - b - 1)));
      },
      flood() {},
      giant() {},
      empty: (request) => answer(request, new Uint8Array()),
      wrongSize: (request, { length }) => answer(request, noise(length - (request.b ?? 0) + 1000)),
    };

    const unasked = {
      flood() {
        for (let no = 0; no < 40; no++) {
          send(everything);
          send(command(REQUEST, { i: no % segments.length, r: no }));
        }
        for (let no = 0; no < 4; no++) send(random(CHUNK));
      },
      giant() {
        const part = noise(200_000);
        part.set(ascii("dstr"));
        part.set(ascii("dend"), part.length - 4);
        send(part);
        part.set(ascii("cstr"));
        send(part);
        send(noise(200_000));
      },
    };

    channel.binaryType = "arraybuffer";
    let isOpen = false;
    let isAsked = false;

    /** Again until it is asked for something: Chromium now and then loses what reaches an offering end before its channel is open. */
    function announce() {
      if (isAsked || channel.readyState !== "open") return;
      send(everything);
      setTimeout(announce, 1_000);
    }

    channel.onopen = () => {
      isOpen = true;
      hostile.connected++;
      hostile.open++;
      announce();
      if (!unasked[way]) return;
      const timer = setInterval(() => {
        if (channel.readyState !== "open") clearInterval(timer);
        else if (channel.bufferedAmount < FULL) unasked[way]();
      }, 20);
    };
    channel.onclose = () => {
      if (!isOpen) return;
      isOpen = false;
      hostile.open--;
      hostile.closedByOther++;
    };
    channel.onmessage = ({ data }) => {
      const told = read(new Uint8Array(data));
      if (told?.code === CANCEL) upload++;
      if (told?.code !== REQUEST) return;
      hostile.requests++;
      isAsked = true;
      const segment = segments[told.i];
      if (segment) Promise.resolve(answers[way](told, segment)).catch((error) => hostile.errors.push(String(error)));
    };
  }

  /** Random bytes; the generator gives 64 KiB at most at a time. */
  function noise(length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
    return bytes;
  }

  const id = `-PM0203-${drawn(12)}`;
  const socket = new WebSocket(tracker);
  const offered = new Map();
  const tell = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ action: "announce", info_hash: hash, peer_id: id, ...message }));

  function connection() {
    const made = new RTCPeerConnection({ iceServers: [{ urls: stun }] });
    made.onconnectionstatechange = () => made.connectionState === "failed" && made.close();
    return made;
  }

  /** The description with all candidates in it, as trackers need it. */
  async function described(made, description) {
    const gathered = new Promise((resolve) => (made.onicegatheringstatechange = () => made.iceGatheringState === "complete" && resolve()));
    await made.setLocalDescription(description);
    await Promise.race([gathered, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    return { type: made.localDescription.type, sdp: made.localDescription.sdp };
  }

  async function offer(event) {
    // What nobody answered within a round is forgotten.
    for (const [offerId, made] of offered) {
      offered.delete(offerId);
      made.close();
    }
    const offers = await Promise.all([0, 1, 2].map(async () => {
      const [made, offerId] = [connection(), drawn(20)];
      serve(made.createDataChannel(drawn(20), {}));
      const description = await described(made, await made.createOffer());
      offered.set(offerId, made);
      return { offer_id: offerId, offer: description };
    }));
    tell({ ...(event && { event }), uploaded: 0, downloaded: 0, numwant: offers.length, offers });
  }

  async function take({ offer, answer, offer_id, peer_id }) {
    if (answer) {
      const made = offered.get(offer_id);
      offered.delete(offer_id);
      await made?.setRemoteDescription(answer);
    }
    if (offer) {
      const made = connection();
      made.ondatachannel = ({ channel }) => serve(channel);
      await made.setRemoteDescription(offer);
      tell({ to_peer_id: peer_id, offer_id, answer: await described(made, await made.createAnswer()) });
    }
  }

  const failed = (error) => hostile.errors.push(String(error));
  socket.onopen = () => {
    offer("started").catch(failed);
    setInterval(() => offer().catch(failed), 5_000);
  };
  socket.onerror = () => hostile.errors.push("the tracker can't be reached");
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message["failure reason"]) hostile.errors.push(message["failure reason"]);
    take(message).catch(failed);
  };
}
