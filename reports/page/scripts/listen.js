// The player under the answer: a key for each scheme, a scrubber with the loss, a region to repeat, and blind listening.
let tracks = [];
// During blind listening: schemes by their letter, and how often the listener preferred each.
let blind = null;
const votes = new Map();

// Draws the mark of a scheme; none for the recording.
function schemeMark(parent, name) {
  const index = data.schemes.findIndex((scheme) => scheme.name === name);
  if (index < 0) return;
  const svg = node("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, parent);
  marker(svg, index, 7, 7, data.schemes[index].colour);
}
const schemeTracks = () => (blind ? blind.order : tracks.filter((track) => track.scheme !== null));
const seconds = (value) => `${number(value, 1)} s`;

function listenControls() {
  const call = byId("call-choice");
  const group = (label) => html("optgroup", { label: label }, call);
  const option = (parent, value, text) => html("option", { value: value }, parent, text);
  const nameOf = (each) => `${each.clip}, realization ${each.realization}${each.at ? `, ${each.at}` : ""}`;
  const all = group("Calls with sound");
  heard.trials.forEach((each, index) => option(all, `call ${index}`, nameOf(each)));
  if (heard.ranked.length && heard.trials.length > 1) {
    const ranks = group("By score, mean of the schemes");
    heard.ranked.forEach(([label, index], place) => option(ranks, `rank ${place}`, `${label}: ${nameOf(heard.trials[index])}`));
  }
  call.addEventListener("change", () => {
    const [kind, value] = call.value.split(" ");
    state.set("call", kind === "call" ? Number(value) : heard.ranked[Number(value)][1]);
  });
  byId("player").hidden = false;
  byId("play").addEventListener("click", toggle);
  byId("loop").addEventListener("click", toggleLoop);
  byId("loop-start").addEventListener("click", () => region(0));
  byId("loop-end").addEventListener("click", () => region(1));
  byId("blind").addEventListener("click", toggleBlind);
  byId("prefer").addEventListener("click", prefer);
  for (const button of document.querySelectorAll("button[data-call]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      state.set("call", Number(button.dataset.call));
      if (!blind) player.choose(tracks.find((track) => track.scheme === button.dataset.scheme));
      player.play();
      byId("listen").scrollIntoView();
    });
  }
  wireScrubber();
  document.addEventListener("keydown", onKey);
  player.subscribe(showPlayer);
  state.subscribe(["call"], openCall);
  openCall();
}

function openCall() {
  const before = player.track();
  tracks = tracksOf(trial());
  if (blind) shuffle();
  const again = !blind && before && tracks.find((track) => track.name === before.name);
  const first = tracks.find((track) => track.name === trial().recommended) || tracks.find((track) => track.name === trial().baseline);
  player.reset(again || (!blind && first) || schemeTracks()[0] || tracks[0]);
  const call = byId("call-choice"), [kind, place] = call.value.split(" ");
  if (kind !== "rank" || heard.ranked[Number(place)][1] !== state.get("call")) call.value = `call ${state.get("call")}`;
  drawListen();
  drawCall();
}

// Keys of the schemes, and one of the recording. A blind listener sees letters.
function drawListen() {
  const box = byId("schemes");
  box.replaceChildren();
  const key = (track, text, digit) => {
    const button = html("button", { type: "button", class: "scheme" }, box);
    if (digit) html("kbd", {}, button, digit);
    if (!blind) schemeMark(button, track.name);
    html("span", {}, button, text);
    const role = !blind && track.scheme !== null && [[trial().recommended, "recommended"], [trial().baseline, "baseline"]].find(([name]) => name === track.name);
    if (role) html("small", {}, button, role[1]);
    button.addEventListener("click", () => { player.choose(track); player.play(); });
    track.button = button;
  };
  schemeTracks().forEach((track, index) => key(track, blind ? String.fromCharCode(65 + index) : track.name, index < 9 ? String(index + 1) : ""));
  tracks.filter((track) => track.scheme === null).forEach((track, index) => key(track, track.name, index ? "" : "0"));
  byId("blind").setAttribute("aria-pressed", String(blind !== null));
  byId("prefer").hidden = !blind;
  if (byId("call")) byId("call").hidden = blind !== null;
  if (byId("worst-calls")) byId("worst-calls").hidden = blind !== null;
  drawScrubber();
  showPlayer();
}

const callLength = () => Math.max(...trial().tracks.map((track) => (track.timeline.played.length * trial().frame_ms) / 1000), 0.1);

// Above, what became of each packet; in the middle, the loudness of the speech; below, what was played.
async function drawScrubber() {
  const box = byId("scrubber"), current = player.track();
  const { svg, width } = canvas(box, 76);
  const x = scale(0, callLength(), 0, width);
  node("rect", { x: 0, y: 0, width: width, height: 76, class: "ground" }, svg);
  const wave = node("path", { class: "wave" }, svg);
  const timeline = !blind && current && current.timeline;
  if (timeline) {
    const frame = trial().frame_ms / 1000;
    for (const [y, text] of [[0, timeline.network], [64, timeline.played]])
      for (const run of runs(text, 0, text.length)) node("rect", { x: x(run.start * frame), y: y, width: Math.max(0.6, x(run.end * frame) - x(run.start * frame)), height: 12, fill: PARTS[LETTERS[run.letter]][1] }, svg);
  }
  box.region = node("rect", { y: 0, height: 76, class: "region" }, svg);
  box.head = node("line", { y1: 0, y2: 76, class: "playhead" }, svg);
  box.scale = x;
  showPlayer();
  const shown = await player.soundOf(tracks.find((track) => track.scheme === null) || trial().tracks[0]);
  if (!shown || !wave.isConnected) return;
  const samples = shown.getChannelData(0), bins = Math.min(600, Math.floor(width / 2)), peaks = [];
  for (let bin = 0; bin < bins; bin++) {
    let peak = 0;
    for (let i = Math.floor((bin * samples.length) / bins); i < ((bin + 1) * samples.length) / bins; i++) peak = Math.max(peak, Math.abs(samples[i]));
    peaks.push(peak);
  }
  const most = Math.max(...peaks, 0.01), end = x(shown.duration);
  wave.setAttribute("d", peaks.map((peak, bin) => `M${((bin + 0.5) * end) / bins},${38 - (22 * peak) / most}v${Math.max(1, (44 * peak) / most)}`).join(""));
}

let striped = null;
function showPlayer() {
  const current = player.track(), box = byId("scrubber"), playing = player.isPlaying();
  if (!current || !box.head) return;
  if (striped !== current) { striped = current; drawScrubber(); return; }
  byId("play").textContent = playing ? "Pause" : "Play";
  for (const track of tracks) if (track.button) track.button.setAttribute("aria-pressed", String(track === current));
  const told = blind ? "Letters are shuffled for each choice and call." : [current.about, current.fate, current.row === undefined || current.row === null ? "" : `row ${current.row}`].filter(Boolean).join(" · ");
  byId("now").textContent = current.sound === null || heard.sounds[current.sound] === null ? "Too large to embed; the file is in the run's folder." : told;
  byId("loop").setAttribute("aria-pressed", String(player.loop() !== null));
  const loop = player.loop();
  box.region.setAttribute("visibility", loop ? "visible" : "hidden");
  if (loop) { box.region.setAttribute("x", box.scale(loop[0])); box.region.setAttribute("width", Math.max(1, box.scale(loop[1]) - box.scale(loop[0]))); }
  showPosition();
  if (playing && !showPlayer.runs) { showPlayer.runs = true; requestAnimationFrame(follow); }
}

function follow() {
  showPosition();
  showPlayer.runs = player.isPlaying();
  if (showPlayer.runs) requestAnimationFrame(follow);
}

function showPosition() {
  const box = byId("scrubber"), at = player.position(), loop = player.loop();
  for (const end of ["x1", "x2"]) box.head.setAttribute(end, box.scale(at));
  byId("position").textContent = `${seconds(at)} of ${seconds(callLength())}${loop ? `, repeats ${seconds(loop[0])} to ${seconds(loop[1])}` : ""}`;
  box.setAttribute("aria-valuemax", callLength().toFixed(1));
  box.setAttribute("aria-valuenow", at.toFixed(1));
  box.setAttribute("aria-valuetext", byId("position").textContent);
  placeHeads(at);
}

const toggle = () => (player.isPlaying() ? player.pause() : player.play());
function toggleLoop() {
  const at = player.position();
  player.repeat(player.loop() ? null : [Math.max(0, at - 0.5), Math.min(callLength(), Math.max(1, at + 0.5))]);
}

// Sets the start (0) or the end (1) of the region that is repeated.
function region(end, to) {
  const at = to === undefined ? player.position() : to, loop = player.loop() || [0, callLength()];
  const made = end ? [Math.min(loop[0], at - 0.1), at] : [at, Math.max(loop[1], at + 0.1)];
  player.repeat([Math.max(0, made[0]), Math.min(callLength(), made[1])]);
}

function wireScrubber() {
  const box = byId("scrubber");
  let from = null, moved = false;
  const moment = (event) => {
    const inside = box.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - inside.left) / inside.width)) * callLength();
  };
  box.addEventListener("pointerdown", (event) => { from = event; moved = false; box.setPointerCapture(event.pointerId); });
  box.addEventListener("pointermove", (event) => {
    if (!from || (!moved && Math.abs(event.clientX - from.clientX) < 6)) return;
    moved = true;
    const ends = [moment(from), moment(event)].sort((a, b) => a - b);
    box.region.setAttribute("visibility", "visible");
    box.region.setAttribute("x", box.scale(ends[0]));
    box.region.setAttribute("width", box.scale(ends[1]) - box.scale(ends[0]));
  });
  box.addEventListener("pointerup", (event) => {
    if (!from) return;
    const ends = [moment(from), moment(event)].sort((a, b) => a - b);
    from = null;
    if (moved && ends[1] - ends[0] > 0.05) { player.repeat(ends); if (!player.isPlaying()) player.seek(ends[0]); } else { if (player.loop()) player.repeat(null); player.seek(ends[1]); }
  });
  box.addEventListener("pointercancel", () => { from = null; showPlayer(); });
}

// Keys of the player: while it has the focus, or plays and nothing else has it.
function onKey(event) {
  const within = event.target.closest && event.target.closest("#player, #call");
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input") || !(within || (event.target === document.body && player.isPlaying()))) return;
  const step = event.shiftKey ? 0.2 : 1, at = player.position(), choice = schemeTracks()[Number(event.key) - 1];
  if (event.key === " " && !event.target.closest("button, summary, a")) toggle();
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") player.seek(Math.min(callLength(), at + (event.key === "ArrowLeft" ? -step : step)));
  else if (event.key === "Home" || event.key === "End") player.seek(event.key === "Home" ? 0 : callLength() - 0.1);
  else if (choice) { player.choose(choice); player.play(); }
  else if (event.key === "0" && tracks[0].scheme === null) { player.choose(tracks[0]); player.play(); }
  else if (event.key === "[" || event.key === "]") region(event.key === "[" ? 0 : 1);
  else if (event.key === "l" || event.key === "L") toggleLoop();
  else if (event.key === "b" || event.key === "B") toggleBlind();
  else if ((event.key === "p" || event.key === "P") && blind) prefer();
  else return;
  event.preventDefault();
}

function shuffle() {
  const order = tracks.filter((track) => track.scheme !== null);
  for (let i = order.length - 1; i > 0; i--) { const other = Math.floor(Math.random() * (i + 1)); [order[i], order[other]] = [order[other], order[i]]; }
  blind = { order: order };
}

function toggleBlind() {
  const result = byId("blind-result");
  result.replaceChildren();
  if (blind) {
    blind = null;
    const total = Array.from(votes.values()).reduce((sum, count) => sum + count, 0);
    html("p", {}, result, total ? `Preferred in ${total} blind choice${total === 1 ? "" : "s"}:` : "No choice was made.");
    const list = html("ol", {}, result);
    for (const [name, count] of Array.from(votes).sort((a, b) => b[1] - a[1])) html("li", {}, list, `${name}: ${count}`);
  } else {
    votes.clear();
    shuffle();
    player.choose(blind.order[0]);
  }
  drawListen();
}

// Counts the letter that plays, and shuffles the letters for the next choice.
function prefer() {
  const name = player.track().scheme;
  if (name === null) return;
  votes.set(name, (votes.get(name) || 0) + 1);
  shuffle();
  player.choose(blind.order[0]);
  drawListen();
  byId("blind-result").textContent = "Counted. The letters are shuffled again.";
}
