// Making elements without markup in strings: words only ever become text.

/** `make("p", {class: "small", title: "…"}, "words", child)`; properties that are functions listen to events. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** A Tabler icon. Its meaning must stand beside it in words, or be given as `label`. */
export function icon(name, label = null) {
  return make("i", { class: `ti ti-${name}`, ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
}

export function key(...names) {
  return names.map((name) => make("kbd", {}, name));
}

/** Fill the braces of a sentence: `fill("{n} new", {n: 2})`. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A sentence whose braces are filled with elements or words, as a fragment. */
export function compose(sentence, values) {
  const whole = document.createDocumentFragment();
  for (const part of sentence.split(/(\{\w+\})/)) {
    const name = part.startsWith("{") ? part.slice(1, -1) : null;
    whole.append(name !== null && name in values ? values[name] : part);
  }
  return whole;
}

const CLOCK = /\b\d{1,2}:\d{2}(?::\d{2})?\b/;

/** Words in a line of their own, where what was hidden is named by its kind: "[CREDIT_CARD]" is "credit card". */
export function plain(text) {
  return text.replace(/\[([A-Z][A-Z_]+)(?: [^\]]*)?\]/g, (_whole, name) => name.replaceAll("_", " ").toLowerCase());
}

/** A reason in words, in which the time leads to where it was said. */
export function reason(said, evidence, reveal) {
  const text = plain(said);
  const cause = evidence[0]?.utterance;
  const time = text.match(CLOCK)?.[0];
  if (!cause || !time) return document.createTextNode(text);
  const link = make("button", { type: "button", class: "link", click: () => reveal(cause) }, time);
  return compose(text.replace(time, "{time}"), { time: link });
}

/** Set text only where it changed, so that nothing is painted or read out for nothing. */
export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function pageData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
