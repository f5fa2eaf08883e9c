/** Joins a page to the staff socket: its live parts, its own connection state, spans that go on, and receipts. */

import { Camera } from "./camera.js";
import { listenForActs } from "./emergency.js";
import { offerEntryCodes } from "./entry_code.js";
import { listenForKeys } from "./keyboard.js";
import { Part } from "./parts.js";
import { offerSeniors } from "./senior_picker.js";
import { offerVisits } from "./visit.js";
import { AlarmSound } from "./sound.js";
import { StaffSocket } from "./staff_socket.js";

const words = document.getElementById("live-words").dataset;
const unreceived = new Map(); // delivery_id -> log_id, until this page shows that emergency
let clockOffset = 0; // the server's clock minus ours

const parts = [...document.querySelectorAll("[data-part]")].map(
  (element) => new Part(element, { drawn: afterDrawing, failed: afterFailing }),
);
const socket = new StaffSocket({ onMessage: takeMessage, onState: showState });
const cameras = [...document.querySelectorAll("[data-camera]")].map((panel) => new Camera(panel, socket));

function takeMessage(message) {
  if (message.server_time) clockOffset = Date.parse(message.server_time) - Date.now();
  if (message.delivery_id) unreceived.set(message.delivery_id, String(message.emergency.log_id));
  for (const part of parts) if (part.concerns(message)) part.refresh();
  for (const camera of cameras) camera.take(message);
  confirmShown();
}

/** Says "received" for alerts that stand on a page somebody can see. */
function confirmShown() {
  if (document.hidden) return;
  for (const [deliveryId, logId] of unreceived) {
    if (!document.querySelector(`[data-log="${logId}"]`)) continue;
    if (socket.send({ type: "delivery.received", delivery_id: deliveryId })) unreceived.delete(deliveryId);
  }
}

function afterDrawing() {
  tick();
  confirmShown();
  showTitle();
}

function afterFailing(error) {
  if (error.status === 401) signOut();
}

function showTitle() {
  const open = document.querySelectorAll(".card.status-open").length;
  const plain = document.title.replace(/^\(\d+\) /, "");
  document.title = open ? `(${open}) ${plain}` : plain;
}

function showState(state) {
  for (const camera of cameras) camera.takeState(state);
  if (state === "signed-out") return signOut();
  const sign = document.getElementById("connection");
  if (!sign) return;
  sign.dataset.state = state;
  sign.dataset.short = { live: words.connectedShort, connecting: words.connectingShort }[state] ?? words.lostShort;
  const text = { live: words.connected, connecting: words.connecting, lost: words.lost, refused: words.refused }[state];
  sign.querySelector(".connection-text").textContent = text;
}

function signOut() {
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`${words.login}?next=${next}`);
}

function say(seconds) {
  const fill = (pattern, values) => pattern.replace(/\{(\w)\}/g, (_all, name) => values[name]);
  if (seconds < 60) return fill(words.seconds, { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return fill(words.minutes, { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return fill(words.hours, { h: hours, m: minutes % 60 });
  return fill(words.days, { n: Math.floor(hours / 24) });
}

function tick() {
  const now = Date.now() + clockOffset;
  for (const element of document.querySelectorAll("time[data-elapsed]")) {
    const text = say(Math.max(0, Math.floor((now - Date.parse(element.dateTime)) / 1000)));
    if (element.textContent !== text) element.textContent = text;
  }
}

let noticeTimer = 0;
/** @param {{log: string}} [undo] what the notice offers to open again */
function notify(text, failed = false, undo = null) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.undo;
    Object.assign(button.dataset, { act: "undo", log: undo.log });
    notice.append(button);
  }
  notice.classList.toggle("is-failure", failed);
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.hidden = true), failed || undo ? 8_000 : 3_000);
}

// what no message tells of is looked at again and again, while somebody can see it
for (const part of parts) {
  const every = Number(part.element.dataset.every);
  if (every) setInterval(() => document.hidden || part.refresh(), every * 1_000);
}
document.querySelector("[data-print]")?.addEventListener("click", () => print());
listenForActs({ words, notify, done: () => parts.forEach((part) => part.refresh()) });
const bar = document.getElementById("sound");
if (bar) listenForKeys(new AlarmSound(bar, words));
document.addEventListener("visibilitychange", confirmShown);
for (const part of parts) {
  const every = Number(part.element.dataset.every);
  // what no message tells of, and only while somebody looks
  if (every) setInterval(() => document.hidden || part.refresh(), every * 1_000);
}
setInterval(tick, 1_000);
offerSeniors();
offerVisits();
offerEntryCodes({ words, notify });
showTitle();
socket.connect();
// only where the browser allows one: on https, or on this very machine
navigator.serviceWorker?.register(words.worker).catch(() => null);
