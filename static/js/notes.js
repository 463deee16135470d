// The agent's note: kept by itself a moment after the last key, redacted by the server before it is kept.
import { say } from "./dom.js";
import { ago } from "./time.js";
import { write } from "./requests.js";

const AFTER = 900;
const TRY_AGAIN = 5_000;

export class Note {
  #timer = null;
  #saved = "";
  #at = null;
  #busy = null;

  constructor({ field, state, trouble, again, words }) {
    Object.assign(this, { field, state, trouble, words });
    field.addEventListener("input", () => this.#later(AFTER));
    field.addEventListener("blur", () => this.save());
    again.addEventListener("click", () => this.save());
  }

  /** Begin with a call's note. What was typed for the one before is kept first. */
  open(callId, note) {
    this.save();
    this.callId = callId;
    this.#saved = note?.text ?? "";
    this.#at = null;
    this.field.value = this.#saved;
    this.trouble.hidden = true;
    this.draw();
  }

  get isDirty() {
    return this.field.value.trim() !== this.#saved;
  }

  draw() {
    const text = this.#busy ? this.words.saving : this.isDirty ? "" : this.#at !== null
      ? this.words.saved_ago.replace("{ago}", ago(performance.now() - this.#at, this.words)) : "";
    say(this.state, text);
  }

  /** Keep it now. Resolves when it is kept, or when it is plain that it was not. */
  async save() {
    clearTimeout(this.#timer);
    if (!this.callId || !this.isDirty) return;
    if (this.#busy) {
      await this.#busy;
      return this.save();
    }
    const { callId } = this;
    const sent = this.field.value;
    this.#busy = write(`/desk/calls/${callId}/note/`, { text: sent });
    this.draw();
    try {
      const kept = await this.#busy;
      if (callId !== this.callId) return;
      this.#saved = kept.text;
      this.#at = performance.now();
      this.trouble.hidden = true;
      // Show what was kept, which may be redacted, unless more was typed meanwhile.
      if (this.field.value === sent && sent.trim() !== kept.text) this.field.value = kept.text;
      else if (this.field.value !== sent) this.#later(AFTER);
    } catch {
      if (callId !== this.callId) return;
      this.trouble.hidden = false;
      this.#later(TRY_AGAIN);
    } finally {
      this.#busy = null;
      this.draw();
    }
  }

  #later(wait) {
    this.draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), wait);
  }
}
