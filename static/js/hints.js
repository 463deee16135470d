// Guidance: one list, one item open, the others beneath it by priority, in a space that is kept free for them. While
// the pointer or the focus is inside, nothing changes its place. What is settled says so in grey, then leaves.
import { announce } from "./frame.js";
import { fill, icon, make, reason, say } from "./dom.js";
import { keyCap } from "./keys.js";
import { card, LOST, part, remark, SIGN } from "./hint_parts.js";
import { tell } from "./knowledge_use.js";
import { ago, span } from "./time.js";

const SHOWN = 3;
const LEAVES_AFTER = 8_000;
// What was just put under somebody's finger is not what they meant to press.
const SWAPPED_MS = 400;
// Script lines must be read, so they come before everything; praise is a line that goes by itself.
const LISTED = new Set(["hint", "knowledge", "line", "prefill"]);
const rank = (a, b) => (b.kind === "line") - (a.kind === "line") || b.priority - a.priority || b.at_ms - a.at_ms;

export class Hints {
  #order = []; // what is open, the first one being the card
  #open = null;
  #why = false;
  #left = new Map(); // settled hints that are still shown, and since when
  #asked = new Map(); // answers that the server has not confirmed
  #painted = new Map(); // when a hint was first on the screen, by performance.now()
  #told = new Set();
  #remarks = new Map(); // what is being written about a passage, kept while rows are drawn anew
  #drawn = "";
  #built = null; // the hint that is drawn open
  #swapped = -Infinity; // when another one took the card without being asked
  #inside = false; // the pointer
  #height = 0;

  /** `answer(content)` sends and returns whether it went out; `reveal(id)` shows an utterance; `mute(id, kind)` mutes. */
  constructor({ list, count, words, answer, reveal, callTime, mute, mutes }) {
    Object.assign(this, { list, count, words, answer, reveal, callTime, mute, mutes });
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
    list.addEventListener("pointerenter", (event) => { this.#inside = event.pointerType !== "touch"; });
    list.addEventListener("pointerleave", () => { this.#inside = false; this.#settle(); });
    list.addEventListener("focusout", () => setTimeout(() => this.#settle()));
  }

  open(store) {
    this.store = store;
    this.#order = [];
    this.#remarks.clear();
    this.#open = null;
    this.#why = false;
    this.#drawn = "";
    this.#height = 0;
    this.list.style.minHeight = "";
    for (const map of [this.#left, this.#asked, this.#painted, this.#told]) map.clear();
    for (const hint of this.#hints().sort(rank)) if (this.#isOpen(hint)) this.#order.push(hint.id);
    store.on("guidance", (hint, before) => {
      if (LISTED.has(hint.kind)) this.#changed(hint, before);
      else if (hint.kind === "praise" && !before) this.#praised(hint);
    });
    this.draw();
  }

  /** Call it each second: times go on, hints run out, what is settled leaves. */
  draw() {
    if (!this.store) return;
    const now = performance.now();
    for (const [id, since] of this.#left) if (now - since > LEAVES_AFTER && !this.#held) this.#left.delete(id);
    this.#order = this.#order.filter((id) => this.#isOpen(this.#get(id)) || (this.#held && this.#left.has(id)));
    if (!this.#order.includes(this.#open)) {
      const next = this.#order.find((id) => this.#isOpen(this.#get(id))) ?? null;
      if (next !== null && this.#open !== null) this.#swapped = now;
      this.#open = next;
      this.#why = false;
    }
    const shown = this.#shown();
    const more = this.#order.length - shown.length;
    const drawn = JSON.stringify([this.#open, this.#why && (this.#get(this.#open)?.latency_ms?.heard_to_shown ?? true), more, shown.map((id) => [id, this.#state(id), this.#get(id)?.used_ms]), [...this.#left.keys()], [...this.#asked]]);
    // Not under the hands of who chooses a reason; the next second will do.
    const busy = this.#built === this.#open && this.list.querySelector("details[open]");
    if (drawn !== this.#drawn && !busy) {
      this.#drawn = drawn;
      this.#built = this.#open;
      this.#build(shown, more);
    }
    for (const time of this.list.querySelectorAll("[data-at]")) say(time, ago(this.callTime() - Number(time.dataset.at), this.words));
    const open = this.#order.filter((id) => this.#isOpen(this.#get(id))).length;
    say(this.count, open ? fill(this.words.open_count, { n: open }) : "");
  }

  accept() {
    return this.#answer(this.#open, "accept");
  }

  dismiss(reason = "") {
    return this.#answer(this.#open, "dismiss", reason);
  }

  /** It does not belong here: a label for whoever looks after the rule. */
  wrong() {
    return this.#answer(this.#open, "wrong");
  }

  /** Nothing more of this rule, or of this kind, today. */
  muteOpen(wholeKind = false) {
    const hint = this.#open === null ? null : this.#get(this.#open);
    if (!hint?.optional || hint.kind === "line") return false;
    this.mute(hint.id, wholeKind);
    return this.#answer(hint.id, "dismiss", this.words.muted_reason);
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
    if (!id || id === this.#open || !this.#isOpen(this.#get(id))) return false;
    this.#open = id;
    this.#why = false;
    this.#swapped = -Infinity;
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
    return this.store.all("guidance").filter((hint) => LISTED.has(hint.kind));
  }

  #get(id) {
    return this.store.get("guidance", id);
  }

  /** Whether somebody is at it: then everything keeps its place. */
  get #held() {
    return this.#inside || this.list.querySelector(":focus-visible") !== null;
  }

  /** The state as this page knows it: what the agent just did counts before the server has said so. */
  #state(id) {
    const asked = this.#asked.get(id)?.what.action;
    if (asked === "accept") return "accepted";
    if (asked === "dismiss" || asked === "wrong") return "dismissed";
    return this.#get(id)?.state;
  }

  #isOpen(hint) {
    if (!hint || this.#state(hint.id) !== "open" || this.#isMuted(hint)) return false;
    return hint.expires_ms === null || hint.expires_ms > this.callTime();
  }

  #isMuted(hint) {
    return hint.optional && hint.kind !== "line" && this.mutes().some((mute) => (mute.rule ? mute.rule === hint.rule : mute.kind === hint.kind));
  }

  #shown() {
    const rest = this.#order.filter((id) => id !== this.#open);
    return (this.#open === null ? [] : [this.#open]).concat(rest.slice(0, SHOWN - 1));
  }

  /** Nobody is at it any more: the order of priority again, and a script line to the front. */
  #settle() {
    if (!this.store || this.#held) return;
    const rest = this.#order.filter((id) => id !== this.#open).map((id) => this.#get(id)).sort(rank);
    this.#order = (this.#open === null ? [] : [this.#open]).concat(rest.map((hint) => hint.id));
    this.#readFirst();
    this.draw();
  }

  #readFirst() {
    const line = this.#order.find((id) => this.#get(id)?.kind === "line" && this.#isOpen(this.#get(id)));
    if (!line || this.#held || this.#get(this.#open)?.kind === "line") return;
    this.#open = line;
    this.#why = false;
    this.#swapped = performance.now();
  }

  #changed(hint, before) {
    if (hint.state === this.#state(hint.id) || hint.state !== "open") this.#asked.delete(hint.id);
    if (hint.state === "open") {
      this.#left.delete(hint.id);
      if (!this.#order.includes(hint.id) && this.#isOpen(hint)) {
        // Behind the open one, before what waits that matters less; last of all while somebody is at the list.
        const at = this.#held ? -1 : this.#order.findIndex((id, place) => id !== this.#open && place > 0 && rank(this.#get(id), hint) >= 0);
        if (!this.#order.length || at === -1) this.#order.push(hint.id);
        else this.#order.splice(at, 0, hint.id);
        if (hint.kind === "line") this.#readFirst();
        if (!before) announce(fill(this.words.hint_arrived, { label: part(hint, this.words).label, title: hint.title }), { urgent: hint.kind === "line" });
      }
    } else if (before?.state === "open" && !this.#left.has(hint.id)) {
      this.#left.set(hint.id, performance.now());
    }
    this.draw();
  }

  #praised(hint) {
    if (this.#isMuted(hint)) return;
    this.#left.set(hint.id, performance.now());
    announce(hint.title);
    this.draw();
  }

  #answer(id, action, reason = "") {
    // What slipped under the pointer just now was not meant; "Undo" stands apart and is.
    const slipped = action !== "undo" && performance.now() - this.#swapped < SWAPPED_MS;
    if (id === null || this.#asked.has(id) || slipped) return false;
    const content = { what: { action, ...(reason && { reason }) }, sent: false };
    this.#asked.set(id, content);
    if (action === "undo") this.#left.delete(id);
    else {
      this.#left.set(id, performance.now());
      // One's own answer makes room at once, wherever the pointer is.
      this.#order = this.#order.filter((one) => one !== id);
    }
    content.sent = this.answer({ type: "guidance", id, ...content.what });
    this.draw();
    return true;
  }

  #build(shown, more) {
    const focus = this.list.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    const known = new Set([...this.list.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
    const rows = shown.map((id, at) => {
      const hint = this.#get(id);
      if (!this.#isOpen(hint)) return this.#gone(hint);
      return id === this.#open ? this.#card(hint) : this.#row(hint, at + 1);
    });
    if (more > 0) rows.push(make("p", { class: "hint-more small muted" }, fill(this.words.more_hints, { n: more })));
    for (const id of this.#left.keys()) if (!shown.includes(id)) rows.push(this.#gone(this.#get(id)));
    for (const row of rows) if (row.dataset.id && !known.has(row.dataset.id)) row.classList.add("arrive");
    this.list.replaceChildren(...rows);
    if (focus) this.list.querySelector(`[data-act="${focus}"]`)?.focus({ preventScroll: true });
    for (const id of shown) this.#seen(id);
    this.#keepRoom();
  }

  /** The space that hints have taken stays theirs for the call, so that what is beneath them keeps its place. */
  #keepRoom() {
    const { height } = this.list.getBoundingClientRect();
    if (this.#why || height <= this.#height) return;
    this.#height = height;
    this.list.style.minHeight = `${Math.round(height)}px`;
  }

  #card(hint) {
    return card(hint, {
      words: this.words,
      why: this.#why,
      reason: (inLine) => this.#reason(hint, inLine),
      age: this.#age(hint, "end"),
      act: {
        accept: () => this.accept(),
        dismiss: (reason) => this.dismiss(reason),
        wrong: () => this.wrong(),
        mute: (wholeKind) => this.muteOpen(wholeKind),
        why: () => this.toggleWhy(),
      },
    });
  }

  #reason(hint, inLine = true) {
    const text = inLine ? hint.reason.charAt(0).toLowerCase() + hint.reason.slice(1) : hint.reason;
    return reason(text, hint.evidence, this.reveal);
  }

  #row(hint, number) {
    const { label, sign } = part(hint, this.words);
    return make("button", { type: "button", class: `hint-row${hint.kind === "line" ? " is-line" : ""}`, "data-id": hint.id, "data-act": `row-${number}`, title: hint.title, click: () => this.pick(number) },
      make("span", { class: "k" }, icon(sign), label), make("span", { class: "grow clip" }, hint.title),
      this.#age(hint, "small muted"), make("kbd", {}, keyCap(String(number))));
  }

  #gone(hint) {
    const { words } = this;
    const praise = hint.kind === "praise";
    const state = praise ? "praise" : hint.used_ms !== null && hint.used_ms !== undefined ? "used" : this.#state(hint.id) === "open" ? "expired" : this.#state(hint.id);
    const asked = this.#asked.get(hint.id);
    const why = asked?.what.reason ?? hint.dismiss_reason;
    const wrong = asked?.what.action === "wrong" || hint.wrong;
    const text = praise ? hint.title
      : wrong ? fill(words.marked_wrong, { title: hint.title })
        : state === "dismissed" && why ? fill(words.dismissed_why, { reason: why.toLowerCase(), title: hint.title })
          : fill((state === "accepted" && hint.kind === "knowledge" ? words.was_helpful : words[state]) ?? "{title}", { title: hint.title });
    const own = !praise && ["accepted", "dismissed"].includes(this.#state(hint.id));
    const verdict = wrong ? "wrong" : state === "accepted" ? "helpful" : "";
    const remarked = own && verdict && hint.kind === "knowledge" && hint.payload?.question ? this.#remark(hint, verdict) : null;
    return make("div", { class: `hint-row is-gone${praise ? " is-praise" : ""}${remarked ? " has-remark" : ""}`, "data-id": hint.id },
      make("span", { class: "k" }, icon(LOST[state] ?? SIGN[state] ?? "check")), make("span", { class: `grow clip${praise ? "" : " muted"}`, title: text }, text),
      asked && !asked.sent ? make("span", { class: "small muted" }, words.waiting) : null,
      praise ? (hint.optional ? make("button", { type: "button", class: "link small", "data-act": "mute-praise", click: () => this.#mutePraise(hint) }, words.mute_short) : null)
        : own && !asked ? make("button", { type: "button", class: "link small", "data-act": "undo", click: () => this.#answer(hint.id, "undo") }, words.undo)
          : make("span", { class: "small muted" }, span(hint.used_ms ?? hint.settled_ms ?? hint.at_ms)),
      remarked);
  }

  #remark(hint, kind) {
    const name = `${hint.id} ${kind}`;
    const { document: id, version, start, end, question } = hint.payload;
    const send = async (comment) => {
      const kept = await tell({ document: id, version, start, end, question, kind, comment });
      this.#left.set(hint.id, performance.now()); // the thanks stay for a moment, too
      return kept;
    };
    if (!this.#remarks.has(name)) this.#remarks.set(name, remark(hint, this.words, send));
    return this.#remarks.get(name);
  }

  #mutePraise(hint) {
    this.mute(hint.id, true);
    this.#left.delete(hint.id);
    this.draw();
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
