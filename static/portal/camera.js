/**
 * A senior's camera on this page: asks for it over the staff socket, shows it, and says in words how it stands.
 *
 * States: idle, waiting (for the robot), connecting, live, frozen, ended. A new offer for the same stream replaces its
 * connection. Nothing is kept: a still picture lives in this page alone.
 */

const CONNECTS_WITHIN_MS = 10_000;
const FROZEN_AFTER_MS = 2_000;

export class Camera {
  /**
   * @param {HTMLElement} panel
   * @param {{send: (message: object) => boolean}} socket
   */
  constructor(panel, socket) {
    this.panel = panel;
    this.socket = socket;
    this.words = panel.dataset;
    this.state = "idle";
    this.requestId = null;
    this.streamId = null;
    this.peer = null;
    this.talkPeer = null;
    this.endsAt = null;
    this.frameAt = 0;
    this.connectTimer = 0;
    this.find = (name) => panel.querySelector(`[data-camera-${name}]`);
    this.video = this.find("video");
    this.find("ask").addEventListener("submit", (event) => this.ask(event));
    this.find("leave").addEventListener("click", () => this.leave());
    this.find("prolong").addEventListener("click", () => this.say("stream.prolong"));
    this.find("still").addEventListener("click", () => this.keepStill());
    this.find("sound").addEventListener("click", (event) => this.switchSound(event.currentTarget));
    this.listenForTalk(this.find("talk"));
    addEventListener("pagehide", () => this.leave());
    setInterval(() => this.tick(), 500);
  }

  ask(event) {
    event.preventDefault();
    const reason = new FormData(event.target).get("reason").trim();
    if (!reason || this.requestId) return;
    this.requestId = `camera-${crypto.randomUUID()}`;
    this.askedAt = performance.now();
    const sent = this.socket.send({
      id: this.requestId,
      type: "stream.request",
      senior_id: Number(this.panel.dataset.senior),
      reason,
      break_glass: "breakGlass" in this.panel.dataset,
    });
    if (sent) this.become("waiting", this.words.waiting);
    else this.end("socket");
  }

  /** A message of the staff socket, if it is about this camera. */
  take(message) {
    const isOurs = message.stream_id ? message.stream_id === this.streamId : message.about === this.requestId;
    if (!this.requestId) return;
    if (message.type === "stream.offer" && message.about === this.requestId) this.connect(message);
    else if (message.type === "error" && message.about === this.requestId) this.end(message.code);
    else if (message.type === "error" && message.code === "talk_busy") this.tell(this.words.talkBusy);
    else if (!isOurs && message.type !== "stream.viewers") return;
    else if (message.type === "stream.candidate") this.addCandidate(message.candidate);
    else if (message.type === "stream.viewers") this.showViewers(message);
    else if (message.type === "stream.ended") this.end(message.reason);
    else if (message.type === "talk.ready") this.talkPeer?.setRemoteDescription({ type: "answer", sdp: message.sdp });
  }

  /** The socket's own state: without it nobody can end this view, so the server has ended it. */
  takeState(state) {
    if (state !== "live" && this.requestId) this.end("socket");
  }

  async connect(offer) {
    this.streamId = offer.stream_id;
    this.dropPeer();
    const peer = new RTCPeerConnection({ iceServers: offer.ice_servers });
    this.peer = peer;
    this.become("connecting", this.words.connecting);
    this.connectTimer = setTimeout(() => this.peer === peer && this.fail(), CONNECTS_WITHIN_MS);
    peer.ontrack = (event) => this.show(event);
    peer.onicecandidate = ({ candidate }) => {
      const { candidate: text, sdpMid, sdpMLineIndex } = candidate ?? {};
      const told = candidate && text ? { candidate: text, sdpMid, sdpMLineIndex } : null;
      this.say("stream.candidate", { candidate: told });
    };
    peer.onconnectionstatechange = () => this.peer === peer && peer.connectionState === "failed" && this.fail();
    try {
      await peer.setRemoteDescription({ type: "offer", sdp: offer.sdp });
      await peer.setLocalDescription(await peer.createAnswer());
    } catch {
      this.leave();
      this.end("failed");
      return;
    }
    this.say("stream.answer", { sdp: peer.localDescription.sdp });
  }

  /** Words of a stream that is over are not said any more. */
  say(type, fields = {}) {
    if (this.streamId) this.socket.send({ type, stream_id: this.streamId, ...fields });
  }

  addCandidate(candidate) {
    this.peer?.addIceCandidate(candidate ?? undefined).catch(() => {}); // one of several ways did not fit
  }

  show({ track }) {
    if (!this.video.srcObject) this.video.srcObject = new MediaStream();
    for (const old of this.video.srcObject.getTracks()) {
      if (old.kind === track.kind) this.video.srcObject.removeTrack(old);
    }
    this.video.srcObject.addTrack(track);
    if (track.kind === "audio") this.find("sound").hidden = false;
    this.find("stage").hidden = false;
    this.video.play().catch(() => {}); // the page was left
    const peer = this.peer;
    const seen = () => {
      if (this.peer !== peer) return;
      this.frameAt = performance.now();
      if (this.state !== "live") this.becomeLive();
      this.video.requestVideoFrameCallback(seen);
    };
    if (track.kind === "video") this.video.requestVideoFrameCallback(seen);
  }

  becomeLive() {
    clearTimeout(this.connectTimer);
    if (this.state === "connecting") this.panel.dataset.firstFrameMs = Math.round(performance.now() - this.askedAt);
    this.find("tools").hidden = false;
    this.become("live", this.words.live);
  }

  showViewers({ stream_id, viewers, seconds_left, can_prolong }) {
    this.streamId ??= stream_id;
    const names = viewers.map((viewer) => viewer.full_name).join(", ");
    this.find("viewers").textContent = names ? this.words.others.replace("{names}", names) : this.words.alone;
    if (typeof seconds_left === "number") this.endsAt = performance.now() + seconds_left * 1000;
    this.find("prolong").hidden = !can_prolong;
  }

  tick() {
    if (!this.requestId) return;
    this.find("clock").textContent = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
    if (this.peer && this.endsAt) {
      const left = Math.max(0, Math.round((this.endsAt - performance.now()) / 1000));
      const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      this.find("left").textContent = this.words.left.replace("{n}", text);
    }
    const still = performance.now() - this.frameAt;
    if ((this.state === "live" || this.state === "frozen") && still > FROZEN_AFTER_MS) {
      this.become("frozen", this.words.frozen.replace("{n}", Math.floor(still / 1000)));
    }
  }

  leave() {
    this.say("stream.leave");
    if (this.streamId) this.end("stopped");
  }

  fail() {
    this.say("stream.leave");
    this.end("blocked");
  }

  end(reason) {
    if (!this.requestId) return;
    this.requestId = this.streamId = this.endsAt = null;
    this.stopTalk();
    this.dropPeer();
    this.video.srcObject = null;
    for (const name of ["stage", "tools", "sound"]) this.find(name).hidden = true;
    this.find("viewers").textContent = "";
    const key = `ended-${reason}`.replace(/[-_](\w)/g, (_all, letter) => letter.toUpperCase());
    this.become("ended", this.words[key] ?? this.words.endedFailed);
  }

  dropPeer() {
    clearTimeout(this.connectTimer);
    this.peer?.close();
    this.peer = null;
  }

  become(state, text) {
    this.state = this.panel.dataset.state = state;
    this.find("ask").hidden = state !== "idle" && state !== "ended";
    this.tell(text);
  }

  tell(text) {
    const line = this.find("state");
    if (line.textContent !== text) line.textContent = text;
  }

  keepStill() {
    const figure = this.find("snapshot");
    const canvas = figure.querySelector("canvas");
    canvas.width = this.video.videoWidth;
    canvas.height = this.video.videoHeight;
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    const clock = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
    figure.querySelector("figcaption").textContent = this.words.still.replace("{clock}", clock);
    figure.hidden = false;
  }

  switchSound(button) {
    this.video.muted = !this.video.muted;
    button.setAttribute("aria-pressed", String(!this.video.muted));
  }

  // -- push to talk

  listenForTalk(button) {
    if (!button) return;
    button.addEventListener("pointerdown", () => this.startTalk());
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(name, () => this.stopTalk());
    }
    button.addEventListener("keydown", (event) => event.key === " " && !event.repeat && this.startTalk());
    button.addEventListener("keyup", (event) => event.key === " " && this.stopTalk());
  }

  async startTalk() {
    if (this.talkPeer || !this.streamId) return;
    const peer = (this.talkPeer = new RTCPeerConnection({ iceServers: this.peer?.getConfiguration().iceServers ?? [] }));
    try {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.talkPeer !== peer) {
        for (const track of voice.getTracks()) track.stop();
        return;
      }
      this.voice = voice;
      peer.addTransceiver(voice.getAudioTracks()[0], { direction: "sendonly" });
      await peer.setLocalDescription(await peer.createOffer());
      await gathered(peer);
      if (this.talkPeer !== peer) return;
      this.say("talk.start", { sdp: peer.localDescription.sdp });
      this.tell(this.words.speaking);
    } catch {
      this.stopTalk();
      this.tell(this.words.noMicrophone);
    }
  }

  stopTalk() {
    if (!this.talkPeer) return;
    this.say("talk.stop");
    this.talkPeer.close();
    this.talkPeer = null;
    for (const track of this.voice?.getTracks() ?? []) track.stop();
    this.voice = null;
    if (this.state === "live") this.tell(this.words.live);
  }
}

/** Resolves when the connection's description names every way to it that was found, at the latest after 3 s. */
export function gathered(peer) {
  return new Promise((resolve) => {
    const look = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, 3_000);
    look();
  });
}
