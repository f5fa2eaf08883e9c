/**
 * The staff socket: keeps itself connected, knows how far it has read, and knows when it is deaf.
 *
 * States: "connecting" (coming back), "live" (heard within DEAF_MS), "lost" (nothing for DEAF_MS), "refused" (may not),
 * "signed-out" (the session ended). A message is handed on after the cursor took it in.
 */

const DEAF_MS = 18_500; // a pulse comes each 10 s: one was missed, and the next is about due
const CHECK_MS = 500;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const SESSION_ENDED = 4401;
const FORBIDDEN = 4403;

export class StaffSocket {
  /** @param {{onMessage: (message: object) => void, onState: (state: string) => void}} listener */
  constructor(listener) {
    this.listener = listener;
    this.state = "connecting";
    this.socket = null;
    this.lastSeq = null;
    this.resuming = false;
    this.failures = 0;
    this.heardAt = performance.now();
    this.sent = 0;
    this.timer = 0;
    setInterval(() => this.checkHearing(), CHECK_MS);
    addEventListener("online", () => this.reconnectNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.checkHearing());
    addEventListener("pagehide", () => this.socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.reconnectNow());
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/staff/`);
    this.socket = socket;
    socket.onmessage = (event) => this.socket === socket && this.take(event.data);
    socket.onclose = (event) => this.socket === socket && this.ended(event.code);
  }

  /** Sends when connected, else drops: what must arrive goes through the API. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.sent += 1;
    this.socket.send(JSON.stringify({ id: String(this.sent), ...message }));
    return true;
  }

  take(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not ours to guess at; the next pulse tells whether we are behind
    }
    this.heardAt = performance.now();
    this.failures = 0;
    this.become("live");
    this.follow(message);
    this.listener.onMessage(message);
  }

  /** Keeps the cursor, and asks for what was missed. */
  follow(message) {
    if (message.type === "hello") {
      if (this.lastSeq !== null && !message.reset) this.resume();
      else this.lastSeq = message.head_seq;
    } else if (message.type === "resumed") {
      this.resuming = false;
      this.lastSeq = message.head_seq;
    } else if (typeof message.seq === "number") {
      this.lastSeq = Math.max(this.lastSeq ?? 0, message.seq);
    } else if (message.type === "pulse" && this.lastSeq !== null && message.head_seq > this.lastSeq) {
      this.resume();
    }
    if (message.type === "hello" && message.reset) this.resuming = false;
  }

  resume() {
    if (this.resuming) return;
    this.resuming = this.send({ type: "resume", last_seq: this.lastSeq });
  }

  ended(code) {
    this.socket = null;
    this.resuming = false;
    if (code === SESSION_ENDED) return this.become("signed-out");
    if (code === FORBIDDEN) return this.become("refused");
    if (this.state === "live") this.become("connecting");
    this.failures += 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
    clearTimeout(this.timer);
    // spread out, since a restarted server meets every page at once
    this.timer = setTimeout(() => this.connect(), longest * (0.5 + Math.random() / 2));
  }

  reconnectNow() {
    if (this.state === "signed-out" || this.state === "refused") return;
    clearTimeout(this.timer);
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.connect();
  }

  checkHearing() {
    if (this.state === "signed-out" || this.state === "refused") return;
    if (performance.now() - this.heardAt < DEAF_MS) return;
    const wasLive = this.state === "live";
    this.become("lost");
    // open and silent is worse than closed: begin anew
    if (wasLive) this.reconnectNow();
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.listener.onState(state);
  }
}
