/** A field that finds a senior by name or address as one types: never a list of all of them. */

import { call } from "./api.js";

const TYPED_FOR_MS = 200;

export function offerSeniors(root = document) {
  for (const field of root.querySelectorAll("[data-find-staff]")) watchStaff(field);
  for (const picker of root.querySelectorAll("[data-picker]")) watch(picker);
}

function watch(picker) {
  const field = picker.querySelector("input[list]");
  const list = picker.querySelector("datalist");
  const chosen = picker.querySelector("input[type=hidden]");
  const known = new Map(); // what stands in the field -> senior_id
  let timer = 0;
  field.addEventListener("input", () => {
    chosen.value = known.get(field.value) ?? "";
    field.setCustomValidity("");
    clearTimeout(timer);
    if (!chosen.value && field.value.trim()) timer = setTimeout(find, TYPED_FOR_MS);
  });

  async function find() {
    const asked = field.value.trim();
    const answer = await call("GET", `/seniors?page_size=8&search=${encodeURIComponent(asked)}`).catch(() => null);
    if (!answer || field.value.trim() !== asked) return;
    list.replaceChildren(
      ...answer.results.map((senior) => {
        const text = `${senior.full_name} · ${senior.address}`;
        known.set(text, senior.senior_id);
        return new Option("", text);
      }),
    );
    // one match needs no choosing
    if (answer.results.length === 1 && answer.results[0].full_name === asked) chosen.value = answer.results[0].senior_id;
  }
}

/** The same for staff: the options carry `data-staff`. */
function watchStaff(field) {
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const response = await fetch(`${field.dataset.findStaff}?search=${encodeURIComponent(field.value.trim())}`);
      if (!response.ok) return;
      const { results } = await response.json();
      field.list.replaceChildren(
        ...results.map((person) => {
          const option = new Option(person.role, person.text);
          option.dataset.staff = person.staff_id;
          return option;
        }),
      );
    }, TYPED_FOR_MS);
  });
}
