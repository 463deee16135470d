// Keys of a page. Single letters act only outside text fields; `?` lists what the page knows.
//
// Three ways to give a page a key:
//  - `data-key="x"` on a button or link: pressing the key clicks it while it can be seen and is not disabled;
//  - `bindKeys({ j: next, k: previous })` for what is not one button;
//  - `data-keys='[["j","next row"]]'` on any element: lines for the list only.
// A button's line in the list is its `data-key-label`, its name for assistive technology, or its words.

const bound = new Map();

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
  if (!dialog || dialog.open) return;
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
      cap.textContent = part.length === 1 ? part.toUpperCase() : part;
      term.append(cap);
    }
    const words = document.createElement("dd");
    words.textContent = label;
    list.append(term, words);
  }
  dialog.showModal();
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
  const run = bound.get(event.key) ?? bound.get(event.key.toLowerCase());
  if (run) {
    if (run(event) !== false) event.preventDefault();
    return;
  }
  const button = buttonFor(event.key);
  if (button) {
    event.preventDefault();
    if (button.matches("input, select, textarea")) button.focus();
    else button.click();
  }
});
