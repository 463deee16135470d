// Hidden words that the company keeps for some roles: a quiet button on their chips shows them, on this page alone.
import { fill, icon, make } from "./dom.js";
import { announce } from "./frame.js";
import { lengthOf } from "./selected.js";
import { read, Refused, write } from "./requests.js";

// What is said in quick succession is asked for at once.
const WAIT_MS = 300;

export class Kept {
  #places = new Map(); // "utterance start" → id
  #shown = new Map(); // id → words
  #hosts = new Map(); // utterance → {host, seen}
  #url = "";
  #timer = null;

  /** `data`: {url, words}, or null for who sees nothing; then all of this does nothing. */
  constructor(data) {
    this.data = data;
    // The page may come back from the browser's memory; what was shown does not.
    if (data) addEventListener("pagehide", () => this.#forget());
  }

  open(conversation) {
    this.#forget();
    this.#places.clear();
    this.#hosts.clear();
    this.#url = this.data ? this.data.url.replace("{id}", conversation) : "";
  }

  /** Called with the element that shows an utterance's words, whenever it was drawn. `anew`: what is kept may be less. */
  dress(utterance, host, { anew = false } = {}) {
    if (!this.#url) return;
    const chips = this.#chips(host);
    const seen = chips.map(({ start }) => start).join(" ");
    const known = this.#hosts.get(utterance);
    if (!chips.length && !known) return;
    this.#hosts.set(utterance, { host, seen });
    if (known?.seen === seen && !anew) this.#draw(utterance);
    else this.#ask();
  }

  #chips(host) {
    const found = [];
    let at = 0;
    const walk = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.ELEMENT_NODE && !child.classList.contains("redact")) walk(child);
        else {
          if (child.nodeType === Node.ELEMENT_NODE) found.push({ chip: child, start: at });
          at += lengthOf(child);
        }
      }
    };
    walk(host);
    return found;
  }

  #ask() {
    clearTimeout(this.#timer);
    const url = this.#url;
    this.#timer = setTimeout(async () => {
      let kept;
      try {
        ({ kept } = await read(url));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return; // no buttons, then; the next words ask again
      }
      if (url !== this.#url) return;
      this.#places = new Map(kept.map((one) => [`${one.utterance} ${one.start}`, one.id]));
      for (const utterance of this.#hosts.keys()) this.#draw(utterance);
    }, WAIT_MS);
  }

  #draw(utterance) {
    for (const { chip, start } of this.#chips(this.#hosts.get(utterance).host)) {
      const id = this.#places.get(`${utterance} ${start}`);
      const is = id === undefined ? "" : this.#shown.has(id) ? "shown" : "hidden";
      if ((chip.dataset.kept ?? "") === is) continue;
      chip.dataset.label ??= chip.textContent;
      this.#fill(chip, id, is);
    }
  }

  #fill(chip, id, is, trouble = "") {
    const { words } = this.data;
    const { label } = chip.dataset;
    chip.dataset.kept = is;
    if (!is) return chip.replaceChildren(icon("eye-off"), label);
    const shown = is === "shown";
    if (shown) chip.removeAttribute("title");
    const button = make("button", {
      type: "button", class: "redact-show", "aria-label": fill(shown ? words.hide_thing : words.show_thing, { label }),
      click: (event) => {
        event.stopPropagation(); // the row plays what was said
        if (shown) {
          this.#shown.delete(id);
          this.#again(chip, id, "hidden");
        } else this.#show(chip, id);
      },
    }, shown ? words.hide : words.show);
    chip.replaceChildren(
      icon(shown ? "eye" : "eye-off"),
      shown ? make("span", { class: "redact-words" }, this.#shown.get(id)) : label,
      button,
      trouble && make("span", { class: "redact-trouble" }, trouble),
    );
  }

  #again(chip, id, is, trouble = "") {
    const focused = chip.contains(document.activeElement);
    this.#fill(chip, id, is, trouble);
    if (focused) chip.querySelector("button")?.focus();
    announce(trouble);
  }

  async #show(chip, id) {
    const { words } = this.data;
    const url = this.#url;
    try {
      const { kept } = await write(url, { ids: [id] });
      if (url !== this.#url) return;
      if (!kept.length) return this.#again(chip, id, "hidden", words.gone);
      this.#shown.set(id, kept[0].text);
      this.#again(chip, id, "shown");
      announce(kept[0].text);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#again(chip, id, "hidden", error.message || words.not_shown);
    }
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#shown.clear();
    for (const utterance of this.#hosts.keys()) this.#draw(utterance);
  }
}
