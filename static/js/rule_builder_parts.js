// Small controls of the rule builder: each reads one value of the draft and writes it back where it came from.
import { make } from "./dom.js";

const TYPE_AHEAD_MS = 600;

/** A symbol of the admin's own font; its meaning stands beside it or in the label of its button. */
export const symbol = (name) => make("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);

export function button(words, click, { kind = "", icon = null, label = null, ...more } = {}) {
  const shown = icon && label ? [symbol(icon)] : [icon ? symbol(icon) : null, words];
  return make("button", { type: "button", class: `rb-button ${kind}`, "aria-label": label, title: label, click, ...more }, ...shown);
}

/** A choice of `[value, words]` pairs; a value that is not among them is shown as it is, marked. */
export function select(value, options, changed, { label, unknown = "{value}?" } = {}) {
  const shown = String(value ?? "");
  // Who types ahead changes the choice with every letter: it counts once they pause, or go on.
  let typed = false;
  let timer = 0;
  const settle = () => { clearTimeout(timer); timer = 0; changed(box.value); };
  const box = make("select", {
    "aria-label": label,
    keydown: (event) => { typed = event.key.length === 1; },
    pointerdown: () => { typed = false; },
    change: () => {
      clearTimeout(timer);
      if (typed) timer = setTimeout(settle, TYPE_AHEAD_MS);
      else settle();
    },
    blur: () => { if (timer) settle(); },
  });
  const known = options.some(([one]) => String(one) === shown);
  if (!known) box.append(make("option", { value: shown }, shown ? unknown.replace("{value}", shown) : "–"));
  for (const [one, words] of options) box.append(make("option", { value: one }, words));
  box.value = shown;
  if (!known && shown) box.setAttribute("aria-invalid", "true");
  return box;
}

export function text(value, changed, { label, placeholder = "", most = 400, size = null, mono = false, list = null } = {}) {
  const box = make("input", {
    type: "text", "aria-label": label, placeholder, maxlength: most, size, list, autocomplete: "off",
    spellcheck: mono ? "false" : null, class: mono ? "mono" : null, input: () => changed(box.value),
  });
  box.value = value ?? "";
  return box;
}

export function area(value, changed, { label, placeholder = "", most = 600, rows = 2 } = {}) {
  const box = make("textarea", { "aria-label": label, placeholder, maxlength: most, rows, input: () => changed(box.value) });
  box.value = value ?? "";
  return box;
}

/** Phrases, one a line; the box grows with them. */
export function lines(values, changed, { label, placeholder = "" } = {}) {
  const read = () => box.value.split("\n").map((one) => one.trim()).filter(Boolean);
  const fit = () => box.setAttribute("rows", Math.min(10, Math.max(1, box.value.split("\n").length)));
  const box = make("textarea", {
    "aria-label": label, placeholder, spellcheck: "false", class: "rb-lines", input: () => { fit(); changed(read()); },
  });
  box.value = (values ?? []).join("\n");
  fit();
  return box;
}

/** A number; `scale` is what one of the shown unit is in the draft. An empty box gives null. */
export function number(value, changed, { label, scale = 1, min = 0, max = null, step = "any", placeholder = "" } = {}) {
  const box = make("input", {
    type: "number", "aria-label": label, min, max, step, placeholder, inputmode: "decimal", input: () => {
      const given = box.value === "" ? null : Number(box.value);
      changed(given === null || Number.isNaN(given) ? null : Math.round(given * scale * 1e6) / 1e6);
    },
  });
  if (value !== null && value !== undefined) box.value = Math.round((value / scale) * 1e6) / 1e6;
  return box;
}

export function check(on, changed, words) {
  const box = make("input", { type: "checkbox", change: () => changed(box.checked) });
  box.checked = Boolean(on);
  return make("label", { class: "rb-check" }, box, make("span", {}, words));
}

/** Write a value, or take it out where it says nothing: drafts hold only what somebody chose. */
export function put(node, name, value, absent = null) {
  if (value === absent || value === null || value === "") delete node[name];
  else node[name] = value;
}

/** How long something may take: seconds, turns, or until the call ends. */
export function within(ctx, node) {
  const { words } = ctx;
  const unit = "within_turns" in node ? "turns" : "within_ms" in node ? "seconds" : "end";
  const whole = make("span", { class: "rb-words" });
  const draw = (now) => {
    const name = now === "turns" ? "within_turns" : "within_ms";
    const amount = now === "end" ? "" : number(node[name], (value) => { node[name] = value ?? 0; ctx.changed(); },
      { label: words.how_long, scale: now === "turns" ? 1 : 1000, min: now === "turns" ? 1 : 0.1 });
    const units = select(now, [["seconds", words.seconds], ["turns", words.turns], ["end", words.until_end]], (next) => {
      delete node.within_ms;
      delete node.within_turns;
      if (next === "seconds") node.within_ms = 20000;
      if (next === "turns") node.within_turns = 3;
      draw(next);
      ctx.changed();
      whole.querySelector("select").focus();
    }, { label: words.how_long_unit });
    whole.replaceChildren(...(now === "end" ? [units] : [words.within, " ", amount, " ", units]));
  };
  draw(unit);
  return whole;
}

export const newId = (prefix) => `${prefix}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0")}`;
