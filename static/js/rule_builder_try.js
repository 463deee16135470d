// Try it: a dialogue or a past call played through the draft, all at once or step by step.
import { make } from "./dom.js";

export function trying(root, draft) {
  const box = root.querySelector(".rb-try") ?? document.querySelector(".rb-try");
  if (!box) return;
  const said = box.querySelector("[data-dialogue]");
  const call = box.querySelector("[data-call]");
  const steps = box.querySelector("[data-steps]");
  const trouble = box.querySelector("[data-trouble]");
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  let asked = 0;

  const tell = (words) => {
    trouble.hidden = !words;
    trouble.textContent = words ?? "";
  };

  async function ask() {
    const number = (asked += 1);
    const body = new FormData();
    body.set("document", JSON.stringify(draft()));
    body.set("policy", root.dataset.policy ?? "");
    body.set("dialogue", said.value);
    body.set("conversation", call.value);
    steps.setAttribute("aria-busy", "true");
    let answer = null;
    try {
      const response = await fetch(box.dataset.try, { method: "POST", body, headers: { "X-CSRFToken": token, Accept: "text/html", "X-Part": "steps" } });
      answer = { ok: response.ok, html: await response.text() };
    } catch {
      answer = { ok: false, html: "" };
    }
    if (number !== asked) return;
    steps.removeAttribute("aria-busy");
    const page = new DOMParser().parseFromString(answer.html, "text/html");
    if (!answer.ok) {
      steps.replaceChildren();
      return tell(page.querySelector("[data-error]")?.textContent.trim() || box.dataset.failed);
    }
    tell(null);
    steps.replaceChildren(...page.body.children);
    stepping(steps);
  }

  box.querySelector("[data-ask]").addEventListener("click", ask);
  call.addEventListener("change", () => { if (call.value) ask(); });
  said.addEventListener("input", () => { call.value = ""; });
  said.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); }
  });
}

/** Show one step after another: by button or by the arrow keys while the steps have the focus. */
export function stepping(steps) {
  const bar = steps.querySelector("[data-bar]");
  const turns = [...steps.querySelectorAll("[data-turn]")];
  if (!bar || turns.length < 2) return;
  const { step, next, before, whole, place } = bar.dataset;
  let at = null;
  const count = make("span", { class: "rb-quiet", role: "status" });
  const control = (words, click) => make("button", { type: "button", class: "rb-button quiet", click }, words);
  const back = control(before, () => go(at - 1));
  const on = control(next, () => go(at + 1));
  const toggle = control(step, () => go(at === null ? 0 : null));
  function go(to) {
    at = to === null ? null : Math.max(0, Math.min(turns.length - 1, to));
    turns.forEach((turn, number) => {
      turn.hidden = at !== null && number > at;
      turn.toggleAttribute("data-now", number === at);
    });
    toggle.textContent = at === null ? step : whole;
    back.hidden = on.hidden = at === null;
    back.disabled = at === 0;
    on.disabled = at === turns.length - 1;
    count.textContent = at === null ? "" : place.replace("{n}", at + 1).replace("{all}", turns.length);
    if (at !== null) turns[at].scrollIntoView({ block: "nearest" });
  }
  bar.append(toggle, back, on, count);
  steps.addEventListener("keydown", (event) => {
    if (at === null || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) return;
    event.preventDefault();
    go(at + (event.key === "ArrowRight" ? 1 : -1));
  });
  go(null);
}
