// While a card is given: one quiet switch beside the call's time, and since when it is on.
import { announce } from "./frame.js";
import { fill, icon, say } from "./dom.js";
import { Refused, write } from "./requests.js";
import { span } from "./time.js";

/** The pause of now: the one that a person or system began first, else the call's own; null where there is none. */
export function pauseNow(store) {
  const open = store?.all("pci").filter((pause) => pause.to_ms === null) ?? [];
  return open.find((pause) => pause.source !== "auto") ?? open[0] ?? null;
}

export class CardPause {
  #sending = false;

  /** `failed(why)` is told in words; `changed()` when a pause begins or ends. */
  constructor({ button, words, clock, failed, changed }) {
    Object.assign(this, { button, words, clock, failed, changed, store: null });
    button.replaceChildren(icon("credit-card"), document.createElement("span"), Object.assign(document.createElement("kbd"), { textContent: "K" }));
    button.addEventListener("click", () => this.toggle());
  }

  open(store, id) {
    Object.assign(this, { store, callId: id });
    this.#sending = false;
    store.on("pci", (pause, before) => {
      if (!before && pause.to_ms === null) announce(this.words.card_begins);
      else if (pause.to_ms !== null && before?.to_ms === null) announce(pause.ended_by === "limit" ? this.words.card_over_limit : this.words.card_over);
      this.draw();
      this.changed();
    });
    this.draw();
  }

  /** Of a chat there is no sound that could pause. */
  get #isOf() {
    return Boolean(this.store?.isLive) && this.store.conversation.channel !== "chat";
  }

  /** Each second, and after each event. */
  draw() {
    const pause = this.store?.isLive ? pauseNow(this.store) : null;
    const byHand = pause !== null && pause.source !== "auto";
    this.button.hidden = !this.#isOf;
    this.button.setAttribute("aria-pressed", String(byHand));
    this.button.classList.toggle("on", pause !== null);
    const since = pause ? span(this.clock.since(pause.at)) : "";
    say(this.button.querySelector("span"), pause
      ? fill(byHand ? this.words.card_since : this.words.card_auto, { time: since }) : this.words.card_pause);
    this.button.title = byHand ? this.words.card_resume : this.words.card_pause;
  }

  async toggle() {
    if (this.#sending || !this.#isOf) return;
    const id = this.callId;
    const pause = pauseNow(this.store);
    this.#sending = true;
    try {
      await write(`/desk/calls/${id}/card-pause/`, { paused: pause === null || pause.source === "auto" });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id === this.callId) this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
    } finally {
      if (id === this.callId) this.#sending = false;
    }
  }
}
