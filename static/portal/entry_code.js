/** Entry codes: shown on demand for a minute, since the screen stands where others pass by. And the page's print button. */

import { call } from "./api.js";

const SHOWN_MS = 60_000;

/** @param {{words: DOMStringMap, notify: (text: string, failed?: boolean) => void}} page */
export function offerEntryCodes({ words, notify }) {
  document.addEventListener("click", async (event) => {
    if (event.target.closest("[data-print]")) return print();
    const button = event.target.closest("[data-reveal]");
    if (!button) return;
    const place = button.closest("[data-senior]");
    const output = place.querySelector(".entry-text");
    try {
      const { entry_code: code } = await call("POST", `/seniors/${place.dataset.senior}/entry-code`, {});
      output.textContent = code;
      output.hidden = false;
      button.hidden = true;
      setTimeout(() => {
        output.textContent = "";
        output.hidden = true;
        button.hidden = false;
      }, SHOWN_MS);
    } catch {
      notify(words.failed, true);
    }
  });
}
