/**
 * The desk by keyboard: `/` looks for a senior, `j` and `k` go from card to card, `a` takes, `r` asks the robot,
 * `1` to `4` resolve what one owns, `o` opens, `m` mutes, `?` explains. Every key is a button on the screen too.
 */

const OUTCOMES = { 1: "real", 2: "false_alarm", 3: "equipment", 4: "test" };

export function listenForKeys(sound) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    const act = KEYS[event.key] ?? (OUTCOMES[event.key] ? () => resolve(OUTCOMES[event.key]) : null);
    if (!act) return;
    event.preventDefault();
    act(sound);
  });
  for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", showHelp);
}

const KEYS = {
  "/": () => document.querySelector("[data-find]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  a: () => press("[data-act=acknowledge]"),
  r: () => press("[data-act=ask]"),
  o: () => current()?.querySelector("h3 a, a.alert-line")?.click(),
  e: () => openResolution(),
  m: (sound) => sound.muteNow(),
  s: (sound) => sound.toggle(),
  "?": () => showHelp(),
};

function isTyping(target) {
  if (document.querySelector("dialog[open]")) return true;
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || isTextField(target);
}

function isTextField(target) {
  return target.tagName === "INPUT" && !["radio", "checkbox", "button", "submit"].includes(target.type);
}

function cards() {
  return [...document.querySelectorAll("[data-card]")].filter((card) => card.checkVisibility());
}

/** The card in which the person is; on a page about one emergency, that one. */
function current() {
  const listed = cards();
  return document.activeElement?.closest("[data-card]") ?? (listed.length === 1 ? listed[0] : null);
}

function move(step) {
  const listed = cards();
  if (!listed.length) return;
  const at = listed.indexOf(document.activeElement?.closest("[data-card]"));
  const next = listed[at < 0 ? (step > 0 ? 0 : listed.length - 1) : Math.min(Math.max(at + step, 0), listed.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(selector) {
  const button = current()?.querySelector(`button${selector}`);
  if (button && !button.disabled) button.click();
}

function openResolution() {
  const details = current()?.querySelector("details.resolve");
  if (!details) return;
  details.open = true;
  details.querySelector("button, textarea")?.focus();
}

/** Only what one owns is resolved by a single key: for somebody else's the outcome has to be opened first. */
function resolve(outcome) {
  current()?.querySelector(`.outcomes.is-mine button[value=${outcome}], .resolve[open] button[value=${outcome}]`)?.click();
}

function showHelp() {
  document.getElementById("key-help")?.showModal();
}
