// Whether alerts call whoever sits here, and who else takes them now.
import { fill, say } from "./dom.js";
import { Refused, write } from "./requests.js";

const SAID = { on: true, off: false, auto: null };

export class Shift {
  constructor({ choice, others, words, me, shifts, failed }) {
    Object.assign(this, { choice, others, words, me, failed });
    choice.addEventListener("change", () => this.#mark());
    this.take(shifts);
  }

  /** On, unless one has said that one is off: this floor is open. */
  get isOn() {
    return this.said !== false;
  }

  /** What the server says: `[{person, on_shift, said}]`. */
  take(shifts) {
    this.said = shifts.find((one) => one.person.id === this.me.id)?.said ?? null;
    this.choice.value = Object.keys(SAID).find((name) => SAID[name] === this.said);
    this.choice.closest("label").classList.toggle("is-off", !this.isOn);
    const names = shifts.filter((one) => one.on_shift && one.person.id !== this.me.id).map((one) => one.person.name);
    say(this.others, names.length ? fill(this.words.shift_with, { names: names.join(", ") }) : this.words.shift_alone);
  }

  async #mark() {
    const wanted = SAID[this.choice.value];
    try {
      this.take((await write("/floor/shift/", { on: wanted })).shifts);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.choice.value = Object.keys(SAID).find((name) => SAID[name] === this.said);
      this.failed(error.message || this.words.offline);
    }
  }
}
