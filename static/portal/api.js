/** Calls to the portal's JSON API from a page with a session. */

export class ApiError extends Error {
  /** @param {number} status 0 when the server was not reached. @param {string} code the problem's code */
  constructor(status, code, detail) {
    super(detail || code);
    this.status = status;
    this.code = code;
  }
}

function readCookie(name) {
  const pair = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : "";
}

/** Sends JSON and returns the answer's JSON (null when it has none). Throws ApiError. */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": readCookie("csrftoken") },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
  } catch (error) {
    throw new ApiError(0, "unreachable", String(error));
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(response.status, "unreadable", "");
  }
  if (!response.ok) throw new ApiError(response.status, answer?.code ?? "", answer?.detail ?? "");
  return answer;
}

/** Fetches a part of the page as a document fragment. Throws ApiError. */
export async function fetchPart(url) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(15000) });
  } catch (error) {
    throw new ApiError(0, "unreachable", String(error));
  }
  // the admin site answers an ended session by a redirect to the log-in
  if (response.type === "opaqueredirect") throw new ApiError(401, "not_authenticated", "");
  if (!response.ok) throw new ApiError(response.status, "", "");
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return template.content;
}
