// The checklist, and the steps of a playbook: items tick themselves from what is said; the first open one is where the
// call is. What was to be said by then and was not is marked as missed.
import { announce } from "./frame.js";
import { fill, icon, make, say } from "./dom.js";
import { duration, span } from "./time.js";

export class Checklist {
  #drawn = "";

  /** `kinds`: which guidance; `strip`: where the current item stands alone, if anywhere; `first()`: an item that goes
   *  before this list's own there; `keep()`: whether the part is shown without items, too. */
  constructor({ kinds, part, list, count, strip = null, first = () => null, keep = () => false, words, reveal }) {
    Object.assign(this, { kinds: new Set(kinds), part, list, count, strip, first, keep, words, reveal });
  }

  open(store) {
    this.store = store;
    this.#drawn = "";
    store.on("guidance", (item, before) => {
      if (!this.kinds.has(item.kind)) return;
      if (item.state === "ticked" && before?.state === "open") announce(fill(this.words.step_done, { title: item.title }));
      this.draw();
    });
    this.draw();
  }

  get current() {
    return this.items().find((item) => item.state === "open") ?? null;
  }

  items() {
    return (this.store?.all("guidance") ?? []).filter((item) => this.kinds.has(item.kind) && !["withdrawn", "expired", "held"].includes(item.state))
      .sort((a, b) => a.position - b.position || a.at_ms - b.at_ms);
  }

  draw() {
    const items = this.items();
    const leading = this.first();
    const drawn = JSON.stringify([leading?.id, items.map((item) => [item.id, item.state, item.title])]);
    if (drawn === this.#drawn) return;
    const before = new Set([...this.list.querySelectorAll(".done")].map((row) => row.dataset.id));
    const first = this.#drawn === "";
    this.#drawn = drawn;
    this.part.hidden = !items.length && !this.keep();
    const { current } = this;
    const done = items.filter((item) => item.state !== "open" && item.state !== "missed").length;
    this.list.replaceChildren(...items.map((item) => this.#row(item, item.id === current?.id, !first && !before.has(item.id))));
    const figure = fill(this.words.step, { done, all: items.length });
    say(this.count, items.length ? figure : "");
    if (!this.strip) return;
    this.strip.hidden = !items.length && leading === null;
    say(this.strip.querySelector("b"), leading?.title ?? current?.title ?? items.at(-1)?.title ?? "");
    say(this.strip.querySelector(".figure"), items.length ? figure : "");
    this.strip.querySelector(".bar7").replaceChildren(...items.map((item) =>
      make("i", { class: item.state === "missed" ? "m" : item.state !== "open" ? "d" : item.id === current?.id ? "n" : "" })));
  }

  #row(item, isCurrent, isNew) {
    const missed = item.state === "missed";
    const done = item.state !== "open" && !missed;
    const at = item.settled_ms ?? item.at_ms;
    const cause = item.evidence[0]?.utterance;
    const time = make("time", { datetime: duration(at) }, span(at));
    return make("li", { class: `${missed ? "missed" : done ? "done" : isCurrent ? "now" : ""}${done && isNew ? " ticked" : ""}`, "data-id": item.id, ...(isCurrent && { "aria-current": "step" }) },
      icon(missed ? "circle-x" : done ? "circle-check" : isCurrent ? "circle-dot" : "circle",
        missed ? this.words.step_is_missed : done ? this.words.step_is_done : this.words.step_is_open),
      make("span", {}, item.title, isCurrent && item.say ? make("small", { class: "step-say" }, item.say) : null),
      done || missed ? (cause ? make("button", { type: "button", class: "link", click: () => this.reveal(cause) }, time) : time) : null);
  }
}
