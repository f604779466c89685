// One call: the strips of network and playout above each spectrogram, and the players.
const LETTERS = { ".": "arrived", L: "late", x: "lost", p: "primary", r: "red", l: "lbrr", d: "dred", c: "plc", s: "dtx" };
const callSeconds = data.call ? Math.max(...data.call.tracks.map((t) => t.seconds)) : 0;
const boxes = Array.from(document.querySelectorAll(".track"));
let together = true;
let player = null;
const heads = [];
state.declare("from", 0);
state.declare("span", 0);

function callControls() {
  state.set("span", callSeconds);
  const box = byId("call-controls");
  const spans = [[callSeconds, "whole call"]].concat([4, 2, 1].filter((s) => s < callSeconds).map((s) => [s, `${s} s`]));
  const slider = html("input", { type: "range", min: 0, max: 0, step: 0.02, value: 0, "aria-label": "Start of the view, in seconds" });
  buttons(box, "Zoom", spans, () => state.get("span"), (value) => {
    const middle = player ? player.currentTime : state.get("from") + state.get("span") / 2;
    state.set("span", value);
    state.set("from", Math.max(0, Math.min(callSeconds - value, middle - value / 2)));
    slider.max = callSeconds - value;
    slider.disabled = value >= callSeconds;
    slider.value = state.get("from");
    drawCall();
  });
  slider.disabled = true;
  slider.addEventListener("input", () => { state.set("from", Number(slider.value)); drawCall(); });
  const group = html("label", { class: "group" }, box, "Start ");
  group.appendChild(slider);
  const same = html("label", { class: "group" }, box);
  const check = html("input", { type: "checkbox" }, same);
  check.checked = true;
  html("span", {}, same, "start the next player where the last one stopped");
  check.addEventListener("change", () => { together = check.checked; });
  const used = data.call.tracks.flatMap((t) => (t.timeline ? Array.from(t.timeline.network + t.timeline.played) : [])).map((c) => LETTERS[c]);
  keys(byId("call-legend"), ["arrived", "late", "lost", "primary", "red", "lbrr", "dred", "plc", "dtx"].filter((n) => used.includes(n)));
  boxes.forEach(wire);
}

let lastMoment = 0;
function wire(box) {
  const audio = box.querySelector("audio");
  const picture = box.querySelector(".spectrogram");
  const head = html("div", { class: "head" }, picture);
  head.hidden = true;
  if (!audio) return;
  const place = () => {
    const at = (audio.currentTime - state.get("from")) / state.get("span");
    head.hidden = at < 0 || at > 1 || (audio.paused && audio.currentTime === 0);
    head.style.left = 100 * at + "%";
  };
  heads.push(place);
  audio.addEventListener("play", () => {
    player = audio;
    for (const other of document.querySelectorAll(".track audio")) {
      if (other !== audio && !other.paused) { lastMoment = other.currentTime; other.pause(); }
    }
    if (together && lastMoment > 0 && Math.abs(audio.currentTime - lastMoment) > 0.05 && !audio.seeking) audio.currentTime = lastMoment;
    const step = () => { follow(audio.currentTime); place(); if (!audio.paused) requestAnimationFrame(step); };
    step();
  });
  audio.addEventListener("pause", () => { lastMoment = audio.ended ? 0 : audio.currentTime; place(); });
  audio.addEventListener("ended", () => { lastMoment = 0; });
  audio.addEventListener("seeked", place);
  picture.addEventListener("click", (event) => {
    const inside = picture.getBoundingClientRect();
    player = audio;
    lastMoment = state.get("from") + ((event.clientX - inside.left) / inside.width) * state.get("span");
    audio.currentTime = lastMoment;
    audio.play();
  });
}

// Scrolls the view when the sound leaves it.
function follow(moment) {
  if (moment >= state.get("from") && moment <= state.get("from") + state.get("span")) return;
  state.set("from", Math.max(0, Math.min(callSeconds - state.get("span"), moment)));
  document.querySelector("#call-controls input[type=range]").value = state.get("from");
  drawCall();
}

function runs(text, from, to) {
  const list = [];
  for (let i = from; i < to; i++) {
    const last = list[list.length - 1];
    if (last && last.letter === text[i]) last.end = i + 1; else list.push({ letter: text[i], start: i, end: i + 1 });
  }
  return list;
}

function drawCall() {
  data.call.tracks.forEach((track, index) => {
    const box = boxes[index];
    const image = box.querySelector("img");
    image.style.width = (100 * track.seconds) / state.get("span") + "%";
    image.style.left = (-100 * state.get("from")) / state.get("span") + "%";
    const figure = box.querySelector(".strip");
    if (!track.timeline) return;
    const t = track.timeline, frames = t.played.length, near = state.get("span") <= 4;
    const ear = near ? 46 : 16, hasDelay = t.played_after_ms !== null;
    const { svg, width } = canvas(figure, ear + 16 + (hasDelay ? 46 : 0));
    const x = scale(state.get("from"), state.get("from") + state.get("span"), 0, width), at = (frame) => x(t.at_s[frame]);
    const first = Math.max(0, t.at_s.findLastIndex((s) => s <= state.get("from"))), after = t.at_s.findIndex((s) => s >= state.get("from") + state.get("span"));
    const end = after < 0 ? frames : Math.min(frames, after);
    if (near) links(svg, t, at, first, end, ear);
    strip(svg, track, at, 0, runs(t.network, first, end), near);
    strip(svg, track, at, ear, runs(t.played, first, end), near);
    if (hasDelay) delayLine(svg, t, at, first, end, ear + 20);
  });
  for (const place of heads) place();
  const axis = canvas(byId("call-axis"), 46);
  xAxis(axis.svg, scale(state.get("from"), state.get("from") + state.get("span"), 0.5, axis.width - 12), 0, 4, { title: "Time in the call (s)" }, axis.width / 2);
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
  const frames = several ? `frames ${run.start} to ${run.end - 1} (${(run.end - run.start) * data.call.frame_ms} ms)` : `frame ${run.start}`;
  const lines = [`${frames}: ${ear && part !== "dtx" ? "played from " : ""}${PARTS[part][0]}`];
  const t = track.timeline;
  const step = t.source[run.start];
  if (ear && !several && step && part === "plc") lines.push(`the DRED of packet ${run.start + step} did not reach back so far`);
  else if (ear && !several && step) lines.push(`in packet ${run.start + step}, ${step} frame${step === 1 ? "" : "s"} later`);
  if (ear && !several && t.played_after_ms !== null && t.played_after_ms[run.start] !== null) lines.push(`${number(t.played_after_ms[run.start], 0)} ms after it was sent`);
  if (!ear && part === "lost") lines.push(`dropped by ${Array.from(new Set(t.cause.slice(run.start, run.end))).filter(Boolean).join(", ") || "the network"}`);
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
