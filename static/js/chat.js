// Writing in a chat: what is suggested, a field for the answer, and whether it went out. Of a call nothing of it shows.
import { announce } from "./frame.js";
import { icon, make, plain, say } from "./dom.js";
import { keyCap } from "./keys.js";
import { Refused } from "./requests.js";

const CONFIRMED_WITHIN = 8000;

/** Who wrote as a supervisor, by the time of their message. */
export function supervisorNames(store, words) {
  return (ms) => {
    const said = store.all("utterance").find((one) => one.speaker === "supervisor" && one.start_ms === ms);
    return store.all("message").find((one) => one.utterance === said?.id)?.from?.name ?? words.supervisor;
  };
}

export class ChatBox {
  #store = null;
  #sending = false;
  #reply = null; // the suggestion in the field
  #attempt = null; // {text, id}: the same message again has the same id, and goes out once
  #drawn = "";
  #unsent = "";

  /** `send(content)` and `taken(reply)` are requests; `taken` null: nothing is suggested to this person, `me`. */
  constructor({ part, words, me, send, taken = null }) {
    Object.assign(this, { part, words, me, send, taken });
    this.list = part.querySelector(".replies");
    this.waiting = part.querySelector(".unsent");
    this.form = part.querySelector("form");
    this.field = part.querySelector("textarea");
    this.why = part.querySelector(".why-not");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("input", () => this.#say(""));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#submit();
      } else if (event.key === "Escape") this.field.blur(); // back to the page's own keys
    });
  }

  open(store, writable) {
    this.#store = store;
    this.#reply = this.#attempt = null;
    this.#drawn = this.#unsent = "";
    this.field.value = "";
    this.#say("");
    const write = this.taken === null ? this.words.chat_join : this.words.chat_write;
    this.field.placeholder = writable ? write : this.words.chat_away;
    store.on("reply", (_reply, before) => {
      if (!before && this.#now().length === 1) announce(this.words.chat_suggested);
      this.draw();
    });
    for (const kind of ["utterance", "message"]) store.on(kind, () => this.draw());
    this.draw();
  }

  draw() {
    const { conversation } = this.#store ?? {};
    const shown = Boolean(this.#store?.isLive && conversation.channel === "chat");
    this.part.hidden = !shown;
    if (!shown) return;
    this.#drawUnsent();
    const replies = this.#now();
    const drawn = JSON.stringify(replies);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.list.hidden = !replies.length;
    this.list.replaceChildren(...replies.map((reply, at) => this.#row(reply, at === 0)));
  }

  /** What was written here and did not reach the customer, as far as the chat system says. */
  #drawUnsent() {
    const rows = this.#store.all("message").filter((one) => one.failed_at || (!one.delivered_at && Date.now() - Date.parse(one.sent_at) > CONFIRMED_WITHIN));
    const drawn = JSON.stringify(rows.map((one) => [one.id, one.failed_at]));
    if (drawn === this.#unsent) return;
    this.#unsent = drawn;
    this.waiting.hidden = !rows.length;
    this.waiting.replaceChildren(...rows.map((one) => this.#waits(one)));
  }

  #waits(one) {
    const { words } = this;
    const again = make("button", { type: "button", class: "btn btn-sm", click: () => this.#again(one, again) }, words.chat_again);
    return make("li", { class: one.failed_at ? "is-failed" : "" }, icon(one.failed_at ? "alert-triangle" : "clock"),
      make("span", { class: "clip" }, make("b", {}, one.failed_at ? words.chat_failed : words.chat_waits), " ", plain(this.#store.get("utterance", one.utterance)?.text ?? "")),
      one.from?.id === this.me ? again : make("span", { class: "small muted" }, one.from?.name ?? ""));
  }

  /** Have it sent once more, under the same id. */
  async #again(one, button) {
    const store = this.#store;
    button.disabled = true;
    try {
      await this.send({ message_id: one.message_id, again: true });
      announce(this.words.chat_again_sent);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (store === this.#store) this.#say(error.message || this.words.offline);
    } finally {
      button.disabled = false;
    }
  }

  /** Go to the field, with the first suggestion in it while nothing is written there. False: there is no field. */
  answer() {
    if (this.part.hidden || !this.part.getClientRects().length) return false;
    const [first] = this.#now();
    if (first && !this.field.value.trim()) this.#insert(first);
    else this.field.focus();
    return true;
  }

  /** What is suggested for the customer's last message, until somebody has answered it. */
  #now() {
    if (this.taken === null) return [];
    const rows = this.#store.all("reply");
    const after = Math.max(...rows.map((row) => row.after));
    if (this.#store.all("utterance").some((one) => one.n > after && one.speaker !== "customer")) return [];
    return rows.filter((row) => row.after === after).sort((a, b) => a.position - b.position);
  }

  #row(reply, isFirst) {
    const { words } = this;
    return make("li", { class: reply.accepted_at ? "is-taken" : "" },
      make("button", { type: "button", class: "reply", title: words.chat_insert, click: () => this.#insert(reply) },
        make("span", {}, reply.text), make("small", { class: "muted" }, reply.source_label, isFirst ? make("kbd", {}, keyCap("r")) : null)),
      make("button", { type: "button", class: "btn btn-sm btn-quiet btn-icon", title: words.chat_copy, "aria-label": words.chat_copy, click: () => this.#copy(reply) }, icon("copy")));
  }

  #insert(reply) {
    this.field.value = this.field.value.trim() ? `${this.field.value.trim()} ${reply.text}` : reply.text;
    this.#reply = reply.id;
    this.field.focus();
    this.#note(reply);
  }

  async #copy(reply) {
    try {
      await navigator.clipboard.writeText(reply.text);
      announce(this.words.copied);
    } catch {
      return this.#insert(reply); // the browser lets nobody copy here
    }
    return this.#note(reply);
  }

  async #note(reply) {
    if (reply.accepted_at) return;
    try {
      await this.taken(reply.id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // only the figure is lost
    }
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text || this.#sending) return;
    if (this.#attempt?.text !== text) this.#attempt = { text, id: crypto.randomUUID() };
    this.#sending = true;
    this.form.setAttribute("aria-busy", "true");
    const store = this.#store;
    try {
      await this.send({ text, message_id: this.#attempt.id, ...(this.#reply && { reply: this.#reply }) });
      if (store === this.#store) {
        this.field.value = "";
        this.#reply = this.#attempt = null;
        this.#say("");
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (store === this.#store) this.#say(error.message || this.words.offline);
    } finally {
      this.#sending = false;
      this.form.removeAttribute("aria-busy");
    }
  }

  #say(why) {
    this.why.hidden = !why;
    say(this.why, why);
  }
}
