// The sound of the chosen call. One track plays; a switch goes on with another at the same moment of the speech.
const heard = JSON.parse(byId("calls").textContent);
state.declare("call", 0, heard ? oneOf(heard.trials.map((_, index) => index)) : undefined);
const trial = () => heard.trials[state.get("call")];

// Tracks of the chosen call: the recording, the recording with silence where packets were lost, and each scheme.
function tracksOf(call) {
  const lossy = call.tracks.filter((track) => track.timeline.network.includes("x"));
  const alike = new Set(lossy.map((track) => track.timeline.network.replace(/L/g, "."))).size === 1;
  const own = call.clean === null ? [] : [{ name: "recording", about: "before any codec", sound: call.clean }];
  if (own.length && lossy.length) own.push({ name: alike ? "the loss" : `the loss of ${lossy[0].scheme}`, about: "the recording, silent where a packet was lost", sound: call.clean, lost: lossy[0].timeline.network });
  return own.map((track) => ({ ...track, scheme: null, timeline: null }))
    .concat(call.tracks.map((track) => ({ ...track, name: track.scheme, about: track.scores })));
}

// A moment of the speech in s as one of a track's sound, and back: an adaptive receiver stretches speech.
function inSound(track, moment) {
  const at = track.timeline && track.timeline.played_after_ms && track.timeline.at_s;
  if (!at) return moment;
  const frame = Math.max(0, Math.min(at.length - 1, (moment * 1000) / trial().frame_ms)), whole = Math.min(at.length - 2, Math.floor(frame));
  return at[whole] + (frame - whole) * (at[whole + 1] - at[whole]);
}
function inSpeech(track, second) {
  const at = track.timeline && track.timeline.played_after_ms && track.timeline.at_s;
  if (!at) return second;
  let low = 0, high = at.length - 2;
  while (low < high) { const middle = (low + high + 1) >> 1; if (at[middle] <= second) low = middle; else high = middle - 1; }
  const part = at[low + 1] > at[low] ? Math.max(0, Math.min(1, (second - at[low]) / (at[low + 1] - at[low]))) : 0;
  return ((low + part) * trial().frame_ms) / 1000;
}

const player = (() => {
  const RATE = 16000, FADE_S = 0.004, AHEAD_S = 0.02;
  const decoded = new Map(), listeners = [];
  let context = null, voice = null, track = null, moment = 0, loop = null, generation = 0;
  const changed = () => { for (const act of listeners) act(); };

  // Decodes a sound of the page once; no request is made, since the policy of the page forbids all.
  function soundOf(each) {
    const key = `${each.sound} ${each.lost || ""}`;
    if (each.sound === null || heard.sounds[each.sound] === null) return Promise.resolve(null);
    if (!decoded.has(key)) decoded.set(key, each.lost ? soundOf({ sound: each.sound }).then((whole) => whole && silenced(whole, each.lost)) : decode(heard.sounds[each.sound]));
    return decoded.get(key);
  }
  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes.buffer).catch(() => null);
  }
  function silenced(whole, network) {
    const copy = new AudioBuffer({ length: whole.length, sampleRate: RATE });
    const samples = whole.getChannelData(0).slice(), frame = Math.round((RATE * trial().frame_ms) / 1000);
    for (let i = 0; i < network.length; i++) if (network[i] === "x") samples.fill(0, i * frame, (i + 1) * frame);
    copy.copyToChannel(samples, 0);
    return copy;
  }

  // The place in the sound of a voice at a time of the context.
  function place(of, time) {
    const second = of.offset + Math.max(0, time - of.began);
    if (!of.loop || second < of.loop[1]) return Math.min(second, of.seconds);
    return of.loop[0] + ((second - of.loop[0]) % (of.loop[1] - of.loop[0]));
  }
  const position = () => (voice ? inSpeech(voice.track, place(voice, context.currentTime)) : moment);

  function stop(time) {
    if (!voice) return;
    const old = voice;
    voice = null;
    old.source.onended = null;
    old.gain.gain.setValueAtTime(1, time);
    old.gain.gain.linearRampToValueAtTime(0, time + FADE_S);
    old.source.stop(time + FADE_S);
  }

  // Starts the current track at a moment of the speech, in place of what plays.
  function start(buffer, from, time) {
    stop(time);
    let begin = from;
    if (loop && (begin < loop[0] || begin >= loop[1])) begin = loop[0];
    const source = context.createBufferSource(), gain = context.createGain();
    source.buffer = buffer;
    const made = { source: source, gain: gain, track: track, began: time, seconds: buffer.duration, loop: null, offset: Math.min(inSound(track, begin), buffer.duration) };
    if (loop) {
      made.loop = [inSound(track, loop[0]), Math.min(buffer.duration, Math.max(inSound(track, loop[0]) + 0.02, inSound(track, loop[1])))];
      Object.assign(source, { loop: true, loopStart: made.loop[0], loopEnd: made.loop[1] });
    }
    gain.gain.setValueAtTime(0, time);
    gain.gain.linearRampToValueAtTime(1, time + FADE_S);
    source.connect(gain).connect(context.destination);
    source.start(time, made.offset);
    source.onended = () => { if (voice === made) { voice = null; moment = 0; changed(); } };
    voice = made;
  }

  // Goes on with the current track and loop, from where the sound is when it begins.
  async function goOn() {
    const mine = ++generation, buffer = await soundOf(track);
    if (mine !== generation || !voice) return;
    if (!buffer) { moment = position(); stop(context.currentTime); changed(); return; }
    const time = context.currentTime + AHEAD_S;
    start(buffer, inSpeech(voice.track, place(voice, time)), time);
    changed();
  }

  return {
    soundOf: soundOf,
    position: position,
    // Time of the sound, in s.
    clock: () => context.currentTime,
    isPlaying: () => voice !== null,
    track: () => track,
    loop: () => loop,
    subscribe(act) { listeners.push(act); },
    // Chooses a track; what plays goes on with it at the same moment.
    choose(chosen) {
      track = chosen;
      if (voice) goOn(); else changed();
    },
    async play() {
      if (!track || voice) return;
      const mine = ++generation, buffer = await soundOf(track);
      if (!context) context = new AudioContext({ sampleRate: RATE });
      await context.resume();
      if (mine !== generation || voice || !buffer) return;
      if (inSound(track, moment) >= buffer.duration - 0.01) moment = 0;
      start(buffer, moment, context.currentTime + AHEAD_S);
      changed();
    },
    pause() {
      generation++;
      if (!voice) return;
      moment = position();
      stop(context.currentTime);
      changed();
    },
    seek(to) {
      moment = Math.max(0, to);
      if (voice) { const time = context.currentTime + AHEAD_S; start(voice.source.buffer, moment, time); }
      changed();
    },
    // Plays a region of the speech, two moments, again and again; null: all of it once.
    repeat(region) {
      loop = region;
      if (voice) goOn(); else changed();
    },
    // Begins another call.
    reset(chosen) { this.pause(); track = chosen; moment = 0; loop = null; decoded.clear(); changed(); },
  };
})();
