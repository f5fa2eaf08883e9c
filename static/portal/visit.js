/**
 * Visits that were written where there was no network. What is typed is kept as it is typed; what was sent without an
 * answer waits on this device and goes out from any page of the portal once there is one. Sent twice it is kept once,
 * since each visit has an id of its own.
 */

const DRAFT = "anbu.visit.draft.";
const WAITING = "anbu.visit.waiting";

export function readWaiting() {
  return JSON.parse(localStorage.getItem(WAITING) ?? "[]");
}

/** Sends what waits. Returns how many are left. */
export async function sendWaiting() {
  let left = readWaiting();
  for (const visit of left) {
    const outcome = await send(visit);
    if (outcome === "away") break;
    // what the server refuses for good stays as a draft on the form, not in the queue for ever
    if (outcome === "kept" || outcome === "refused") left = left.filter((one) => one.fields.visit_id !== visit.fields.visit_id);
    localStorage.setItem(WAITING, JSON.stringify(left));
    if (outcome === "signed-out") break;
  }
  return left.length;
}

async function send({ url, fields }) {
  const token = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="))?.slice(10) ?? "";
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { "X-CSRFToken": token },
      redirect: "manual",
      signal: AbortSignal.timeout(15_000),
    });
    if (response.ok) return "kept";
    return response.type === "opaqueredirect" || response.status === 403 ? "signed-out" : response.status < 500 ? "refused" : "away";
  } catch {
    return "away";
  }
}

export function offerVisits() {
  addEventListener("online", () => sendWaiting().then(showState));
  const form = document.getElementById("visit-form");
  if (!form) return void (readWaiting().length && sendWaiting());
  const key = DRAFT + form.dataset.visit;
  const draft = JSON.parse(localStorage.getItem(key) ?? "null");
  if (draft) {
    form.elements.note.value = draft.note;
    form.elements.outcome.value = draft.outcome;
  }
  form.addEventListener("input", () => {
    localStorage.setItem(key, JSON.stringify({ note: form.elements.note.value, outcome: form.elements.outcome.value }));
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.elements.visit_id.value = crypto.randomUUID?.() ?? randomId();
    form.elements.visited_at.value = new Date().toISOString();
    const fields = Object.fromEntries(new FormData(form));
    delete fields.csrfmiddlewaretoken;
    localStorage.setItem(WAITING, JSON.stringify([...readWaiting(), { url: form.getAttribute("action"), fields }]));
    localStorage.removeItem(key);
    form.elements.note.value = "";
    showState(await sendWaiting());
  });
  if (readWaiting().length) sendWaiting().then(showState);
}

/** crypto.randomUUID is there on https alone; a phone without TLS still has an id. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
}

function showState(left) {
  const sign = document.querySelector(".visit-state");
  if (sign) sign.textContent = left ? sign.dataset.waiting : sign.dataset.sent;
}
