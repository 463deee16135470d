// The rule builder in admin: a policy's draft as sentences, checked by the server while it is edited. What it makes
// is the JSON in the form's own field; without this script that text is what one edits.
import { fill, make, pageData } from "./dom.js";
import { button, newId, text } from "./rule_builder_parts.js";
import { blank, condition } from "./rule_builder_conditions.js";
import { actions, blankAction, limits } from "./rule_builder_actions.js";
import { behaviour, blankBehaviour, blankPlaybook, maybe, playbook } from "./rule_builder_more.js";
import { trying } from "./rule_builder_try.js";

const root = document.querySelector("[data-rule-builder]");
const field = root.querySelector("textarea[name]");
const form = field.form;
const app = root.querySelector(".rb-app");
const trouble = root.querySelector(".rb-trouble");
const data = pageData("rb-data");
const { words } = data;
const LISTS = ["rules", "behaviours", "playbooks"];
const KEPT = 100;
const SETTLE_MS = 500;
const OPEN_AT_FIRST = 2;

let draft = null;
let written = "";
let timer = 0;
let asked = 0;
let answer = null;
const past = [];
const open = new Set();
const shown = new Map();

const ctx = {
  words,
  moments: data.moments,
  fields: data.fields,
  choices: data.choices,
  playbooks: () => draft.playbooks,
  changed: () => { clearTimeout(timer); timer = setTimeout(store, SETTLE_MS); },
  redraw: (path) => { store(); draw(path); },
};

// --- The draft and its text ---

function read(source) {
  const found = JSON.parse(source || "{}");
  if (found === null || typeof found !== "object" || Array.isArray(found)) throw new SyntaxError(words.no_object);
  found.format ??= 1;
  for (const name of LISTS) if (!Array.isArray(found[name])) found[name] = [];
  return found;
}

function store() {
  clearTimeout(timer);
  const now = JSON.stringify(draft, null, 2);
  if (now === written) return;
  past.push(written);
  if (past.length > KEPT) past.shift();
  write(now);
}

function write(now) {
  written = now;
  field.value = now;
  for (const kind of ["input", "change"]) field.dispatchEvent(new CustomEvent(kind, { bubbles: true, detail: "builder" }));
  undo.disabled = past.length === 0;
  check();
}

function back() {
  store();
  if (!past.length) return;
  const before = past.pop();
  draft = read(before);
  write(before);
  draw();
  undo.focus();
}

field.addEventListener("change", (event) => {
  if (event.detail === "builder") return;
  try {
    const found = read(field.value);
    trouble.hidden = true;
    past.push(written);
    draft = found;
    write(JSON.stringify(draft, null, 2));
    draw();
  } catch (error) {
    trouble.hidden = false;
    trouble.textContent = fill(words.not_json, { error: error.message });
  }
});
form.addEventListener("submit", store, { capture: true });
root.addEventListener("keydown", (event) => {
  // Enter in a box is no order to save the policy.
  if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const card = event.target.closest(".rb-card");
    card?.querySelector(event.key === "ArrowUp" ? "[data-up]" : "[data-down]")?.click();
    if (card) event.preventDefault();
  }
});

// --- What the server says of it ---

const ticked = (name) => [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);

async function check() {
  const number = (asked += 1);
  status.dataset.busy = "";
  let found = null;
  try {
    const response = await fetch(root.dataset.check, {
      method: "POST",
      // The channels as they are ticked now: what is measured of sound means nothing in a chat.
      body: JSON.stringify({ document: draft, policy: root.dataset.policy || null, channels: ticked("channels") }),
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (response.ok) found = await response.json();
  } catch { /* said below: the draft itself is not touched by it */ }
  if (number !== asked) return; // it was changed meanwhile
  delete status.dataset.busy;
  if (!found) {
    status.textContent = words.not_checked;
    status.className = "rb-status warn";
    return;
  }
  answer = found;
  tell();
}

function tell() {
  if (!answer) return;
  const errors = answer.complaints.filter((one) => one.kind === "error").length;
  const warnings = answer.complaints.length - errors;
  const sound = !answer.complaints.length;
  status.textContent = sound ? words.sound : fill(words.complaints, { errors, warnings });
  status.className = `rb-status ${errors ? "bad" : warnings ? "warn" : "good"}`;
  for (const [id, card] of shown) {
    const mine = answer.complaints.filter((one) => one.thing === id);
    card.sentence.textContent = answer.explained[id] ?? "";
    card.list.replaceChildren(...mine.map(complaint));
    card.whole.classList.toggle("bad", mine.some((one) => one.kind === "error"));
    card.whole.classList.toggle("warn", mine.length > 0 && mine.every((one) => one.kind !== "error"));
  }
  general.replaceChildren(...answer.complaints.filter((one) => !shown.has(one.thing)).map(complaint));
}

const complaint = (one) => make("li", { class: one.kind }, make("b", {}, one.kind === "error" ? words.error : words.warning), " ", one.sentence);

// --- Cards ---

function draw(path = null) {
  shown.clear();
  sections.replaceChildren(
    section("rules", words.rules, words.no_rules, () => ({
      id: newId("r"), name: "", when: blank(ctx, "heard"), then: [blankAction(ctx)], priority: 50, cooldown_ms: 60000, expires_ms: 120000,
    }), words.add_rule, ruleBody),
    section("behaviours", words.behaviours, words.no_behaviours, () => blankBehaviour(ctx), words.add_behaviour, behaviour.bind(null, ctx)),
    section("playbooks", words.playbooks, words.no_playbooks, () => blankPlaybook(ctx), words.add_playbook, playbook.bind(null, ctx)),
  );
  tell();
  if (path) focus(path);
}

function focus(path) {
  let wanted = path;
  while (wanted) {
    const place = [...sections.querySelectorAll("[data-path]")].find((one) => one.dataset.path === wanted);
    const control = place?.querySelector(".rb-body input, input, select, textarea, button");
    if (control) return control.focus();
    wanted = wanted.slice(0, Math.max(0, wanted.lastIndexOf(".")));
  }
}

function section(name, heading, none, fresh, addWords, body) {
  const list = draft[name];
  const add = () => {
    const one = fresh();
    if (name === "rules") one.position = list.length;
    open.add(one.id);
    list.push(one);
    ctx.redraw(`${name}.${list.length - 1}.body`);
  };
  return make("section", { class: "rb-section", "aria-label": heading },
    make("div", { class: "rb-line" }, make("h3", {}, heading, " ", make("small", {}, String(list.length))),
      make("span", { class: "rb-end" }, button(addWords, add, { icon: "add" }))),
    list.length ? "" : make("p", { class: "rb-quiet" }, none),
    make("ol", { class: "rb-cards" }, ...list.map((one, at) => card(name, list, one, at, body))));
}

function card(name, list, one, at, body) {
  const path = `${name}.${at}`;
  const heading = one.name || words.unnamed;
  const is = open.has(one.id);
  const move = (by, which) => {
    if (!list[at + by]) return;
    [list[at], list[at + by]] = [list[at + by], list[at]];
    if (name === "rules") list.forEach((rule, position) => { rule.position = position; });
    ctx.redraw();
    sections.querySelector(`[data-path="${name}.${at + by}"] [data-${which}]`)?.focus();
  };
  const toggle = () => {
    open[is ? "delete" : "add"](one.id);
    draw();
    sections.querySelector(`[data-path="${path}"] .rb-toggle`).focus();
  };
  const copy = () => {
    const twin = { ...structuredClone(one), id: newId(name[0]), name: fill(words.copy_of, { name: heading }) };
    open.add(twin.id);
    list.splice(at + 1, 0, twin);
    ctx.redraw(`${name}.${at + 1}.body`);
  };
  const remove = () => {
    list.splice(at, 1);
    ctx.redraw();
    status.textContent = fill(words.removed, { name: heading });
    undo.focus();
  };
  const title = make("span", { class: one.name ? "rb-name" : "rb-name none" }, heading);
  const mini = (icon, label, click, more = {}) => button("", click, { kind: "mini", icon, label: `${label}: ${heading}`, ...more });
  const parts = {
    sentence: make("p", { class: "rb-sentence" }, answer?.explained[one.id] ?? ""),
    list: make("ul", { class: "rb-complaints" }),
  };
  const naming = () => make("label", { class: "rb-field", "data-path": `${path}.body` }, make("span", {}, words.name), text(one.name, (value) => {
    one.name = value;
    title.textContent = value || words.unnamed;
    ctx.changed();
  }, { label: words.name, most: 90, placeholder: words.name_example }));
  parts.whole = make("li", { class: "rb-card", "data-path": path },
    make("div", { class: "rb-head" },
      make("button", { type: "button", class: "rb-toggle", "aria-expanded": String(is), click: toggle },
        make("span", { class: "rb-number" }, String(at + 1)), title),
      make("span", { class: "rb-end" },
        mini("arrow_upward", words.move_up, () => move(-1, "up"), { "data-up": true, disabled: at === 0 }),
        mini("arrow_downward", words.move_down, () => move(1, "down"), { "data-down": true, disabled: at === list.length - 1 }),
        mini("content_copy", words.copy, copy), mini("delete", words.remove, remove))),
    parts.sentence, parts.list,
    is ? make("div", { class: "rb-body" }, naming(), ...body(one, path)) : "");
  shown.set(one.id, parts);
  return parts.whole;
}

const part = (heading, ...inside) => make("section", { class: "rb-part" }, make("h4", {}, heading), ...inside);

function ruleBody(rule, path) {
  rule.then ??= [];
  return [
    part(words.when, condition(ctx, rule.when, { path: `${path}.when`, remove: null, replace: (next, at) => { rule.when = next; ctx.redraw(at); } })),
    part(words.then_do, actions(ctx, rule.then, `${path}.then`)),
    part(words.how_often, limits(ctx, rule)),
    part(words.take_back, maybe(ctx, rule, "withdraw_when", `${path}.withdraw_when`, { add: words.add_take_back, none: words.take_back_none })),
  ];
}

// --- Begin ---

const status = make("p", { class: "rb-status", role: "status" });
const undo = button(words.undo, back, { kind: "quiet", icon: "undo", disabled: true });
const general = make("ul", { class: "rb-complaints" });
const sections = make("div", { class: "rb-sections" });

function begin() {
  try {
    draft = read(field.value);
  } catch (error) {
    trouble.hidden = false;
    trouble.textContent = fill(words.not_json, { error: error.message });
    return;
  }
  written = field.value;
  if (draft.rules.length <= OPEN_AT_FIRST) for (const rule of draft.rules) open.add(rule.id);
  app.replaceChildren(make("div", { class: "rb-bar" }, status, make("span", { class: "rb-end" }, undo)), general, sections);
  app.hidden = false;
  root.querySelector(".rb-text").open = false;
  draw();
  check();
}

if (!field.disabled && !field.readOnly) {
  begin();
  trying(root, () => { store(); return draft; });
  form.addEventListener("change", (event) => { if (event.target.name === "channels" && draft) check(); });
}
