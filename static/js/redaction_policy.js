// The redaction policy in admin: a sentence tried under what the page holds, boxes that follow the profile.
import { make } from "./dom.js";

const form = document.getElementById("rp");
const text = document.getElementById("rp-text");
const found = document.getElementById("rp-found");
const trouble = document.getElementById("rp-trouble");
const profileWas = form.elements.profile_was;

const chip = (words) => make("span", { class: "rp-chip" }, words);

// --- Try it ---

let asked = 0;

async function tryIt() {
  const number = (asked += 1);
  const said = text.value;
  if (!said.trim()) {
    found.hidden = trouble.hidden = true;
    return;
  }
  const sent = new FormData(form);
  sent.set("text", said);
  let answer = {};
  try {
    const response = await fetch(form.dataset.try, { method: "POST", body: sent, headers: { Accept: "application/json" } });
    const json = response.headers.get("Content-Type")?.startsWith("application/json");
    answer = json ? await response.json() : { error: { message: response.statusText } };
  } catch {
    answer = { error: { message: "–" } };
  }
  if (number !== asked) return; // something else was asked meanwhile
  trouble.hidden = !answer.error;
  found.hidden = Boolean(answer.error);
  if (answer.error) {
    trouble.textContent = answer.error.message;
    return;
  }
  found.querySelector(".rp-said").replaceChildren(...answer.parts.map((part) => (part.chip ? chip(part.chip) : part.words)));
  found.querySelector(".rp-none").hidden = answer.spans.length > 0;
  const table = found.querySelector("table");
  table.hidden = answer.spans.length === 0;
  // The server counts characters as Unicode does, the browser in halves.
  const characters = [...said];
  table.tBodies[0].replaceChildren(...answer.spans.map((span) => make("tr", {},
    make("td", {}, characters.slice(span.start, span.end).join("")),
    make("td", {}, chip(span.label)),
    make("td", { class: "num" }, `${Math.round(span.score * 100)} %`),
    make("td", {}, span.detector),
    make("td", {}, span.reason))));
}

document.getElementById("rp-try").addEventListener("click", tryIt);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  tryIt();
});

// --- Types ---

const rows = [...form.querySelectorAll("tr[data-profiles]")];

function draw(row) {
  const [box, why] = [row.querySelector("input[type=checkbox]"), row.querySelector(".rp-why input")];
  const choice = row.querySelector("select").selectedOptions[0];
  const { detail } = choice.dataset;
  const look = row.querySelector(".rp-chip");
  const shown = detail ? (detail.startsWith("#") ? ` ${detail.slice(0, 5)}` : ` …${detail}`) : "";
  look.textContent = look.dataset.label + shown;
  look.hidden = !box.checked;
  const wanted = row.dataset.profiles.split(" ").includes(profileWas.value);
  const loosened = (wanted && !box.checked) || choice.value !== "mask";
  why.required = loosened;
  why.hidden = !loosened && !why.value;
  const sees = row.nextElementSibling;
  if (sees?.matches(".rp-sees")) sees.hidden = !box.checked || choice.value !== "keep";
  row.classList.toggle("own", loosened || wanted !== box.checked);
  row.classList.toggle("off", !box.checked);
}

for (const row of rows) {
  row.addEventListener("change", () => draw(row));
  draw(row);
}

for (const radio of form.querySelectorAll("input[name=profile]")) {
  radio.addEventListener("change", () => {
    for (const row of rows) {
      const box = row.querySelector("input[type=checkbox]");
      const names = row.dataset.profiles.split(" ");
      if (box.checked === names.includes(profileWas.value)) box.checked = names.includes(radio.value);
    }
    profileWas.value = radio.value;
    rows.forEach(draw);
  });
}

// --- Who sees what is kept ---

// A type that comes to name roles of its own begins with those of all.
form.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-own-sees]") || !target.checked) return;
  const boxes = [...target.closest(".rp-sees").querySelectorAll("[data-role]")];
  if (boxes.some((box) => box.checked)) return;
  for (const box of boxes) box.checked = form.elements[`sees:${box.dataset.role}`].checked;
});

// --- Types of one's own ---

const own = document.getElementById("rp-own");

document.getElementById("rp-add").addEventListener("click", () => {
  const blank = document.getElementById("rp-blank").content.firstElementChild.cloneNode(true);
  for (const field of blank.querySelectorAll("[name]")) field.name = field.name.replace("-N-", `-${own.childElementCount}-`);
  own.append(blank);
  blank.querySelector("input").focus();
});

own.addEventListener("change", ({ target }) => {
  if (!target.name.endsWith("-action")) return;
  target.closest(".rp-type").querySelector(".rp-sees").hidden = target.value !== "keep";
});

document.getElementById("preview")?.scrollIntoView({ block: "start" });
(form.querySelector("[aria-invalid]") ?? form.querySelector("p.rp-error:not([hidden])"))?.scrollIntoView({ block: "center" });
