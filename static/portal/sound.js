/**
 * The alarm's sound: on while somebody stands on the page whom nobody has taken, and never before a person switched it
 * on, since browsers allow no sound without a gesture. Each severity has a tone of its own.
 *
 * What rings is read from the page: elements with `data-rings` (the severity) and `data-log`. A mute covers those that
 * ring when it is asked for; whoever comes later rings all the same.
 */

const REMEMBERED = "anbu.sound";
const MUTE_MS = 60_000;
// frequency in Hz, start and length in s; and how long until it comes again
const PATTERNS = {
  critical: { every: 1_600, tones: [[988, 0, 0.16], [1319, 0.2, 0.16], [988, 0.4, 0.16], [1319, 0.6, 0.2]] },
  high: { every: 3_000, tones: [[784, 0, 0.2], [988, 0.26, 0.26]] },
  medium: { every: 6_000, tones: [[587, 0, 0.32]] },
};
const TEST = [[659, 0, 0.16], [784, 0.2, 0.16], [988, 0.4, 0.24]];
const ORDER = ["critical", "high", "medium"];

export class AlarmSound {
  /** @param {HTMLElement} bar holds the switch and the mute @param {DOMStringMap} words */
  constructor(bar, words) {
    this.bar = bar;
    this.words = words;
    this.context = null;
    this.isWanted = localStorage.getItem(REMEMBERED) === "on";
    this.muted = new Set();
    this.mutedUntil = 0;
    this.playedAt = -Infinity;
    this.switch = bar.querySelector("[data-sound=switch]");
    this.mute = bar.querySelector("[data-sound=mute]");
    this.switch.addEventListener("click", () => this.toggle());
    this.mute.addEventListener("click", () => this.muteNow());
    // a page that was left with sound on gets it back with the first gesture of whatever kind
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => this.isWanted && this.open(), { capture: true });
    }
    setInterval(() => this.tick(), 200);
    if (this.isWanted) this.open();
    this.show();
  }

  get isOn() {
    return this.isWanted && this.context?.state === "running";
  }

  toggle() {
    if (this.isOn) {
      this.isWanted = false;
      this.context.suspend();
    } else {
      this.isWanted = true;
      this.open().then(() => this.play(TEST));
    }
    localStorage.setItem(REMEMBERED, this.isWanted ? "on" : "off");
    this.show();
  }

  async open() {
    this.context ??= new AudioContext();
    if (this.context.state !== "running") await this.context.resume();
    this.show();
  }

  muteNow() {
    const ringing = this.ringing();
    if (!ringing.length) return;
    this.muted = new Set(ringing.map((element) => element.dataset.log));
    this.mutedUntil = performance.now() + MUTE_MS;
    this.show();
  }

  /** What stands on the page untaken and is not muted. */
  ringing() {
    const isMuted = performance.now() < this.mutedUntil;
    return [...document.querySelectorAll("[data-rings]")].filter(
      (element) => !isMuted || !this.muted.has(element.dataset.log),
    );
  }

  tick() {
    const ringing = this.ringing();
    const worst = ORDER.find((severity) => ringing.some((element) => element.dataset.rings === severity));
    document.documentElement.classList.toggle("is-ringing", Boolean(worst));
    if (worst && this.isOn && performance.now() - this.playedAt >= PATTERNS[worst].every) {
      this.playedAt = performance.now();
      this.play(PATTERNS[worst].tones);
    }
    this.show();
  }

  play(tones) {
    const start = this.context.currentTime + 0.02;
    for (const [frequency, at, length] of tones) {
      const tone = this.context.createOscillator();
      const level = this.context.createGain();
      tone.type = "triangle";
      tone.frequency.value = frequency;
      level.gain.setValueAtTime(0, start + at);
      level.gain.linearRampToValueAtTime(0.5, start + at + 0.015);
      level.gain.setValueAtTime(0.5, start + at + length - 0.04);
      level.gain.linearRampToValueAtTime(0, start + at + length);
      tone.connect(level).connect(this.context.destination);
      tone.start(start + at);
      tone.stop(start + at + length);
    }
    this.played = (this.played ?? 0) + 1;
    this.bar.dataset.played = String(this.played);
  }

  show() {
    const state = this.isOn ? "on" : this.isWanted ? "blocked" : "off";
    if (this.bar.dataset.state !== state) {
      this.bar.dataset.state = state;
      this.switch.setAttribute("aria-pressed", String(this.isOn));
      const text = { on: this.words.soundOn, off: this.words.soundOff, blocked: this.words.soundBlocked }[state];
      this.switch.querySelector(".sound-text").textContent = text;
    }
    const left = Math.ceil((this.mutedUntil - performance.now()) / 1000);
    const label = left > 0 ? this.words.mutedFor.replace("{n}", left) : this.words.mute;
    if (this.mute.textContent !== label) this.mute.textContent = label;
    const isOffered = left > 0 || (this.isOn && document.querySelector("[data-rings]") !== null);
    if (this.mute.hidden === isOffered) this.mute.hidden = !isOffered;
  }
}
