// The checklist: items tick themselves from what is said; the first open one is where the call is.
import { announce } from "./frame.js";
import { fill, icon, make, say } from "./dom.js";
import { duration, span } from "./time.js";

export class Checklist {
  #drawn = "";

  constructor({ part, list, count, strip, words, reveal }) {
    Object.assign(this, { part, list, count, strip, words, reveal });
  }

  open(store) {
    this.store = store;
    this.#drawn = "";
    store.on("guidance", (item, before) => {
      if (item.kind !== "checklist") return;
      if (item.state === "ticked" && before?.state === "open") announce(fill(this.words.step_done, { title: item.title }));
      this.draw();
    });
    this.draw();
  }

  items() {
    return this.store.all("guidance").filter((item) => item.kind === "checklist")
      .sort((a, b) => a.position - b.position || a.at_ms - b.at_ms);
  }

  draw() {
    const items = this.items();
    const drawn = JSON.stringify(items.map((item) => [item.id, item.state, item.title]));
    if (drawn === this.#drawn) return;
    const before = new Set([...this.list.querySelectorAll(".done")].map((row) => row.dataset.id));
    const first = this.#drawn === "";
    this.#drawn = drawn;
    this.part.hidden = !items.length;
    this.strip.hidden = !items.length;
    const current = items.find((item) => item.state === "open");
    const done = items.filter((item) => item.state !== "open").length;
    this.list.replaceChildren(...items.map((item) => this.#row(item, item === current, !first && !before.has(item.id))));
    const figure = fill(this.words.step, { done, all: items.length });
    say(this.count, figure);
    say(this.strip.querySelector("b"), current?.title ?? items.at(-1)?.title ?? "");
    say(this.strip.querySelector(".figure"), figure);
    this.strip.querySelector(".bar7").replaceChildren(...items.map((item) =>
      make("i", { class: item.state !== "open" ? "d" : item === current ? "n" : "" })));
  }

  #row(item, isCurrent, isNew) {
    const done = item.state !== "open";
    const at = item.settled_ms ?? item.at_ms;
    const cause = item.evidence[0]?.utterance;
    const time = make("time", { datetime: duration(at) }, span(at));
    return make("li", { class: `${done ? "done" : isCurrent ? "now" : ""}${done && isNew ? " ticked" : ""}`, "data-id": item.id, ...(isCurrent && { "aria-current": "step" }) },
      icon(done ? "circle-check" : isCurrent ? "circle-dot" : "circle", done ? this.words.step_is_done : this.words.step_is_open),
      make("span", {}, item.title, isCurrent && item.say ? make("small", { class: "step-say" }, item.say) : null),
      done ? (cause ? make("button", { type: "button", class: "link", click: () => this.reveal(cause) }, time) : time) : null);
  }
}
