/** A person's own channels: this browser's subscription, addresses, quiet hours, tests. */

import { ApiError, call, fetchPart } from "./api.js";

const page = document.getElementById("channels");
const words = page.dataset;
const browser = document.getElementById("this-browser");
const state = document.getElementById("channels-state");
const LOOKS_AFTER_A_TEST = 20;

function say(text, failed = false) {
  const line = document.getElementById("channels-said");
  line.textContent = text;
  line.classList.toggle("warning-text", failed);
}

async function redraw() {
  state.replaceChildren(await fetchPart(words.state));
  await showBrowser();
}

async function attempt(work, done = words.saved) {
  try {
    await work();
    say(done);
    await redraw();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say({ code_wrong: words.codeWrong, invalid: words.invalid, throttled: words.throttled }[error.code] ?? words.failed, true);
  }
}

// -- this browser

function decodeKey(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

async function currentSubscription() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

async function showBrowser() {
  const isPossible = "serviceWorker" in navigator && "PushManager" in window && words.key;
  let mode = isPossible ? "off" : "impossible";
  if (isPossible && Notification.permission === "denied") mode = "denied";
  if (mode === "off" && (await currentSubscription())) mode = "on";
  browser.dataset.mode = mode;
  for (const part of browser.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== mode;
}

async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") return showBrowser();
  await navigator.serviceWorker.register("/service-worker.js", { scope: "/" });
  const registration = await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: decodeKey(words.key) })
    .catch((error) => {
      throw new ApiError(0, error.name, error.message);
    });
  await keep(subscription);
}

/** Tells the server of the subscription; again is harmless, and mends one that the browser has renewed. */
function keep(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  const name = browser.querySelector("[name=browser-name]").value.trim() || describeBrowser();
  return call("POST", "/notification-endpoints", { kind: "web_push", address: endpoint, keys, name });
}

function describeBrowser() {
  const brand = navigator.userAgentData?.brands?.find((one) => !/not/i.test(one.brand))?.brand;
  const system = navigator.userAgentData?.platform || navigator.platform || "";
  return [brand, system].filter(Boolean).join(" · ").slice(0, 100);
}

async function unsubscribe() {
  const subscription = await currentSubscription();
  await subscription?.unsubscribe();
  const host = subscription && new URL(subscription.endpoint).host;
  const rows = [...state.querySelectorAll("[data-endpoint][data-kind=web_push]")];
  const mine = rows.filter((row) => row.dataset.address === host);
  // several browsers of one maker look alike here; an address that is gone removes itself at the next message
  if (mine.length === 1) await call("DELETE", `/notification-endpoints/${mine[0].dataset.endpoint}`);
}

// -- the list

function order(row, step) {
  const rows = [...state.querySelectorAll("[data-endpoint]")];
  const place = rows.indexOf(row);
  const target = place + step;
  if (target < 0 || target >= rows.length) return null;
  [rows[place], rows[target]] = [rows[target], rows[place]];
  const ids = rows.map((one) => Number(one.dataset.endpoint));
  return call("PATCH", "/notification-endpoints", { endpoint_ids: ids });
}

async function test(path) {
  const { notification_id: id } = await call("POST", `${path}/test`);
  for (let look = 0; look < LOOKS_AFTER_A_TEST; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    state.replaceChildren(await fetchPart(words.state));
    if (state.querySelector(`[data-notification="${id}"]`)?.dataset.settled === "true") return;
  }
}

const ROW_ACTS = {
  up: ({ row }) => order(row, -1),
  down: ({ row }) => order(row, 1),
  remove: ({ path }) => call("DELETE", path),
  test: ({ path }) => test(path),
  code: ({ path }) => call("POST", `${path}/code`),
};
const DONE = { test: words.tested, code: words.codeSent };

page.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-channel]");
  if (!button) return;
  const act = button.dataset.channel;
  if (act === "subscribe") return attempt(subscribe);
  if (act === "unsubscribe") return attempt(unsubscribe);
  const row = button.closest("[data-endpoint]");
  button.disabled = true;
  return attempt(() => ROW_ACTS[act]({ row, path: `/notification-endpoints/${row.dataset.endpoint}` }), DONE[act]).finally(
    () => (button.disabled = false),
  );
});

page.addEventListener("change", (event) => {
  const box = event.target.closest("input[type=checkbox][data-field]");
  if (!box) return;
  const { endpoint } = box.closest("[data-endpoint]").dataset;
  attempt(() => call("PATCH", `/notification-endpoints/${endpoint}`, { [box.dataset.field]: box.checked }));
});

page.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-form]");
  if (!form) return;
  event.preventDefault();
  const given = new FormData(form);
  const endpoint = form.closest("[data-endpoint]")?.dataset.endpoint;
  const path = `/notification-endpoints/${endpoint}`;
  if (form.dataset.form === "add") {
    const values = { kind: given.get("kind"), address: given.get("address") };
    attempt(() => call("POST", "/notification-endpoints", values).then(() => form.reset()), words.codeSent);
  }
  if (form.dataset.form === "verify") {
    attempt(() => call("POST", `${path}/verify`, { code: given.get("code") }), words.verified);
  }
  if (form.dataset.form === "quiet") {
    const quiet = { quiet_from: given.get("from") || null, quiet_until: given.get("until") || null };
    attempt(() => call("PATCH", path, quiet));
  }
});

await showBrowser();
if (browser.dataset.mode === "on") await currentSubscription().then(keep).catch(() => null);
