// Going to another step of a playbook by hand. The call makes the change, and its event draws it.
import { announce } from "./frame.js";
import { fill, icon, make } from "./dom.js";
import { Refused, write } from "./requests.js";

export class PlaybookMove {
  #drawn = "";
  #asked = null; // what was chosen and has not come yet

  /** `failed(why)` is told in words. */
  constructor({ menu, words, failed }) {
    Object.assign(this, { menu, list: menu.querySelector(".menu-pop"), words, failed });
  }

  open(store, id) {
    Object.assign(this, { store, callId: id });
    this.#asked = null;
    this.menu.open = false;
    store.on("guidance", (item) => {
      if (item.kind !== "step") return;
      if (this.#asked === item.step && item.state === "open") {
        this.#asked = null;
        announce(fill(this.words.step_now, { title: item.title }));
      }
      this.draw();
    });
    this.draw();
  }

  /** The newest step of each playbook: from there one goes on. */
  #latest() {
    const found = new Map();
    for (const item of this.store?.isLive ? this.store.all("guidance") : []) {
      const key = `${item.revision?.policy} ${item.playbook}`;
      if (item.kind !== "step" || !(item.payload?.steps?.length > 1)) continue;
      const known = found.get(key);
      const newer = !known || (item.state === "open") - (known.state === "open") || item.at_ms - known.at_ms;
      if (newer === true || newer > 0) found.set(key, item);
    }
    return [...found.values()];
  }

  draw() {
    const latest = this.#latest();
    const drawn = JSON.stringify([latest.map((item) => [item.id, item.state]), this.#asked]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.menu.hidden = !latest.length;
    if (!latest.length) this.menu.open = false;
    this.list.replaceChildren(...latest.flatMap((item) => [
      latest.length > 1 ? make("p", { class: "small muted menu-note" }, item.payload.playbook) : null,
      ...item.payload.steps.map((step) => this.#choice(item, step)),
    ]).filter(Boolean));
  }

  #choice(item, step) {
    const here = item.state === "open" && item.step === step.id;
    return make("button", { type: "button", class: "menu-item", "data-step": step.id, ...(here && { "aria-current": "step", disabled: "" }), click: () => this.#go(item, step) },
      icon(here ? "circle-dot" : this.#asked === step.id ? "dots" : "arrow-right"), make("span", { class: "grow" }, step.title),
      here ? make("span", { class: "small muted" }, this.words.step_here) : null);
  }

  /** Open the list of steps with the focus on the next one. */
  show() {
    if (this.menu.hidden || !this.menu.getClientRects().length) return false;
    this.menu.open = true;
    const choices = [...this.list.querySelectorAll("button")];
    const here = choices.findIndex((choice) => choice.disabled);
    (choices[here + 1] ?? choices.find((choice) => !choice.disabled))?.focus();
    return true;
  }

  async #go(item, step) {
    const id = this.callId;
    this.menu.open = false;
    this.menu.querySelector("summary").focus();
    this.#asked = step.id;
    this.draw();
    try {
      await write(`/desk/calls/${id}/step/`, { id: item.id, step: step.id });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id !== this.callId) return;
      this.#asked = null;
      this.draw();
      this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
    }
  }
}
