// Keys of a page. Single letters act only outside text fields; `?` lists what the page knows.
//
// Three ways to give a page a key:
//  - `data-key="x"` on a button or link: pressing the key clicks it while it can be seen and is not disabled;
//  - `bindKeys({ j: next, k: previous })` for what is not one button;
//  - `data-keys='[["j","next row"]]'` on any element: lines for the list only.
// A button's line in the list is its `data-key-label`, its name for assistive technology, or its words.

// A person may give an action another key: `useKeys({w: "q"})` makes Q do what W does, and W nothing.

const bound = new Map();
let chosen = {};
let decorate = () => {};
const NAMES = { Escape: "Esc" };
const ACTIONS = { Esc: "Escape", Del: "Delete" };
// What the page's own markup prints as keys; what is made later asks `keyCap`.
const printed = [...document.querySelectorAll("kbd")].map((cap) => [cap, actionOf(cap.textContent.trim())]);

function actionOf(cap) {
  return ACTIONS[cap] ?? (cap.length === 1 ? cap.toLowerCase() : cap);
}

/** How the key of an action is printed, for the person who is here. */
export function keyCap(action) {
  const key = chosen[action] ?? action;
  return NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** Go by these keys: action -> key. */
export function useKeys(keys) {
  chosen = keys;
  for (const [cap, action] of printed) cap.textContent = keyCap(action);
}

/** The action that a pressed key stands for; null where somebody gave that action another key. */
function meant(pressed) {
  const found = Object.entries(chosen).find(([, key]) => same(pressed, key));
  if (found) return found[0];
  return Object.keys(chosen).some((action) => same(pressed, action)) ? null : pressed;
}

/** `run(dialog)` completes the list of keys whenever it is opened; its rows name their action in `data-action`. */
export function onKeysShown(run) {
  decorate = run;
}

/** Whether this event comes from where letters are typed. */
export function isTyping(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["button", "checkbox", "radio", "submit", "reset", "range", "file"].includes(target.type);
}

/** Bind keys (`event.key` values) to functions `(event) => false | any`; false leaves the key to the browser. */
export function bindKeys(keys) {
  for (const [key, run] of Object.entries(keys)) bound.set(key, run);
  return () => {
    for (const [key, run] of Object.entries(keys)) if (bound.get(key) === run) bound.delete(key);
  };
}

function same(key, wanted) {
  return key === wanted || (key.length === 1 && key.toLowerCase() === wanted.toLowerCase());
}

function visible(element) {
  return element.getClientRects().length > 0 && !element.closest("[inert]");
}

function buttonFor(key) {
  return [...document.querySelectorAll("[data-key]")].find(
    (element) => same(key, element.dataset.key) && !element.disabled && visible(element),
  );
}

/** Open the list of this page's keys. */
export function showKeys() {
  const dialog = document.getElementById("keys-dialog");
  if (!dialog) return;
  const lines = new Map();
  for (const element of document.querySelectorAll("[data-keys]")) {
    for (const [key, label] of JSON.parse(element.dataset.keys)) lines.set(key, label);
  }
  for (const element of document.querySelectorAll("[data-key]")) {
    if (!visible(element)) continue;
    const words = element.dataset.keyLabel || element.getAttribute("aria-label");
    if (words) {
      lines.set(element.dataset.key, words);
    } else {
      const copy = element.cloneNode(true);
      for (const printed of copy.querySelectorAll("kbd, .ti")) printed.remove();
      lines.set(element.dataset.key, copy.textContent.trim());
    }
  }
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const [key, label] of lines) {
    const term = document.createElement("dt");
    for (const part of key.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = keyCap(actionOf(part));
      term.append(cap);
    }
    const words = document.createElement("dd");
    words.textContent = label;
    words.dataset.action = actionOf(key);
    list.append(term, words);
  }
  decorate(dialog);
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  const target = event.composedPath()[0];
  // Enter and space belong to the control that has the focus.
  if ((event.key === "Enter" || event.key === " ") && target.closest?.("a[href], button, summary, input, [role=button]")) return;
  const key = meant(event.key);
  if (key === null) return;
  const run = bound.get(key) ?? bound.get(key.toLowerCase());
  if (run) {
    if (run(event) !== false) event.preventDefault();
    return;
  }
  const button = buttonFor(key);
  if (button) {
    event.preventDefault();
    if (button.matches("input, select, textarea")) button.focus();
    else button.click();
  }
});
