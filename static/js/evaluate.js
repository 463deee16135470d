// Evaluating a conversation by keys: criteria one by one, evidence by marking words, each answer saved as it is given.
import { fill, icon, make, pageData, say } from "./dom.js";
import { bindKeys } from "./keys.js";
import { Refused, write } from "./requests.js";
import { markedWords, placeBelow } from "./selected.js";
import { span } from "./time.js";

const data = pageData("form-data");
const { words } = data;
const form = document.getElementById("ev-form");
const transcript = document.getElementById("transcript");
const saved = document.getElementById("ev-saved");
const trouble = document.getElementById("ev-error");
const submit = document.getElementById("ev-submit");
const overall = document.getElementById("ev-comment");
const bar = document.getElementById("ev-mark");
const criteria = data.criteria;

let current = Math.max(0, criteria.findIndex((one) => one.value === ""));
let saving = Promise.resolve();
let waiting = 0; // changes that are not saved yet
// Seconds that somebody worked here since the last answer was saved: while the page is looked at, and not left alone.
let worked = 0;
let touchedAt = performance.now();
const IDLE_MS = 60_000;

for (const name of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  document.addEventListener(name, () => { touchedAt = performance.now(); }, { passive: true });
}
setInterval(() => {
  const listening = document.getElementById("sound") && !document.getElementById("sound").paused;
  if (!document.hidden && (listening || performance.now() - touchedAt < IDLE_MS)) worked += 1;
}, 1000);

function spent() {
  const seconds = worked;
  worked = 0;
  return seconds;
}

// --- Which apply ----------------------------------------------------------------------------------------

const byKey = new Map(criteria.map((one) => [one.key, one]));

function applies(one) {
  if (!one.depends_on) return true;
  const other = byKey.get(one.depends_on);
  return Boolean(other) && applies(other) && one.depends_values.includes(other.value);
}

// --- Drawing --------------------------------------------------------------------------------------------

/** The words of a place in the transcript, as they stand there; chips of what is hidden stay hidden. */
function quoted(place) {
  const row = document.getElementById(`u-${place.utterance}`);
  const text = row?.lastElementChild.textContent ?? "";
  return place.start === null || place.start === undefined ? text : Array.from(text).slice(place.start, place.end).join("");
}

function evidenceRow(one, place, at) {
  const from = place.searched ? place.searched[0] : place.at_ms;
  const said = place.searched
    ? fill(words.searched, { to: span(place.searched[1]), what: place.for ?? "" })
    : place.marked ?? `“${quoted(place)}”`;
  const seek = make("a", { href: `?t=${from}`, class: "small", "data-seek": from }, span(from));
  const gone = data.draft && make("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": words.remove, title: words.remove, click: () => {
    one.evidence = one.evidence.filter((_place, number) => number !== at);
    save(one, { evidence: places(one) });
  } }, icon("x"));
  return make("div", { class: "rv-q" }, seek, make("span", {}, said), gone || null);
}

/** What of its evidence was marked in the transcript; what was searched automatically is not ours to send. */
const places = (one) => one.evidence.filter((place) => place.utterance).map(({ utterance, start, end }) => ({ utterance, start: start ?? 0, end: end ?? Array.from(quoted({ utterance })).length }));

function choicesOf(one, number) {
  if (one.choices.length) {
    return make("div", { class: "seg", role: "group", "aria-label": one.question }, ...one.choices.map((choice, at) => make(
      "button",
      { type: "button", "aria-pressed": String(one.value === choice.value), disabled: !data.draft, click: (event) => { event.stopPropagation(); give(number, choice.value); } },
      choice.label,
      make("kbd", {}, choice.value === "na" ? "N" : String(at + 1)),
    )));
  }
  const field = make("input", { class: "form-control", value: one.value === "na" ? "" : one.value, "aria-label": one.question, maxlength: one.kind === "number" ? 20 : 1000, inputmode: one.kind === "number" ? "decimal" : null, placeholder: one.kind === "number" ? words.number : "", disabled: !data.draft });
  field.addEventListener("focus", () => { if (current !== number) { current = number; light(); } });
  field.addEventListener("change", () => give(number, field.value, { stay: true }));
  return field;
}

function more(one) {
  const lines = [
    one.guideline && make("p", { class: "small ink2" }, one.guideline),
    one.good_example && make("p", { class: "small" }, make("span", { class: "muted" }, `${words.good} `), `“${one.good_example}”`),
    one.bad_example && make("p", { class: "small" }, make("span", { class: "muted" }, `${words.bad} `), `“${one.bad_example}”`),
    ...one.evidence.map((place, at) => evidenceRow(one, place, at)),
  ];
  const told = one.automatic ? `${fill(words.automatic, { answer: one.automatic_label })}${one.sureness ? `, ${words[one.sureness]}` : ""}` : null;
  if (told && one.reason) lines.push(make("p", { class: "small ink2" }, icon("automation"), ` ${one.reason}`));
  lines.push(make("p", { class: "small muted rv-auto" }, told && make("span", {}, icon("automation"), ` ${told}`), make("span", {}, fill(words.weight, { n: one.weight }))));
  if (data.draft) {
    const comment = make("textarea", { class: "form-control", rows: 2, maxlength: 500, "aria-label": words.comment_for, placeholder: words.comment_for });
    comment.value = one.comment;
    comment.addEventListener("change", () => { one.comment = comment.value; save(one, { comment: comment.value }); });
    comment.addEventListener("keydown", (event) => { if (event.key === "Escape") comment.blur(); });
    lines.push(comment);
  } else if (one.comment) lines.push(make("p", { class: "small ink2" }, one.comment));
  return make("div", { class: "ev-more" }, ...lines.filter(Boolean));
}

const parts = [];

function draw() {
  form.replaceChildren();
  let section = null;
  criteria.forEach((one, number) => {
    if (one.section !== section) {
      section = one.section;
      form.append(make("h3", { class: "rv-sect" }, section || words.criteria));
    }
    const host = make("div", { class: "ev-crit", "data-kind": one.kind });
    parts[number] = host;
    form.append(host);
    fillIn(number);
  });
  count();
}

function fillIn(number) {
  const one = criteria[number];
  const host = parts[number];
  const isOn = number === current;
  const off = !applies(one);
  const wide = one.choices.reduce((sum, choice) => sum + choice.label.length + 3, 0) > 26 || one.kind === "text";
  host.className = `ev-crit${isOn ? " on" : ""}${off ? " off" : ""}${wide ? " ev-wide" : ""}`;
  host.toggleAttribute("aria-current", isOn);
  const name = make("b", {}, one.question, one.auto_fail ? " " : null, one.auto_fail ? make("span", { class: "chip" }, words.auto_fail) : null);
  const row = make("div", { class: "ev-row", click: () => { current = number; light(); } }, make("span", { class: "i" }, String(number + 1)), name, off ? make("span", { class: "small muted" }, words.not_applicable) : choicesOf(one, number));
  host.replaceChildren(row, ...(isOn && !off ? [more(one)] : []));
}

/** Open the current criterion, and close the one that was open. */
function light() {
  const focused = document.activeElement?.closest?.(".ev-crit");
  criteria.forEach((_one, number) => {
    // Where somebody types stays as it is.
    if (parts[number] === focused && focused.contains(document.activeElement) && document.activeElement.matches("input, textarea")) {
      parts[number].classList.toggle("on", number === current);
      if (number === current && !parts[number].querySelector(".ev-more") && applies(criteria[number])) parts[number].append(more(criteria[number]));
      return;
    }
    fillIn(number);
  });
  parts[current]?.scrollIntoView({ block: "nearest" });
  mark();
}

function count() {
  const asked = criteria.filter((one) => applies(one) && one.kind !== "text");
  const given = asked.filter((one) => one.value !== "").length;
  say(document.getElementById("ev-count"), fill(words.of, { n: given, all: asked.length }));
  say(document.getElementById("ev-total"), data.total === null ? "–" : String(Math.round(data.total)));
  document.getElementById("ev-failed").hidden = !data.auto_failed;
}

// --- Answering ------------------------------------------------------------------------------------------

function give(number, value, { stay = false } = {}) {
  if (!data.draft || !applies(criteria[number])) return;
  const one = criteria[number];
  const applied = new Set(criteria.filter(applies));
  one.value = value;
  // What applies only now is open.
  for (const other of criteria) if (other.value === "na" && applies(other) && !applied.has(other)) other.value = "";
  current = number;
  save(one, { value });
  if (!stay) {
    const next = criteria.findIndex((other, at) => at > number && other.value === "" && applies(other));
    if (next >= 0) current = next;
  }
  light();
  count();
}

/** Send what changed, one after the other; what the server made of all answers comes back. */
function save(one, change) {
  waiting += 1;
  saving = saving.then(async () => {
    try {
      const now = await write(data.urls.answer, { key: one.key, spent_seconds: spent(), ...change }).finally(() => { waiting -= 1; });
      take(now);
      trouble.hidden = true;
      say(saved, fill(words.saved, { time: new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(trouble, error.message || words.not_saved);
      trouble.hidden = false;
    }
  });
  return saving;
}

function take(now) {
  data.total = now.total;
  data.auto_failed = now.auto_failed;
  // The server does not know yet what was given since: a quick key must not be taken back.
  for (const answer of waiting ? [] : now.answers) {
    const one = byKey.get(answer.key);
    one.value = answer.value;
    one.evidence = answer.evidence;
  }
  light();
  count();
}

async function handIn() {
  if (!data.draft || submit.disabled) return;
  document.activeElement?.blur?.();
  submit.disabled = true;
  await saving;
  try {
    await write(data.urls.submit, { comment: overall.value, spent_seconds: spent() });
    location.assign(data.urls.back);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(trouble, error.message || words.not_saved);
    trouble.hidden = false;
    submit.disabled = false;
    const open = criteria.findIndex((one) => one.value === "" && applies(one) && one.kind !== "text");
    if (open >= 0) { current = open; light(); }
  }
}

// --- Evidence by marking words --------------------------------------------------------------------------

let marked = null;

function mark() {
  if (bar.contains(document.activeElement)) return;
  marked = data.draft && applies(criteria[current]) ? markedWords() : null;
  bar.hidden = !marked;
  if (!marked) return;
  say(bar.querySelector("span"), fill(words.evidence_for, { n: current + 1 }));
  placeBelow(transcript, bar, marked.box);
}

function cite() {
  if (!marked) return false;
  const one = criteria[current];
  const place = { utterance: marked.row.id.replace("u-", ""), start: marked.start, end: marked.end };
  getSelection().removeAllRanges();
  bar.hidden = true;
  return save(one, { evidence: [...places(one), place] });
}

transcript.append(bar);
document.addEventListener("selectionchange", mark);
bar.querySelector("button").addEventListener("click", cite);

// --- Keys -----------------------------------------------------------------------------------------------

function move(by) {
  let next = current + by;
  while (criteria[next] && !applies(criteria[next])) next += by;
  if (criteria[next]) { current = next; light(); }
}

const keys = { j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), e: () => cite(), n: () => criteria[current].allow_na && give(current, "na"), c: () => parts[current].querySelector(".ev-more textarea")?.focus() };
for (let digit = 1; digit <= 9; digit += 1) {
  keys[String(digit)] = () => {
    const one = criteria[current];
    const choice = one.choices[digit - 1];
    if (choice) give(current, choice.value);
    else if (!one.choices.length) parts[current].querySelector(".ev-row input")?.focus();
  };
}
bindKeys(keys);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    handIn();
  }
});
submit.addEventListener("click", handIn);
if (!data.draft) for (const one of [submit, overall, document.getElementById("ev-discard")]) one.disabled = true;
draw();
