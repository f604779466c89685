// Sends a recording with libwebrtc, over `testbed live` where its helper is named.
//
//   node send.mjs SPEECH.wav [--whip http://127.0.0.1:8080/whip] [--ice http://127.0.0.1:5080]
//
// The recording is 16-bit PCM; the call ends with it.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import wrtc from "@roamhq/wrtc";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { whip: { type: "string", default: "http://127.0.0.1:8080/whip" }, ice: { type: "string" } },
});

function read(wav) {
  const bytes = readFileSync(wav);
  const start = bytes.indexOf("data") + 8;
  const samples = new Int16Array(bytes.subarray(start).slice().buffer, 0, (bytes.length - start) >> 1);
  return { samples, sampleRate: bytes.readUInt32LE(24), channelCount: bytes.readUInt16LE(22) };
}

async function post(url, body) {
  return (await fetch(url, { method: "POST", headers: { "content-type": "application/sdp" }, body })).text();
}

// The helper puts the relay's address in place of each client's own.
async function answerTo(offer) {
  if (!options.ice) return post(options.whip, offer);
  const answer = await post(options.whip, await post(`${options.ice}/caller`, offer));
  return post(`${options.ice}/callee`, answer);
}

// A frame of 10 ms at each hundredth of a second; what a late timer missed is sent at once.
async function play({ samples, sampleRate, channelCount }, source) {
  const length = (sampleRate / 100) * channelCount;
  const start = performance.now();
  for (let frame = 0; (frame + 1) * length <= samples.length; frame++) {
    const wait = start + 10 * frame - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    source.onData({ samples: samples.slice(frame * length, (frame + 1) * length), sampleRate, channelCount });
  }
}

const recording = read(positionals[0]);
const source = new wrtc.nonstandard.RTCAudioSource();
const call = new wrtc.RTCPeerConnection();
call.addTrack(source.createTrack());
await call.setLocalDescription(await call.createOffer());
while (call.iceGatheringState !== "complete") await once(call, "icegatheringstatechange");
await call.setRemoteDescription({ type: "answer", sdp: await answerTo(call.localDescription.sdp) });
while (call.connectionState !== "connected") await once(call, "connectionstatechange");
await play(recording, source);
call.close();
process.exit();
