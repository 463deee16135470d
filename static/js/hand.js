// A raised hand: asks a supervisor to come to this call, and says who does.
import { announce } from "./frame.js";
import { fill, icon, say } from "./dom.js";
import { keyCap } from "./keys.js";
import { Refused, write } from "./requests.js";
import { span } from "./time.js";

export class Hand {
  #sending = false;

  /** `wanted`: whether this agent's team uses raised hands. `failed(why)` is told in words. */
  constructor({ button, words, clock, wanted, failed }) {
    Object.assign(this, { button, words, clock, wanted, failed, store: null });
    button.replaceChildren(icon("hand-stop"), document.createElement("span"), Object.assign(document.createElement("kbd"), { textContent: keyCap("h") }));
    button.addEventListener("click", () => this.toggle());
  }

  open(store, id) {
    Object.assign(this, { store, callId: id });
    this.#sending = false;
    store.on("hand", (hand, before) => {
      if (hand.by && hand.by.id !== before?.by?.id) announce(fill(this.words.hand_comes, { name: hand.by.name }));
      this.draw();
    });
    this.draw();
  }

  get #up() {
    return this.store?.all("hand").find((hand) => hand.state === "open") ?? null;
  }

  /** Each second, and after each event. */
  draw() {
    const { words } = this;
    const up = this.store?.isLive ? this.#up : null;
    this.button.hidden = !this.wanted || !this.store?.isLive;
    this.button.setAttribute("aria-pressed", String(up !== null));
    this.button.classList.toggle("on", up !== null);
    const text = up === null ? words.hand_raise
      : up.by ? fill(words.hand_comes, { name: up.by.name.split(" ")[0] })
        : fill(words.hand_up, { time: span(this.clock.since(up.raised_at)) });
    say(this.button.querySelector("span"), text);
    say(this.button.querySelector("kbd"), keyCap("h"));
    this.button.title = up === null ? words.hand_raise_more : words.hand_lower;
    this.button.setAttribute("aria-label", up === null ? words.hand_raise : `${text}. ${words.hand_lower}`);
  }

  async toggle() {
    if (this.#sending || this.button.hidden) return false;
    const id = this.callId;
    const raised = this.#up === null;
    this.#sending = true;
    try {
      await write(`/desk/calls/${id}/hand/`, { raised });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id === this.callId) this.failed(fill(this.words.not_done, { why: error.message || this.words.offline }));
    } finally {
      if (id === this.callId) this.#sending = false;
    }
    return true;
  }
}
