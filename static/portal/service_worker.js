/**
 * The site's service worker: shows what comes by push, says back that it was shown, and lets a person take an emergency
 * from the notification itself. A tap only opens a page; what changes something is a button, and goes out as a POST.
 */

const ICON = "/static/portal/icon-192.png";
const BADGE = "/static/portal/badge-96.png";
const URGENT = new Set(["alert", "ask", "call"]);
const ANSWER_WITHIN_MS = 15_000;

// the one page that is there without a network, with what it needs; no page with anybody's data is ever kept
const OFFLINE = "/offline/";
const SINCE = "/offline/since";
const KEPT = "offline-2";

self.addEventListener("install", (event) => event.waitUntil(keepOfflinePage().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(dropOldCaches().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(request));
  else if (new URL(request.url).pathname.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(request)) ?? Response.error()));
  }
});

async function keepOfflinePage() {
  const cache = await caches.open(KEPT);
  const answer = await fetch(OFFLINE, { cache: "no-store" });
  const text = await answer.clone().text();
  const needed = [...text.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map((match) => match[1]);
  await cache.put(OFFLINE, answer);
  await cache.addAll(needed);
  // what its script imports has a name that only the script knows
  for (const path of needed.filter((one) => one.endsWith(".js"))) {
    const script = await (await cache.match(path)).text();
    const imports = [...script.matchAll(/from "(\.[^"]+)"/g)].map((match) => new URL(match[1], self.location.origin + path));
    await cache.addAll(imports.map((url) => url.pathname));
  }
}

async function dropOldCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
}

/** The page from the network, else the offline page; and since when it has been away. */
async function navigate(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    await cache.delete(SINCE);
    return answer;
  } catch (error) {
    if (!(await cache.match(SINCE))) await cache.put(SINCE, new Response(String(Date.now())));
    const page = await cache.match(OFFLINE);
    if (page) return page;
    throw error;
  }
}

self.addEventListener("push", (event) => event.waitUntil(show(read(event.data))));

self.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  notification.close();
  event.waitUntil(action === "act" ? act(notification.data) : open(notification.data.url));
});

/** A push that cannot be read still has to be shown: the browser takes the permission away otherwise. */
function read(data) {
  try {
    return data.json();
  } catch {
    return { title: "안부", body: "확인할 알림이 있습니다.", url: "/", purpose: "notice", words: {} };
  }
}

async function show(message) {
  const buttons = message.act ? [{ action: "act", title: message.act.label }] : [];
  if (message.url && message.open) buttons.push({ action: "open", title: message.open });
  const isUrgent = URGENT.has(message.purpose);
  await self.registration.showNotification(message.title, {
    body: message.body,
    lang: message.lang,
    tag: message.topic || undefined,
    renotify: Boolean(message.topic) && isUrgent,
    silent: message.purpose === "taken",
    requireInteraction: isUrgent,
    icon: ICON,
    badge: BADGE,
    timestamp: Date.now(),
    actions: buttons,
    data: message,
  });
  if (message.received) await post(message.received).catch(() => null);
}

/** Does what the button says, and puts what came of it where the notification was. */
async function act(message) {
  const word = await post(message.act).then(sayAnswer, () => "failed");
  await self.registration.showNotification(message.title, {
    body: message.words[word] ?? message.words.failed,
    lang: message.lang,
    tag: message.topic || undefined,
    silent: true,
    icon: ICON,
    badge: BADGE,
    data: { url: message.url },
  });
}

async function sayAnswer(response) {
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer.is_yours ? "done" : "other";
  return { already_resolved: "over", not_owner: "other" }[answer.code] ?? "failed";
}

function post({ url, token }) {
  return fetch(url, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ token }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
}

/** A page of ours that is open already, else a new one. Only the path counts: this worker knows its own site alone. */
async function open(url) {
  const { pathname } = new URL(url || "/", self.location.origin);
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const page of pages) {
    if (new URL(page.url).pathname === pathname) return page.focus();
  }
  return self.clients.openWindow(pathname);
}
