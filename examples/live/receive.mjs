// Receives a call with libwebrtc and prints what its jitter buffer does.
//
//   node receive.mjs [--whip 127.0.0.1:8080] [--every-ms 1000] [--sound FILE.raw]
//
// The caller posts its offer to http://ADDRESS/whip (WHIP, RFC 9725).
// Once per interval, standard output gets a line of JSON: the totals of getStats() for the stream.
// The file gets the sound that libwebrtc plays: 16-bit samples, at 48 kHz where the call is Opus.
// It ends when the call does.

import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import wrtc from "@roamhq/wrtc";

const { values: options } = parseArgs({
  options: {
    whip: { type: "string", default: "127.0.0.1:8080" },
    "every-ms": { type: "string", default: "1000" },
    sound: { type: "string" },
  },
});
const call = new wrtc.RTCPeerConnection();

async function answerTo(offer) {
  await call.setRemoteDescription({ type: "offer", sdp: offer });
  await call.setLocalDescription(await call.createAnswer());
  while (call.iceGatheringState !== "complete") await once(call, "icegatheringstatechange");
  return call.localDescription.sdp;
}

async function report() {
  for (const stats of (await call.getStats()).values()) {
    if (stats.type === "inbound-rtp") console.log(JSON.stringify(stats));
  }
}

function record(track, file) {
  const sink = new wrtc.nonstandard.RTCAudioSink(track);
  sink.ondata = ({ samples }) => writeSync(file, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
}

if (options.sound) {
  const file = openSync(options.sound, "w");
  call.ontrack = ({ track }) => record(track, file);
}

const [host, port] = options.whip.split(":");
const server = createServer(async (request, response) => {
  let offer = "";
  for await (const part of request) offer += part;
  response.writeHead(201, { "content-type": "application/sdp", location: "/whip/call" });
  response.end(await answerTo(offer));
});
server.listen(Number(port), host, () => console.error(`Waiting for an offer at http://${options.whip}/whip`));
setInterval(report, Number(options["every-ms"]));

call.onconnectionstatechange = () => {
  if (["closed", "disconnected", "failed"].includes(call.connectionState)) process.exit(0);
};
