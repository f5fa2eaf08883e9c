/** What a person does about an emergency, a senior or a fault: each button's or form's `data-act` through the API. */

import { ApiError, call } from "./api.js";

const ACTS = {
  acknowledge: { word: "taken", run: ({ log }) => call("POST", `/emergencies/${log}/acknowledge`, {}) },
  ask: { word: "asked", run: ({ senior }) => call("POST", `/seniors/${senior}/safety-checks`, {}) },
  resolve: {
    word: "resolved",
    undo: true,
    run: ({ log, form }) =>
      call("POST", `/emergencies/${log}/resolve`, { outcome: form.get("outcome"), note: form.get("note") }),
  },
  reopen: {
    word: "reopened",
    run: ({ log, form }) => call("POST", `/emergencies/${log}/reopen`, { note: form.get("note") }),
  },
  undo: { word: "reopened", run: ({ data }) => call("POST", `/emergencies/${data.log}/reopen`, { note: "" }) },
  progress: {
    word: "saved",
    run: ({ log, data }) => call("POST", `/emergencies/${log}/progress`, { state: data.state }),
  },
  snooze: {
    word: "snoozed",
    run: ({ log, data }) =>
      call("POST", `/emergencies/${log}/snooze`, { until: new Date(Date.now() + data.minutes * 60_000).toISOString() }),
  },
  assign: {
    word: "assigned",
    run: ({ log, form }) => call("POST", `/emergencies/${log}/assign`, { staff_id: Number(form.get("staff")) }),
  },
  seen: {
    word: "saved",
    run: ({ data }) => Promise.all(data.faults.split(",").map((fault) => call("POST", `/faults/${fault}/seen`, {}))),
  },
  noticed: { word: "saved", run: ({ data }) => call("POST", `/notices/${data.notice}/seen`, {}) },
  away: { word: "saved", run: ({ senior }) => call("POST", `/seniors/${senior}/absence/confirm`, {}) },
  test: {
    word: "testing",
    reload: true,
    run: ({ data }) => call("POST", `/hubs/${data.hub}/test`, { minutes: 10 }),
  },
  done: {
    word: "saved",
    run: ({ task, form }) =>
      call("POST", `/tasks/${task}/done`, { outcome: form.get("outcome"), note: form.get("note") }),
  },
  entry: {
    word: "saved",
    reload: true,
    run: ({ senior, form }) => call("PUT", `/seniors/${senior}/entry-code`, { entry_code: form.get("entry_code") }),
  },
  absence: {
    word: "saved",
    reload: true,
    run: ({ senior, form }) =>
      call("PUT", `/seniors/${senior}/absence`, {
        from: new Date().toISOString(),
        until: new Date(form.get("until")).toISOString(),
        kind: form.get("kind"),
        note: form.get("note"),
      }),
  },
  away: { word: "saved", reload: true, run: ({ senior }) => call("POST", `/seniors/${senior}/absence/confirm`, {}) },
  back: { word: "saved", reload: true, run: ({ senior }) => call("DELETE", `/seniors/${senior}/absence`) },
  walk: {
    word: "testing",
    run: ({ data }) => call("POST", `/hubs/${data.hub}/test`, { minutes: 15 }),
  },
  consent: {
    word: "saved",
    reload: true,
    run: ({ senior, data }) => call("PATCH", `/seniors/${senior}`, { video_consent: data.value === "true" }),
  },
  map: {
    word: "saved",
    reload: true,
    run: ({ senior, form }) => call("PUT", `/seniors/${senior}/staff/${findStaff(form.get("person"))}`),
  },
  unmap: {
    word: "saved",
    reload: true,
    run: ({ senior, data }) => call("DELETE", `/seniors/${senior}/staff/${data.staff}`),
  },
};

function findStaff(text) {
  const option = [...document.querySelectorAll("#assignable option")].find((one) => one.value === text);
  if (!option) throw new ApiError(0, "unknown_staff", "");
  return option.dataset.staff;
}

/** The screen's word for a failed call. */
function explain(error, words) {
  if (error.status === 401) return words.signedOut;
  if (error.status === 429) return words.throttled;
  const known = {
    no_hub: words.noHub,
    already_resolved: words.alreadyResolved,
    already_done: words.alreadyDone,
    not_owner: words.notOwner,
    another_unresolved: words.anotherUnresolved,
    store_unavailable: words.storeUnavailable,
    unknown_staff: words.unknownStaff,
  };
  return known[error.code] ?? (error.status === 403 ? words.forbidden : words.failed);
}

/**
 * Listens on the whole page.
 * @param {{words: DOMStringMap, notify: (text: string, failed?: boolean) => void, done: () => void}} page
 */
export function listenForActs({ words, notify, done }) {
  async function perform(source, form, submitter) {
    const act = ACTS[source.dataset.act];
    const button = submitter ?? source;
    const about = {
      log: source.closest("[data-log]")?.dataset.log,
      task: source.closest("[data-task]")?.dataset.task,
      senior: source.closest("[data-senior]")?.dataset.senior,
      data: source.dataset,
      form,
    };
    button.disabled = true;
    try {
      await act.run(about);
      notify(words[act.word], false, act.undo ? { log: about.log } : null);
      if (act.reload && !source.closest("[data-part]")) location.reload();
      done();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notify(explain(error, words), true);
      button.disabled = false;
      if (["already_resolved", "already_done"].includes(error.code)) done();
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button && !button.disabled) perform(button, null, null);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.act) return;
    event.preventDefault();
    const submitter = event.submitter ?? event.target.querySelector("[type=submit]");
    perform(event.target, new FormData(event.target, submitter), submitter);
  });
}
