// Going to another step of a playbook by hand, and beginning one. The call makes the change, and its event draws it.
import { announce } from "./frame.js";
import { fill, icon, make } from "./dom.js";
import { Refused, write } from "./requests.js";

const beginOf = (policy, playbook) => `${policy} ${playbook}`;

export class PlaybookMove {
  #drawn = "";
  #asked = null; // what was chosen and has not come yet

  /** `failed(why)` is told in words. */
  constructor({ menu, words, failed }) {
    Object.assign(this, { menu, list: menu.querySelector(".menu-pop"), label: menu.querySelector("summary span"), words, failed });
    this.goTo = this.label.textContent;
  }

  /** `playbooks`: those that the call offers. */
  open(store, id, playbooks = []) {
    Object.assign(this, { store, callId: id, playbooks });
    this.#asked = null;
    this.menu.open = false;
    store.on("guidance", (item) => {
      if (item.kind !== "step") return;
      if ([item.step, beginOf(item.revision?.policy, item.playbook)].includes(this.#asked) && item.state === "open") {
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

  /** Whether there is a playbook that may be begun. */
  get offers() {
    return this.#offered().length > 0;
  }

  #offered() {
    if (!this.store?.isLive) return [];
    const begun = new Set(this.store.all("guidance").filter((item) => item.kind === "step").map((item) => beginOf(item.revision?.policy, item.playbook)));
    return this.playbooks.filter((one) => !begun.has(beginOf(one.policy, one.playbook)));
  }

  draw() {
    const [latest, offered] = [this.#latest(), this.#offered()];
    const drawn = JSON.stringify([latest.map((item) => [item.id, item.state]), offered, this.#asked]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const some = latest.length + offered.length > 0;
    this.menu.hidden = !some;
    if (!some) this.menu.open = false;
    this.label.textContent = latest.length ? this.goTo : this.words.step_begin;
    this.list.replaceChildren(...latest.flatMap((item) => [
      latest.length > 1 ? make("p", { class: "small muted menu-note" }, item.payload.playbook) : null,
      ...item.payload.steps.map((step) => this.#choice(item, step)),
    ]).filter(Boolean), ...(latest.length && offered.length ? [make("p", { class: "small muted menu-note" }, this.words.step_begin)] : []), ...offered.map((one) => this.#beginning(one)));
  }

  #beginning(one) {
    const name = beginOf(one.policy, one.playbook);
    return make("button", { type: "button", class: "menu-item", "data-playbook": one.playbook, click: () => this.#ask(name, { revision: one.revision, playbook: one.playbook }) },
      icon(this.#asked === name ? "dots" : "player-play"), make("span", { class: "grow" }, one.title));
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

  #go(item, step) {
    return this.#ask(step.id, { id: item.id, step: step.id });
  }

  async #ask(name, content) {
    const id = this.callId;
    this.menu.open = false;
    this.menu.querySelector("summary").focus();
    this.#asked = name;
    this.draw();
    try {
      await write(`/desk/calls/${id}/step/`, content);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id !== this.callId) return;
      this.#asked = null;
      this.draw();
      this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
    }
  }
}
