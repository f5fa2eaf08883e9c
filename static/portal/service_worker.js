/**
 * The site's service worker: shows what comes by push, says back that it was shown, and lets a person take an emergency
 * from the notification itself. A tap only opens a page; what changes something is a button, and goes out as a POST.
 */

const ICON = "/static/portal/icon-192.png";
const BADGE = "/static/portal/badge-96.png";
const URGENT = new Set(["alert", "ask", "call"]);
const ANSWER_WITHIN_MS = 15_000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

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
