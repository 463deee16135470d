// A line from the supervisor, over the page's lower edge: it moves nothing, and goes when it is answered.
import { announce } from "./frame.js";
import { fill, icon, make } from "./dom.js";
import { Refused, write } from "./requests.js";

const SHOWN = 2;

export class Whispers {
  #answered = new Set(); // here, before the server has said so
  #told = new Set();

  constructor({ part, words, me, failed }) {
    Object.assign(this, { part, words, me, failed, store: null });
  }

  open(store) {
    this.store = store;
    this.#answered.clear();
    store.on("whisper", (whisper, before) => {
      if (!before) announce(fill(this.words.whisper_from, { name: whisper.from?.name ?? "", text: whisper.text }), { urgent: true });
      this.draw();
    });
    this.draw();
  }

  draw() {
    const open = this.store?.isLive ? this.store.all("whisper").filter((one) => !one.answer && !this.#answered.has(one.id)) : [];
    const ids = open.slice(-SHOWN).map((one) => one.id);
    const drawn = [...this.part.children].map((row) => row.dataset.id);
    for (const one of open) this.#seen(one);
    if (drawn.join() === ids.join()) return;
    // The newest is nearest to the edge. Rows that stay keep the focus that may be in them.
    for (const row of [...this.part.children]) if (!ids.includes(row.dataset.id)) row.remove();
    for (const one of open.slice(-SHOWN)) if (!drawn.includes(one.id)) this.part.append(this.#row(one));
    this.part.hidden = !ids.length;
  }

  #row(one) {
    const { words } = this;
    const answer = (name, text, sign) => make("button", { type: "button", class: "btn btn-sm", click: () => this.#answer(one, name) }, icon(sign), text);
    return make("div", { class: "whisper arrive", "data-id": one.id, role: "group", "aria-label": fill(words.whisper_of, { name: one.from?.name ?? "" }) },
      make("p", {}, make("b", {}, one.from?.name?.split(" ")[0] ?? words.supervisor), " ", one.text),
      make("div", { class: "row-x" }, answer("ok", words.whisper_ok, "check"), answer("thanks", words.whisper_thanks, "heart")));
  }

  #seen(one) {
    if (one.shown_at || this.#told.has(one.id)) return;
    this.#told.add(one.id);
    requestAnimationFrame(() => requestAnimationFrame(() => {
      write(`/desk/whispers/${one.id}/`, { answer: "seen" }).catch((error) => {
        if (!(error instanceof Refused)) throw error;
        setTimeout(() => this.#told.delete(one.id), 5_000); // told again then
      });
    }));
  }

  async #answer(one, answer) {
    this.#answered.add(one.id);
    this.draw();
    try {
      await write(`/desk/whispers/${one.id}/`, { answer });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 409) return; // it has an answer already
      this.#answered.delete(one.id);
      this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
      this.draw();
    }
  }
}
