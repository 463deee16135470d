// Requests of the live pages: JSON both ways, the page's CSRF token, and errors in words for people.

const token = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";

/** What the server said instead of doing it; `status` 0 when it could not be reached. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, url, content) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        Accept: "application/json",
        ...(content !== undefined && { "Content-Type": "application/json", "X-CSRFToken": token() }),
      },
      body: content === undefined ? undefined : JSON.stringify(content),
    });
  } catch {
    throw new Refused(0, "");
  }
  const answer = response.headers.get("Content-Type")?.startsWith("application/json") ? await response.json() : {};
  if (!response.ok) throw new Refused(response.status, answer.error?.message ?? "");
  return answer;
}

export const read = (url) => ask("GET", url);
export const write = (url, content = {}) => ask("POST", url, content);
