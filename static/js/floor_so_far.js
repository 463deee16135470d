// The summary of the call so far, beside the floor's list: reckoned by the server when somebody asks for it.
import { fill, make } from "./dom.js";
import { read, Refused } from "./requests.js";
import { span } from "./time.js";

export class SoFar {
  #id = null;

  /** `part`: a `<details>` with a place for the lines. `call()`: the id of the call that is open. */
  constructor({ part, words, call }) {
    Object.assign(this, { part, words, call, place: part.querySelector("div") });
    part.addEventListener("toggle", () => part.open && this.load());
  }

  /** Another call is open, or none. */
  reset() {
    this.#id = null;
    this.part.open = false;
    this.place.replaceChildren();
  }

  async load() {
    const id = this.call();
    this.#id = id;
    this.place.setAttribute("aria-busy", "true");
    try {
      const found = await read(`/api/v1/conversations/${id}/live-summary/`);
      if (this.#id === id) this.#draw(found);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.#id === id) this.place.replaceChildren(make("p", { class: "small why-not", role: "alert" }, error.message || this.words.offline));
    } finally {
      this.place.removeAttribute("aria-busy");
    }
  }

  #draw({ sections, lines }) {
    const parts = sections.map((section) => [section, lines.filter((line) => line.section === section.key)]).filter(([, own]) => own.length);
    this.place.replaceChildren(
      ...parts.map(([section, own]) => make("section", {}, make("h3", { class: "small muted" }, section.label),
        make("ul", {}, ...own.map((line) => make("li", {}, make("span", {}, line.text),
          line.at_ms === null ? null : make("span", { class: "small muted" }, ` ${span(line.at_ms)}`),
          line.due_on ? make("span", { class: "chip" }, fill(this.words.due, { day: line.due_on })) : null))))),
      parts.length ? make("button", { type: "button", class: "btn btn-sm", click: () => this.load() }, this.words.load_anew)
        : make("p", { class: "small muted" }, this.words.nothing_so_far));
  }
}
