// Writing to the agent of the call that is open on the floor, and what became of the lines before.
import { fill, icon, make, say } from "./dom.js";
import { Refused } from "./requests.js";

const SHOWN = 3;

export class WhisperForm {
  #store = null;
  #sending = false;

  constructor({ form, list, words, send }) {
    Object.assign(this, { form, list, words, send });
    this.field = form.querySelector("input");
    this.why = form.querySelector(".why-not");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("input", () => this.#say(""));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.field.blur();
    });
  }

  open(store) {
    this.#store = store;
    this.field.value = "";
    this.#say("");
  }

  focus() {
    if (this.form.hidden) return false;
    this.field.focus();
    return true;
  }

  draw(isOpen, name) {
    this.form.hidden = !isOpen;
    if (isOpen) this.field.placeholder = fill(this.words.whisper_to, { name });
    const rows = (this.#store?.all("whisper") ?? []).sort((a, b) => a.at_ms - b.at_ms).slice(-SHOWN);
    const drawn = JSON.stringify(rows);
    if (this.list.dataset.drawn === drawn) return;
    this.list.dataset.drawn = drawn;
    this.list.hidden = !rows.length;
    this.list.replaceChildren(...rows.map((row) => make("li", {}, icon("ear"),
      make("span", {}, row.text), make("span", { class: "small muted" }, this.#state(row)))));
  }

  #state(row) {
    if (row.answer) return this.words[`answer_${row.answer}`];
    return row.shown_at ? this.words.whisper_seen : this.words.whisper_sent;
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text || this.#sending) return;
    this.#sending = true;
    const store = this.#store;
    try {
      await this.send(text);
      if (store === this.#store) this.field.value = "";
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (store === this.#store) this.#say(error.message || this.words.offline);
    } finally {
      this.#sending = false;
    }
  }

  #say(why) {
    this.why.hidden = !why;
    say(this.why, why);
  }
}
