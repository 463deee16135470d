// Guidance: at most three hints in one list, one of them open. A new hint takes the second row and leaves the open
// one to who is reading it. What is settled says so in grey, then leaves.
import { announce } from "./frame.js";
import { fill, icon, make, reason, say } from "./dom.js";
import { ago, span } from "./time.js";

const SHOWN = 3;
const LEAVES_AFTER = 8_000;
const SIGN = { Say: "message-2", Do: "hand-finger", Know: "book-2" };
const SETTLED = { accepted: "check", dismissed: "x", withdrawn: "arrow-back-up", expired: "clock-off" };

export class Hints {
  #order = [];
  #open = null;
  #why = false;
  #left = new Map(); // settled hints that are still shown, and since when
  #asked = new Map(); // answers that the server has not confirmed
  #painted = new Map(); // when a hint was first on the screen, by performance.now()
  #told = new Set();
  #drawn = "";
  #built = null; // the hint that is drawn open

  /** `answer(content)` sends and returns whether it went out; `reveal(id)` shows an utterance. */
  constructor({ list, count, words, answer, reveal, callTime }) {
    Object.assign(this, { list, count, words, answer, reveal, callTime });
    const menu = () => list.querySelector("details[open]");
    document.addEventListener("click", (event) => {
      if (menu() && !menu().contains(event.target)) menu().open = false;
    });
    // With the menu open, Esc closes the menu and dismisses nothing.
    list.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu()) return;
      event.stopPropagation();
      const open = menu();
      open.open = false;
      open.querySelector("summary").focus();
    });
  }

  open(store) {
    this.store = store;
    this.#order = [];
    this.#open = null;
    this.#why = false;
    this.#drawn = "";
    for (const map of [this.#left, this.#asked, this.#painted, this.#told]) map.clear();
    const rank = (a, b) => b.priority - a.priority || b.at_ms - a.at_ms;
    for (const hint of this.#hints().sort(rank)) if (this.#isOpen(hint)) this.#order.push(hint.id);
    store.on("guidance", (hint, before) => hint.kind === "hint" && this.#changed(hint, before));
    this.draw();
  }

  /** Call it each second: times go on, hints run out, what is settled leaves. */
  draw() {
    if (!this.store) return;
    const now = performance.now();
    for (const [id, since] of this.#left) if (now - since > LEAVES_AFTER && !this.list.querySelector(":focus-within")) this.#left.delete(id);
    this.#order = this.#order.filter((id) => this.#isOpen(this.#get(id)));
    if (!this.#order.includes(this.#open)) {
      this.#open = this.#order[0] ?? null;
      this.#why = false;
    }
    const shown = this.#shown();
    const drawn = JSON.stringify([this.#open, this.#why, shown.map((id) => [id, this.#state(id)]), [...this.#left.keys()], [...this.#asked]]);
    // Not under the hands of who chooses a reason; the next second will do.
    const busy = this.#built === this.#open && this.list.querySelector("details[open]");
    if (drawn !== this.#drawn && !busy) {
      this.#drawn = drawn;
      this.#built = this.#open;
      this.#build(shown);
    }
    for (const time of this.list.querySelectorAll("[data-at]")) say(time, ago(this.callTime() - Number(time.dataset.at), this.words));
    say(this.count, this.#order.length ? fill(this.words.open_count, { n: this.#order.length }) : "");
  }

  accept() {
    return this.#answer(this.#open, "accept");
  }

  dismiss(reason = "") {
    return this.#answer(this.#open, "dismiss", reason);
  }

  toggleWhy() {
    if (this.#open === null) return false;
    this.#why = !this.#why;
    this.draw();
    return true;
  }

  /** Open the hint that has this number in its row. */
  pick(number) {
    const id = this.#shown()[number - 1];
    if (!id || id === this.#open) return false;
    this.#open = id;
    this.#why = false;
    this.draw();
    return true;
  }

  /** The server refused an answer: what was shown as done is not. */
  refused(id) {
    const was = this.#asked.delete(id);
    const hint = this.#get(id);
    if (was && hint?.state === "open" && !this.#order.includes(id)) this.#order.unshift(id);
    this.#left.delete(id);
    this.#drawn = "";
    this.draw();
  }

  /** An answer went out by another way. */
  sent({ id, action }) {
    if (action === "seen") this.#told.add(id);
    else if (this.#asked.has(id)) this.#asked.get(id).sent = true;
    this.#drawn = "";
    this.draw();
  }

  /** The line is back: send what could not be sent. */
  resend() {
    for (const [id, content] of this.#asked) if (!content.sent) content.sent = this.answer({ type: "guidance", id, ...content.what });
    this.#tell();
  }

  #hints() {
    return this.store.all("guidance").filter((hint) => hint.kind === "hint");
  }

  #get(id) {
    return this.store.get("guidance", id);
  }

  /** The state as this page knows it: what the agent just did counts before the server has said so. */
  #state(id) {
    const asked = this.#asked.get(id)?.what.action;
    if (asked === "accept") return "accepted";
    if (asked === "dismiss") return "dismissed";
    return this.#get(id)?.state;
  }

  #isOpen(hint) {
    if (!hint || this.#state(hint.id) !== "open") return false;
    return hint.expires_ms === null || hint.expires_ms > this.callTime();
  }

  #shown() {
    const rest = this.#order.filter((id) => id !== this.#open);
    return (this.#open === null ? [] : [this.#open]).concat(rest.slice(0, SHOWN - 1));
  }

  #changed(hint, before) {
    if (hint.state === this.#state(hint.id) || hint.state !== "open") this.#asked.delete(hint.id);
    if (hint.state === "open") {
      this.#left.delete(hint.id);
      if (!this.#order.includes(hint.id) && this.#isOpen(hint)) {
        // Behind the open one, before what waits; more important ones stay in front.
        const at = this.#order.findIndex((id, place) => id !== this.#open && place > 0 && this.#get(id).priority <= hint.priority);
        if (!this.#order.length) this.#order.push(hint.id);
        else this.#order.splice(at === -1 ? this.#order.length : at, 0, hint.id);
        if (!before) announce(fill(this.words.hint_arrived, { label: this.words[hint.label.toLowerCase()] ?? hint.label, title: hint.title }));
      }
    } else if (before?.state === "open" && !this.#left.has(hint.id)) {
      this.#left.set(hint.id, performance.now());
    }
    this.draw();
  }

  #answer(id, action, reason = "") {
    if (id === null || this.#asked.has(id)) return false;
    const content = { what: { action, ...(reason && { reason }) }, sent: false };
    this.#asked.set(id, content);
    if (action === "undo") this.#left.delete(id);
    else this.#left.set(id, performance.now());
    content.sent = this.answer({ type: "guidance", id, ...content.what });
    this.draw();
    return true;
  }

  #build(shown) {
    const focus = this.list.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    const known = new Set([...this.list.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
    const rows = shown.map((id, at) => (id === this.#open ? this.#card(this.#get(id)) : this.#row(this.#get(id), at + 1)));
    for (const id of this.#left.keys()) if (!shown.includes(id)) rows.push(this.#gone(this.#get(id)));
    for (const row of rows) if (!known.has(row.dataset.id)) row.classList.add("arrive");
    this.list.replaceChildren(...rows);
    if (focus) this.list.querySelector(`[data-act="${focus}"]`)?.focus();
    for (const id of shown) this.#seen(id);
  }

  #card(hint) {
    const { words } = this;
    const label = words[hint.label.toLowerCase()] ?? hint.label;
    const dismiss = (reason) => () => this.dismiss(reason);
    return make("article", { class: "hint", "data-id": hint.id, "aria-label": `${label}: ${hint.title}` },
      make("div", { class: "k" }, icon(SIGN[hint.label] ?? "bulb"), make("b", {}, label),
        make("span", { class: "because" }, this.#reason(hint)), this.#age(hint, "end")),
      make("p", { class: "do" }, hint.title),
      hint.say ? make("p", { class: "say" }, `“${hint.say}”`) : null,
      make("div", { class: "act" },
        make("button", { type: "button", class: "btn btn-primary", "data-act": "accept", click: () => this.accept() }, words.accept, " ", make("kbd", {}, "Enter")),
        make("span", { class: "split" },
          make("button", { type: "button", class: "btn", "data-act": "dismiss", click: dismiss("") }, words.dismiss, " ", make("kbd", {}, "Esc")),
          make("details", { class: "menu" },
            make("summary", { class: "btn btn-icon", "aria-label": words.dismiss_why, title: words.dismiss_why }, icon("chevron-down")),
            make("div", { class: "menu-pop" }, ...words.dismiss_reasons.split("|").map((reason) =>
              make("button", { type: "button", class: "menu-item", click: dismiss(reason) }, reason))))),
        make("button", { type: "button", class: "btn btn-quiet", "data-act": "why", "aria-expanded": String(this.#why), click: () => this.toggleWhy() },
          icon(this.#why ? "chevron-up" : "chevron-down"), make("span", {}, words.why, make("span", { class: "long" }, ` ${words.this}`)), make("kbd", { class: "long" }, "W"))),
      this.#why ? this.#because(hint) : null);
  }

  #because(hint) {
    const { words } = this;
    const after = hint.latency_ms?.heard_to_shown;
    const lines = [
      [words.heard, this.#reason(hint, false)],
      [words.rule, fill(words.rule_of, { policy: hint.revision.policy, revision: hint.revision.number })],
      ...(typeof after === "number" ? [[words.arrived, fill(words.arrived_after, { seconds: (after / 1000).toFixed(1) })]] : []),
    ];
    return make("dl", { class: "why" }, ...lines.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
  }

  #reason(hint, inLine = true) {
    const text = inLine ? hint.reason.charAt(0).toLowerCase() + hint.reason.slice(1) : hint.reason;
    return reason(text, hint.evidence, this.reveal);
  }

  #row(hint, number) {
    const label = this.words[hint.label.toLowerCase()] ?? hint.label;
    return make("button", { type: "button", class: "hint-row", "data-id": hint.id, "data-act": `row-${number}`, title: hint.title, click: () => this.pick(number) },
      make("span", { class: "k" }, icon(SIGN[hint.label] ?? "bulb"), label), make("span", { class: "grow clip" }, hint.title),
      this.#age(hint, "small muted"), make("kbd", {}, String(number)));
  }

  #gone(hint) {
    const { words } = this;
    const state = this.#state(hint.id);
    const reason = this.#asked.get(hint.id)?.what.reason ?? hint.dismiss_reason;
    const text = state === "dismissed" && reason
      ? fill(words.dismissed_why, { reason: reason.toLowerCase(), title: hint.title })
      : fill(words[state] ?? "{title}", { title: hint.title });
    const waiting = this.#asked.get(hint.id);
    const own = ["accepted", "dismissed"].includes(state);
    return make("div", { class: "hint-row is-gone", "data-id": hint.id },
      make("span", { class: "k" }, icon(SETTLED[state] ?? "check")), make("span", { class: "grow clip muted", title: text }, text),
      waiting && !waiting.sent ? make("span", { class: "small muted" }, words.waiting) : null,
      own && !waiting ? make("button", { type: "button", class: "link small", "data-act": "undo", click: () => this.#answer(hint.id, "undo") }, words.undo)
        : make("span", { class: "small muted" }, span(hint.settled_ms ?? hint.at_ms)));
  }

  #age(hint, style) {
    return make("time", { class: style, "data-at": hint.at_ms, title: span(hint.at_ms) });
  }

  /** Tell when a hint was really painted: after the frame that shows it. A page in the background paints nothing. */
  #seen(id) {
    if (this.#painted.has(id)) return;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.#painted.has(id) || !this.list.querySelector(`[data-id="${id}"]`)?.getClientRects().length) return;
      this.#painted.set(id, performance.now());
      this.#tell();
    }));
  }

  #tell() {
    for (const [id, at] of this.#painted) {
      if (this.#told.has(id)) continue;
      const ready = this.#get(id)?.shown_at
        || this.answer({ type: "guidance", id, action: "seen", shown_ms_ago: Math.round(performance.now() - at) });
      if (ready) this.#told.add(id);
    }
  }
}
