// Requests of the live pages: JSON both ways, the page's CSRF token or its own, and errors in words for people.
import { address, byToken, proof, refused } from "./access.js";

const csrf = () => (byToken() ? {} : { "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "" });

/** What the server said instead of doing it; `status` 0 when it could not be reached. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, url, content) {
  const { credentials, headers } = proof();
  let response;
  try {
    response = await fetch(address(url), {
      method,
      credentials,
      headers: {
        Accept: "application/json",
        ...headers,
        ...(content !== undefined && { "Content-Type": "application/json", ...csrf() }),
      },
      body: content === undefined ? undefined : JSON.stringify(content),
    });
  } catch {
    throw new Refused(0, "");
  }
  const answer = response.headers.get("Content-Type")?.startsWith("application/json") ? await response.json() : {};
  if (response.status === 401) refused();
  if (!response.ok) throw new Refused(response.status, answer.error?.message ?? "");
  return answer;
}

export const read = (url) => ask("GET", url);
export const write = (url, content = {}) => ask("POST", url, content);

/** A text as it is. */
export async function readText(url) {
  const { credentials, headers } = proof();
  const response = await fetch(address(url), { credentials, headers });
  if (!response.ok) throw new Refused(response.status, "");
  return response.text();
}
