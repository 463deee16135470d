// What this person muted for today: where it says so, and how it comes back.
import { fill, make, say } from "./dom.js";
import { ofDay } from "./time.js";
import { Refused, write } from "./requests.js";

export class Mutes {
  /** `changed()` is told when there are more or fewer; `failed(why)` in words. */
  constructor({ menu, rows, words, changed, failed }) {
    Object.assign(this, { menu, list: menu.querySelector(".menu-pop"), rows, words, changed, failed });
    this.draw();
  }

  /** What counts now: a page that stays open sees a shift end. */
  now() {
    return this.rows.filter((row) => Date.parse(row.until) > Date.now());
  }

  draw() {
    const rows = this.now();
    this.menu.hidden = !rows.length;
    say(this.menu.querySelector("summary span"), fill(this.words.muted_count, { n: rows.length }));
    this.list.replaceChildren(make("p", { class: "small muted menu-note" }, this.words.muted_more), ...rows.map((row) =>
      make("button", { type: "button", class: "menu-item", click: () => this.#end(row) },
        make("span", { class: "grow clip", title: row.title }, row.title || row.kind), make("span", { class: "small muted" }, fill(this.words.muted_until, { time: ofDay(row.until) })),
        make("span", { class: "link small" }, this.words.muted_end))));
  }

  add(callId, id, wholeKind) {
    return this.#ask(() => write(`/desk/calls/${callId}/mute/`, { id, whole_kind: wholeKind }));
  }

  #end(row) {
    this.menu.open = false;
    return this.#ask(() => write(`/desk/mutes/${row.id}/end/`));
  }

  async #ask(send) {
    try {
      ({ mutes: this.rows } = await send());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
    }
    this.draw();
    this.changed();
  }
}
