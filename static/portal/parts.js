/**
 * Parts of the page that the server draws: `data-part` is their address, `data-on` the messages that make them old.
 * A message is only a hint; the part is fetched anew, at most once at a time, and merged without losing what the person
 * is doing: the focus, an open form and what was typed into it stay.
 */

import { fetchPart } from "./api.js";

const SPACING_MS = 250; // a storm of hints costs four fetches a second, not one each
const AGAIN_MS = 3_000;

export class Part {
  /** @param {HTMLElement} element @param {{drawn: (part: Part) => void, failed: (error: Error) => void}} listener */
  constructor(element, listener) {
    this.element = element;
    this.listener = listener;
    this.url = element.dataset.part;
    this.kinds = new Set(element.dataset.on.split(" "));
    this.isOld = false;
    this.isBusy = false;
    this.fetchedAt = -Infinity;
  }

  /** Whether this message says that the part may show an old state. */
  concerns(message) {
    if (!this.kinds.has(message.type)) return false;
    const { aboutLog, aboutSenior } = this.element.dataset;
    const log = message.emergency?.log_id;
    if (aboutLog && log !== undefined) return String(log) === aboutLog;
    if (aboutSenior && message.senior_id !== undefined) return String(message.senior_id) === aboutSenior;
    return true;
  }

  refresh() {
    this.isOld = true;
    if (this.isBusy) return;
    this.isBusy = true;
    const wait = Math.max(0, this.fetchedAt + SPACING_MS - performance.now());
    setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    let again = 0;
    this.isOld = false;
    this.fetchedAt = performance.now();
    try {
      merge(this.element, await fetchPart(this.url));
      this.listener.drawn(this);
    } catch (error) {
      this.isOld = true;
      again = AGAIN_MS;
      this.listener.failed(error);
    }
    setTimeout(() => {
      this.isBusy = false;
      if (this.isOld) this.refresh();
    }, again);
  }
}

/** Puts `fresh` in the place of the element's content. Keyed children whose version is the same are kept as they are. */
export function merge(element, fresh) {
  const old = new Map();
  for (const child of element.querySelectorAll("[data-merge] > [data-key]")) old.set(child.dataset.key, child);
  const kept = rememberForms(element);
  for (const child of fresh.querySelectorAll("[data-merge] > [data-key]")) {
    const same = old.get(child.dataset.key);
    if (same && same.dataset.version === child.dataset.version) child.replaceWith(same);
    else if (same || old.size || element.dataset.drawn) child.classList.toggle("is-new", !same);
  }
  element.dataset.drawn = "yes";
  element.replaceChildren(fresh);
  restoreForms(element, kept);
}

function rememberForms(element) {
  const active = element.contains(document.activeElement) ? document.activeElement : null;
  const places = active ? describePlaces(active) : [];
  const forms = [...element.querySelectorAll("details[data-keep]")].map((details) => ({
    key: details.dataset.keep,
    open: details.open,
    fields: [...details.querySelectorAll("input, textarea")].map((field) => [field.name, field.value, field.checked]),
  }));
  return { forms, active, places };
}

function restoreForms(element, { forms, active, places }) {
  for (const { key, open, fields } of forms) {
    const details = element.querySelector(`details[data-keep="${key}"]`);
    if (!details) continue;
    details.open = open;
    for (const [name, value, checked] of fields) {
      for (const field of details.querySelectorAll(`[name="${name}"]`)) {
        if (field.type === "radio") field.checked = field.value === value ? checked : field.checked;
        else field.value = value;
      }
    }
  }
  if (!active) return;
  const target = active.isConnected ? active : places.map((place) => element.querySelector(place)).find(Boolean);
  target?.focus({ preventScroll: true });
}

/** Selectors that find the same control in the newly drawn part, else the card that it stood in. */
function describePlaces(active) {
  const owner = active.closest("[data-key], [data-log]");
  if (!owner) return [];
  const card = owner.dataset.key ? `[data-key="${owner.dataset.key}"]` : `[data-log="${owner.dataset.log}"]`;
  const inside = active.name ? `[name="${active.name}"]` : active.dataset.act ? `[data-act="${active.dataset.act}"]` : null;
  return inside && active.tagName !== "BUTTON" ? [`${card} ${inside}`, card] : [card];
}
