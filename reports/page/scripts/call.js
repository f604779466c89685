// The chosen call: the strips of network and playout above each spectrogram.
const LETTERS = { ".": "arrived", L: "late", x: "lost", p: "primary", r: "red", l: "lbrr", d: "dred", c: "plc", s: "dtx" };
const MAGMA = [[252, 253, 191], [254, 159, 109], [222, 73, 104], [140, 41, 129], [59, 15, 112], [0, 0, 4]];
const FLOOR_DB = 72, WINDOW = 512;
let boxes = [];
state.declare("from", 0);
state.declare("span", 0);

const callSeconds = () => Math.max(callLength(), ...trial().tracks.map((track) => track.seconds));

function callControls() {
  const slider = byId("call-start");
  slider.addEventListener("input", () => { state.set("from", Number(slider.value)); drawStrips(); });
}

// Draws the chosen call anew.
function drawCall() {
  const whole = callSeconds(), call = trial();
  state.set("span", whole);
  state.set("from", 0);
  byId("call-about").textContent = `Clip ${call.clip}, realization ${call.realization}${call.at ? `, at ${call.at}` : ""}.`;
  const zoom = byId("call-zoom");
  zoom.replaceChildren();
  buttons(zoom, "Zoom", [[whole, "whole call"]].concat([4, 2, 1].filter((s) => s < whole).map((s) => [s, `${s} s`])), () => state.get("span"), (value) => {
    // The playhead is the middle; before anything was played, the middle of the view.
    const middle = player.position() || state.get("from") + state.get("span") / 2;
    state.set("span", value);
    look(middle - value / 2);
  });
  const used = call.tracks.flatMap((track) => Array.from(track.timeline.network + track.timeline.played)).map((letter) => LETTERS[letter]);
  keys(byId("call-legend"), ["arrived", "late", "lost", "primary", "red", "lbrr", "dred", "plc", "dtx"].filter((name) => used.includes(name)));
  const all = byId("call-tracks");
  all.replaceChildren();
  boxes = tracks.map((track) => trackBox(all, track));
  look(0);
}

function trackBox(all, track) {
  const box = html("article", { class: "track" }, all), left = html("div", {}, box), right = html("div", {}, box);
  const title = html("h3", {}, left);
  schemeMark(title, track.name);
  html("span", {}, title, track.name);
  html("p", { class: "about" }, left, [track.about, track.fate].filter(Boolean).join(" · "));
  if (track.row !== undefined && track.row !== null) html("p", { class: "about" }, left).append("Again: ", html("code", {}, null, `${heard.load}.call(${track.row})`));
  const button = html("button", { type: "button" }, left, "Listen");
  button.setAttribute("aria-label", `Listen to ${track.name}`);
  button.addEventListener("click", () => { player.choose(track); player.play(); });
  const strips = track.timeline && html("figure", { class: "chart strip", role: "img", "aria-label": `Packet timeline of ${track.name}` }, right);
  const picture = html("div", { class: "spectrogram" }, right);
  const image = html("canvas", { role: "img", "aria-label": `Spectrogram of ${track.name}` }, picture);
  const head = html("div", { class: "head" }, picture);
  picture.addEventListener("click", (event) => {
    const inside = picture.getBoundingClientRect();
    player.choose(track);
    player.seek(inSpeech(track, state.get("from") + ((event.clientX - inside.left) / inside.width) * state.get("span")));
    player.play();
  });
  const made = { track: track, strips: strips, image: image, head: head, seconds: track.seconds || callLength() };
  player.soundOf(track).then((sound) => {
    if (!sound || !image.isConnected) return;
    made.seconds = sound.duration;
    spectrogram(image, sound.getChannelData(0));
    placeImage(made);
  });
  return made;
}

// Shows the call from a moment on.
function look(from) {
  const span = state.get("span"), last = Math.max(0, callSeconds() - span), slider = byId("call-start");
  state.set("from", Math.max(0, Math.min(last, from)));
  slider.max = last;
  slider.disabled = last <= 0;
  slider.value = state.get("from");
  drawStrips();
}

// Moves the playheads; the view follows the sound that leaves it.
function placeHeads(at) {
  if (!byId("call") || byId("call").hidden || !boxes.length) return;
  const from = state.get("from"), span = state.get("span"), own = inSound(player.track(), at);
  if (player.isPlaying() && (own < from || own > from + span)) { look(own); return; }
  for (const box of boxes) {
    const place = (inSound(box.track, at) - state.get("from")) / state.get("span");
    box.head.hidden = place < 0 || place > 1;
    box.head.style.left = `${100 * place}%`;
  }
}

function placeImage(box) {
  box.image.style.width = `${(100 * box.seconds) / state.get("span")}%`;
  box.image.style.left = `${(-100 * state.get("from")) / state.get("span")}%`;
}

// Draws 0 to 8 kHz, louder darker, on one scale for all schemes.
function spectrogram(image, samples) {
  const columns = Math.max(1, Math.min(1200, Math.floor(samples.length / 80))), rows = WINDOW / 4;
  Object.assign(image, { width: columns, height: rows });
  const context = image.getContext("2d"), pixels = context.createImageData(columns, rows);
  const real = new Float64Array(WINDOW), imaginary = new Float64Array(WINDOW);
  for (let column = 0; column < columns; column++) {
    const first = Math.floor((column * (samples.length - 1)) / Math.max(1, columns - 1)) - WINDOW / 2;
    for (let i = 0; i < WINDOW; i++) { real[i] = (samples[first + i] || 0) * HANN[i]; imaginary[i] = 0; }
    transform(real, imaginary);
    for (let row = 0; row < rows; row++) {
      const power = (k) => (real[k] ** 2 + imaginary[k] ** 2) / (WINDOW / 4) ** 2;
      const level = 10 * Math.log10(Math.max(power(2 * row + 1), power(2 * row + 2), 1e-12));
      const shade = Math.max(0, Math.min(1, 1 + level / FLOOR_DB)) * (MAGMA.length - 1), low = Math.min(MAGMA.length - 2, Math.floor(shade));
      const at = 4 * ((rows - 1 - row) * columns + column);
      for (let c = 0; c < 3; c++) pixels.data[at + c] = MAGMA[low][c] + (shade - low) * (MAGMA[low + 1][c] - MAGMA[low][c]);
      pixels.data[at + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
}

const HANN = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (WINDOW - 1)));
const TURNS = Array.from({ length: WINDOW / 2 }, (_, i) => [Math.cos((2 * Math.PI * i) / WINDOW), -Math.sin((2 * Math.PI * i) / WINDOW)]);

// Discrete Fourier transform in place, radix 2.
function transform(real, imaginary) {
  for (let i = 1, j = 0; i < WINDOW; i++) {
    let bit = WINDOW >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) { [real[i], real[j]] = [real[j], real[i]]; [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]]; }
  }
  for (let size = 2; size <= WINDOW; size <<= 1)
    for (let begin = 0; begin < WINDOW; begin += size)
      for (let k = 0; k < size / 2; k++) {
        const [cosine, sine] = TURNS[(k * WINDOW) / size], a = begin + k, b = a + size / 2;
        const x = real[b] * cosine - imaginary[b] * sine, y = real[b] * sine + imaginary[b] * cosine;
        real[b] = real[a] - x; imaginary[b] = imaginary[a] - y;
        real[a] += x; imaginary[a] += y;
      }
}

function runs(text, from, to) {
  const list = [];
  for (let i = from; i < to; i++) {
    const last = list[list.length - 1];
    if (last && last.letter === text[i]) last.end = i + 1; else list.push({ letter: text[i], start: i, end: i + 1 });
  }
  return list;
}

function drawStrips() {
  const from = state.get("from"), span = state.get("span");
  for (const box of boxes) {
    placeImage(box);
    if (!box.strips) continue;
    const t = box.track.timeline, frames = t.played.length, near = span <= 4;
    const ear = near ? 46 : 16, hasDelay = t.played_after_ms !== null;
    const { svg, width } = canvas(box.strips, ear + 16 + (hasDelay ? 46 : 0));
    const x = scale(from, from + span, 0, width), place = (frame) => (hasDelay ? t.at_s[frame] : (frame * trial().frame_ms) / 1000), at = (frame) => x(place(frame));
    let first = 0, end = frames;
    while (first < frames - 1 && place(first + 1) <= from) first++;
    while (end > first + 1 && place(end - 1) >= from + span) end--;
    if (near) links(svg, t, at, first, end, ear);
    strip(svg, box.track, at, 0, runs(t.network, first, end), near);
    strip(svg, box.track, at, ear, runs(t.played, first, end), near);
    if (hasDelay) delayLine(svg, t, at, first, end, ear + 20);
  }
  const axis = canvas(byId("call-axis"), 46);
  xAxis(axis.svg, scale(from, from + span, 0.5, axis.width - 12), 0, 4, { title: "Time in the call (s)" }, [0, axis.width]);
  placeHeads(player.position());
}

function strip(svg, track, at, y, list, near) {
  for (const run of list) {
    const part = LETTERS[run.letter];
    const rect = node("rect", { x: at(run.start), y: y, width: Math.max(0.6, at(run.end) - at(run.start)), height: 14, fill: PARTS[part][1] }, svg);
    explain(rect, tell(track, run, part, y > 0));
    for (let i = run.start + 1; near && i < run.end; i++) node("line", { x1: at(i), x2: at(i), y1: y, y2: y + 14, stroke: "var(--paper)", "stroke-width": 1 }, svg);
  }
}

// Draws the time from sending to playing: a stall is a step up, a change of speed a slope.
function delayLine(svg, t, at, first, end, top) {
  const known = t.played_after_ms.filter((ms) => ms !== null), low = Math.min(...known), high = Math.max(...known);
  const y = scale(low, Math.max(high, low + 20), top + 40, top + 16);
  let path = "";
  for (let i = first; i < end; i++) if (t.played_after_ms[i] !== null) path += `${path ? "L" : "M"}${at(i)},${y(t.played_after_ms[i])}H${at(i + 1)}`;
  node("path", { d: path, stroke: "var(--accent)", "stroke-width": 1.5, fill: "none" }, svg);
  label(svg, 2, top + 10, `played ${number(low, 0)} to ${number(high, 0)} ms after sending`);
}

function tell(track, run, part, ear) {
  const several = run.end - run.start > 1;
  const frames = several ? `frames ${run.start} to ${run.end - 1} (${(run.end - run.start) * trial().frame_ms} ms)` : `frame ${run.start}`;
  const lines = [`${frames}: ${ear && part !== "dtx" ? "played from " : ""}${PARTS[part][0]}`];
  const t = track.timeline;
  const step = t.source[run.start];
  if (ear && !several && step && part === "plc") lines.push(`the DRED of packet ${run.start + step} did not reach back so far`);
  else if (ear && !several && step) lines.push(`in packet ${run.start + step}, ${step} frame${step === 1 ? "" : "s"} later`);
  if (ear && !several && t.played_after_ms !== null && t.played_after_ms[run.start] !== null) lines.push(`${number(t.played_after_ms[run.start], 0)} ms after it was sent`);
  if (!ear && part === "lost") lines.push(`dropped by ${Array.from(new Set(Array.from({ length: run.end - run.start }, (_, i) => t.cause[run.start + i]))).filter(Boolean).join(", ") || "the network"}`);
  if (!ear && part !== "lost" && part !== "dtx" && !several) lines.push(`${number(t.delay_ms[run.start], 1)} ms on the way, ${t.bytes[run.start]} bytes`);
  return lines.join("\n");
}

function links(svg, t, at, first, end, ear) {
  const middle = (frame) => (at(frame) + at(frame + 1)) / 2;
  for (let i = first; i < end; i++) {
    const part = LETTERS[t.played[i]];
    if (part === "primary" || part === "plc" || !t.source[i]) continue;
    node("line", { x1: middle(i + t.source[i]), y1: 14, x2: middle(i), y2: ear, stroke: PARTS[part][1], opacity: 0.7 }, svg);
  }
}
