// What was said before the call came to this agent: who had it, how it came, and a few lines that quote it.
import { announce } from "./frame.js";
import { fill, icon, make, say } from "./dom.js";
import { span } from "./time.js";

export class Handover {
  #store = null;

  /** `me` is this agent's id; `reveal(utterance id)` shows where a line comes from. */
  constructor({ part, title, list, words, me, reveal }) {
    Object.assign(this, { part, title, list, words, me, reveal });
    part.querySelector("button").addEventListener("click", () => { part.hidden = true; });
  }

  open(store) {
    this.#store = store;
    store.on("handover", (item) => {
      this.#draw();
      if (item.to?.id === this.me) announce(this.title.textContent);
    });
    this.#draw();
  }

  #draw() {
    const mine = this.#store.all("handover").filter((item) => item.to?.id === this.me).sort((a, b) => a.at_ms - b.at_ms).at(-1);
    this.part.hidden = !mine;
    if (!mine) return;
    const { words } = this;
    say(this.title, fill(words[`handover_${mine.kind || "plain"}`], { name: mine.from?.name ?? words.handover_nobody, time: span(mine.at_ms) }));
    this.list.replaceChildren(...(mine.brief.length
      ? mine.brief.map((line) => make("li", {}, icon("quote"), make("span", {}, line.text),
        line.evidence[0] ? make("button", { type: "button", class: "link small", click: () => this.reveal(line.evidence[0]) }, words.handover_show) : null))
      : [make("li", { class: "muted" }, make("span", { class: "whole" }, words.handover_empty))]));
  }
}
