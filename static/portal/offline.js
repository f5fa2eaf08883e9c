/** The page without a network: since when, counted on, and back by itself. */

import { readWaiting } from "./visit.js";

const AGAIN_MS = 5_000;
const SINCE = "/offline/since"; // the service worker's note in its cache

async function readSince() {
  const note = await caches.match(SINCE);
  return note ? Number(await note.text()) : Date.now();
}

const since = await readSince();
const line = document.querySelector(".offline-since");
const visits = document.querySelector(".offline-visits");

function show() {
  const clock = new Intl.DateTimeFormat("ko-KR", { hour: "2-digit", minute: "2-digit", hour12: false }).format(since);
  const minutes = Math.max(0, Math.floor((Date.now() - since) / 60_000));
  line.textContent = line.dataset.pattern.replace("{clock}", clock).replace("{n}", String(minutes));
  const waiting = readWaiting().length;
  visits.hidden = !waiting;
  visits.textContent = visits.dataset.pattern.replace("{n}", String(waiting));
}

async function tryAgain() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}

show();
setInterval(show, 1_000);
setInterval(tryAgain, AGAIN_MS);
addEventListener("online", tryAgain);
document.querySelector("[data-again]").addEventListener("click", () => location.reload());
