/** Tries the ways a picture could take to this browser, and says which of them work. */

import { gathered } from "./camera.js";

const WITHIN_MS = 10_000;
const page = document.querySelector("[data-camera-check]");
const words = page.dataset;
const servers = JSON.parse(document.getElementById("camera-ice-servers").textContent);

function say(step, text) {
  page.querySelector(`[data-step="${step}"]`).textContent = text;
}

class Unreachable extends Error {}

/** Milliseconds that an echo through the relay takes. Throws Unreachable (no relay) or Error (no way there). */
async function echo(iceTransportPolicy) {
  const peer = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy });
  try {
    const channel = peer.createDataChannel("check");
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const response = await fetch(words.cameraCheck, {
      method: "POST",
      headers: { "X-CSRFToken": token, "Content-Type": "application/sdp" },
      body: peer.localDescription.sdp,
    });
    if (!response.ok) throw new Unreachable();
    const { sdp } = await response.json();
    await peer.setRemoteDescription({ type: "answer", sdp });
    return await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("no way")), WITHIN_MS);
      let sentAt = 0;
      channel.onopen = () => {
        sentAt = performance.now();
        channel.send("안부");
      };
      channel.onmessage = () => resolve(Math.max(1, Math.round(performance.now() - sentAt)));
    });
  } finally {
    peer.close();
  }
}

async function tryWay(step, policy) {
  say(step, words.running);
  try {
    say(step, words.okMs.replace("{n}", await echo(policy)));
    return true;
  } catch (error) {
    say(step, words.no);
    if (error instanceof Unreachable) throw error;
    return false;
  }
}

async function check() {
  const verdict = page.querySelector("[data-verdict]");
  verdict.textContent = "";
  const codecs = RTCRtpReceiver.getCapabilities("video").codecs.map((codec) => codec.mimeType);
  const plays = ["video/H264", "video/VP8"].every((name) => codecs.includes(name));
  say("player", plays ? words.ok : words.no);
  say("relay", words.running);
  const hasTurn = servers.some((server) => [server.urls].flat().some((url) => url.startsWith("turn")));
  let direct = false;
  let turn = false;
  try {
    direct = await tryWay("direct", "all");
    say("relay", words.ok);
    if (hasTurn) turn = await tryWay("turn", "relay");
    else say("turn", words.unset);
  } catch {
    say("relay", words.no);
    verdict.textContent = words.adviceRelay;
    return;
  }
  if (!plays) verdict.textContent = words.advicePlayer;
  else if (hasTurn && !turn) verdict.textContent = words.adviceTurn;
  else if (!direct) verdict.textContent = turn ? words.adviceDirect : words.adviceNothing;
  else verdict.textContent = words.adviceFine;
}

async function run() {
  const button = page.querySelector("[data-again]");
  button.disabled = true;
  await check();
  button.disabled = false;
}

page.querySelector("[data-again]").addEventListener("click", run);
run();
