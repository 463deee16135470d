// What becomes of passages is told to whoever looks after them: searched for, opened, helpful, wrong. A question counts
// once its writer has stopped typing, or has gone on to what was found.
import { address, byToken, proof } from "./access.js";

const SETTLED_MS = 1_500;
const waiting = new Map(); // lists of what was found, and the timer until they count

const csrf = () => (byToken() ? {} : JSON.parse(document.body.getAttribute("hx-headers") ?? "{}"));

/** Send it; also when the page is left on the way. Whether the server took it. */
export async function tell(fields) {
  const { credentials, headers } = proof();
  const body = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
  try {
    const response = await fetch(address("/knowledge/feedback/"), { method: "POST", credentials, keepalive: true, redirect: "error", headers: { ...headers, ...csrf() }, body });
    return response.ok;
  } catch {
    return false; // it is about the documents; nobody is kept from work by it
  }
}

const listOf = (element) => element.closest(".kn-found[data-ticket]");
const passage = (element) => JSON.parse(element.closest("[data-passage]").dataset.passage);
const about = (element) => ({ ...passage(element), ticket: listOf(element)?.dataset.ticket, question: element.closest("[data-question]")?.dataset.question });

function settle() {
  for (const [list, timer] of waiting) {
    if (list.isConnected) continue;
    clearTimeout(timer);
    waiting.delete(list);
  }
  for (const list of document.querySelectorAll("[data-ticket]")) {
    if (waiting.has(list)) continue;
    waiting.set(list, setTimeout(() => list.isConnected && tell({ ticket: list.dataset.ticket, kind: "shown" }), SETTLED_MS));
  }
}

document.addEventListener("htmx:afterSettle", settle);
settle();

const opened = (event) => {
  const link = event.target.closest?.("[data-passage] a.kn-path, a.kn-path[data-passage]");
  if (link) tell({ ...about(link), kind: "opened" });
};
document.addEventListener("click", opened);
document.addEventListener("auxclick", (event) => event.button === 1 && opened(event));

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-verdict]");
  if (!button) return;
  const box = button.closest(".kn-say");
  const comment = box.querySelector("form");
  const on = button.getAttribute("aria-pressed") !== "true";
  const show = (pressed) => {
    for (const one of box.querySelectorAll("[data-verdict]")) one.setAttribute("aria-pressed", String(pressed && one === button));
    comment.hidden = !pressed;
  };
  show(on);
  box.querySelector("output").textContent = "";
  const sent = await tell({ ...about(button), kind: on ? button.dataset.verdict : "" });
  if (!sent) {
    show(!on);
    box.querySelector("output").textContent = box.dataset.failed;
  }
});

// Only of one collection: the form says so from now on, and what was asked is looked for again.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("[data-only]");
  const form = chosen && (chosen.closest(".of-lookup") ?? document).querySelector("form[role=search]");
  if (!form) return;
  event.preventDefault();
  form.elements.collection.value = chosen.dataset.only;
  form.dispatchEvent(new Event("only"));
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.(".kn-say form");
  if (!form) return;
  event.preventDefault();
  const box = form.closest(".kn-say");
  const verdict = box.querySelector('[aria-pressed="true"]');
  const input = form.elements.comment;
  if (!verdict || !input.value.trim()) return;
  const sent = await tell({ ...about(form), kind: verdict.dataset.verdict, comment: input.value });
  form.hidden = sent;
  if (sent) input.value = "";
  box.querySelector("output").textContent = sent ? box.dataset.thanks : box.dataset.failed;
  if (sent) verdict.focus();
});
