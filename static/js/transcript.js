// The transcript: finals in their order, partials in grey at the end, chips for what was hidden, marks for moments.
import { fill, icon, make, say } from "./dom.js";
import { holds } from "./phase.js";
import { duration, span } from "./time.js";

const NEAR_END = 48;
// As `vocabulary.PLACEHOLDER`: a type's name, and its last four digits or the hash of a value.
const PLACEHOLDER = /\[([A-Z][A-Z_]{1,31})(?: ([0-9]{4}|#[0-9a-f]{8}))?\]/g;

/** What a chip says: "card number …1111", "name #3fa9"; a type that is the company's own by its name. */
function chipWords([, name, detail], redactions) {
  const label = redactions[`[${name}]`] ?? name.replaceAll("_", " ").trim().toLowerCase();
  if (!detail) return label;
  return detail.startsWith("#") ? `${label} ${detail.slice(0, 5)}` : `${label} …${detail}`;
}

/** Words as nodes: placeholders become chips, `ranges` of `{start, end, name}` (in characters) become marks. */
export function speech(text, ranges, { redactions, words }) {
  const letters = Array.from(text); // ranges count characters, JavaScript's strings count half of some
  const names = new Array(letters.length).fill(null);
  for (const { start, end, name } of ranges) names.fill(name, Math.max(0, start), Math.min(end, letters.length));
  const chips = new Map();
  let seen = 0;
  let units = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    seen += Array.from(text.slice(units, match.index)).length;
    units = match.index;
    chips.set(seen, match);
  }
  const out = document.createDocumentFragment();
  let at = 0;
  while (at < letters.length) {
    const hidden = chips.get(at);
    if (hidden) {
      const label = chipWords(hidden, redactions);
      out.append(make("span", { class: "redact", "data-length": hidden[0].length, title: fill(words.hidden_thing, { label }) }, icon("eye-off"), label));
      at += hidden[0].length;
      continue;
    }
    let end = at + 1;
    while (end < letters.length && names[end] === names[at] && !chips.has(end)) end += 1;
    const part = letters.slice(at, end).join("");
    out.append(names[at] === null ? part : make("mark", names[at] ? { class: names[at] } : {}, part));
    at = end;
  }
  return out;
}

export class Transcript {
  #rows = new Map();
  #partials = new Map();
  #query = "";
  #hits = [];
  #hit = -1;
  #following = true;
  #unseen = 0;
  #lit = new Set();
  #marks = new Map();

  /** `labels`: name shown per speaker, or a function of the ms that gives it: `{agent: (ms) => "You", customer: "Helen"}`. */
  constructor({ scroller, list, more, words, redactions, kept, count = null }) {
    Object.assign(this, { scroller, list, more, words, redactions, kept, count });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    more.addEventListener("click", () => this.follow());
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(scroller);
  }

  /** Begin with what is there. */
  open(store, labels) {
    Object.assign(this, { store, labels });
    this.kept.open(store.conversation.id);
    this.#rows.clear();
    this.#partials.clear();
    this.#lit.clear();
    this.#marks.clear();
    this.list.replaceChildren();
    this.search("");
    for (const item of store.all("utterance").sort((a, b) => a.start_ms - b.start_ms || a.n - b.n)) this.#put(item);
    this.#drawMarks();
    this.#drawMissed();
    this.#unseen = 0;
    this.follow();
    for (const kind of ["conversation", "handover", "message"]) {
      store.on(kind, () => {
        this.#rename();
        this.#drawMarks();
        this.#drawMissed();
      });
    }
    store.on("utterance", (item, before) => {
      const bodyOf = this.#partials.get(item.speaker);
      if (bodyOf && !before) this.partial({ speaker: item.speaker, text: "" });
      this.#put(item);
      this.#grown(!before);
      if (this.#query) this.#find();
    });
    store.on("moment", (moment) => moment.utterance && this.#write(moment.utterance));
  }

  /** Text that may still change; empty text clears it. */
  partial({ speaker, text }) {
    let row = this.#partials.get(speaker);
    if (!text) {
      row?.remove();
      this.#partials.delete(speaker);
      return;
    }
    if (!row) {
      row = this.#row(speaker, Infinity, make("span", {}, this.words.speaking));
      row.classList.add("is-partial");
      row.querySelector("p").classList.add("partial");
      this.#partials.set(speaker, row);
      this.list.append(row);
    }
    row.querySelector("p").replaceChildren(speech(text, [], this));
    this.#grown(false);
  }

  clearPartials() {
    for (const speaker of [...this.#partials.keys()]) this.partial({ speaker, text: "" });
  }

  /** Bring an utterance into sight and tint it for a moment. */
  reveal(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#following = false;
    row.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    row.classList.remove("flash");
    void row.offsetWidth; // so that the same one can flash twice
    row.classList.add("flash");
  }

  /** Tint the utterances that something rests on, and bring the first into sight. */
  light(ids) {
    for (const id of this.#lit) this.#rows.get(id)?.classList.remove("lit");
    this.#lit = new Set(ids);
    for (const id of ids) this.#rows.get(id)?.classList.add("lit");
    const first = this.#rows.get(ids[0]);
    if (first) {
      this.#following = false;
      first.scrollIntoView({ block: "center" });
    }
  }

  follow() {
    this.#following = true;
    this.#unseen = 0;
    this.more.hidden = true;
    this.#toEnd();
  }

  /** Mark what is looked for; `next()` goes from hit to hit. */
  search(query) {
    this.#query = query.trim().toLocaleLowerCase();
    this.#find();
  }

  next(step = 1) {
    if (!this.#hits.length) return;
    this.#hit = (this.#hit + step + this.#hits.length) % this.#hits.length;
    this.reveal(this.#hits[this.#hit]);
    this.#counted();
  }

  #find() {
    const before = new Set(this.#hits);
    this.#hits = [];
    if (this.#query) {
      for (const [id] of this.#rows) {
        if (this.store.get("utterance", id).text.toLocaleLowerCase().includes(this.#query)) this.#hits.push(id);
      }
      const order = new Map([...this.list.children].map((row, at) => [row.dataset.id, at]));
      this.#hits.sort((a, b) => order.get(a) - order.get(b));
    }
    this.#hit = Math.min(this.#hit, this.#hits.length - 1);
    for (const id of new Set([...before, ...this.#hits])) this.#write(id);
    this.#counted();
  }

  #counted() {
    if (!this.count) return;
    const text = !this.#query ? "" : !this.#hits.length ? this.words.not_found
      : fill(this.words.found, { n: this.#hit + 1 || "–", all: this.#hits.length });
    say(this.count, text);
  }

  #put(item) {
    let row = this.#rows.get(item.id);
    if (!row) {
      row = this.#row(item.speaker, item.start_ms, make("time", { datetime: duration(item.start_ms) }, span(item.start_ms)));
      row.dataset.id = item.id;
      this.#rows.set(item.id, row);
      this.#place(row, item.start_ms);
    }
    this.#write(item.id);
  }

  #place(row, ms) {
    row.dataset.at = ms;
    let before = this.list.lastElementChild;
    while (before && (before.classList.contains("is-partial") || Number(before.dataset.at) > ms)) {
      before = before.previousElementSibling;
    }
    if (before) before.after(row);
    else this.list.prepend(row);
  }

  /** Thin lines for what happened beside the words: stretches on hold, and who took over. */
  #drawMarks() {
    const wanted = new Map();
    for (const { from, to } of holds(this.store.conversation)) {
      const text = to === null ? this.words.phase_hold : fill(this.words.held, { time: span(to - from) });
      wanted.set(`hold-${from}`, [from, "player-pause", text]);
    }
    for (const item of this.store.all("handover")) {
      wanted.set(item.id, [item.at_ms, "arrows-exchange", fill(this.words.handed_to, { name: item.to?.name ?? this.words.agent })]);
    }
    for (const [key, row] of this.#marks) {
      if (wanted.has(key)) continue;
      row.remove();
      this.#marks.delete(key);
    }
    for (const [key, [ms, sign, text]] of wanted) {
      let row = this.#marks.get(key);
      if (!row) {
        row = make("li", { class: "ev" }, icon(sign), make("span", {}));
        this.#marks.set(key, row);
        this.#place(row, ms);
        this.#grown(false);
      }
      say(row.lastElementChild, text);
    }
  }

  /** Of a chat: what was written here and did not reach the customer. What still waits is told above the answer. */
  #drawMissed() {
    for (const message of this.store.all("message")) {
      const row = this.#rows.get(message.utterance);
      const missed = Boolean(message.failed_at || (!this.store.isLive && !message.delivered_at));
      const mark = row?.querySelector(".missed");
      if (!row || missed === Boolean(mark)) continue;
      if (missed) row.querySelector(".t-h").append(make("span", { class: "missed" }, icon("alert-triangle"), this.words.chat_missed));
      else mark.remove();
    }
  }

  #rename() {
    for (const [id, row] of this.#rows) {
      const item = this.store.get("utterance", id);
      say(row.querySelector(".t-h b"), this.#name(item.speaker, item.start_ms));
    }
    for (const [speaker, row] of this.#partials) say(row.querySelector(".t-h b"), this.#name(speaker, Infinity));
  }

  #name(speaker, ms) {
    const label = this.labels[speaker];
    return (typeof label === "function" ? label(ms) : label) ?? this.words[speaker] ?? speaker;
  }

  #write(id) {
    const row = this.#rows.get(id);
    const item = this.store.get("utterance", id);
    if (!row || !item) return;
    const ranges = this.store.all("moment")
      .filter((moment) => moment.utterance === id && moment.start !== null)
      .map((moment) => ({ start: moment.start, end: moment.end, name: "" }));
    if (this.#query && this.#hits.includes(id)) {
      const text = Array.from(item.text.toLocaleLowerCase());
      const wanted = Array.from(this.#query);
      for (let at = 0; at + wanted.length <= text.length; at += 1) {
        if (wanted.every((letter, offset) => text[at + offset] === letter)) {
          ranges.push({ start: at, end: at + wanted.length, name: "found" });
        }
      }
    }
    const words = row.querySelector("p");
    words.replaceChildren(speech(item.text, ranges, this));
    this.kept.dress(id, words);
  }

  #row(speaker, ms, when) {
    const name = make("b", {}, this.#name(speaker, ms));
    const right = ["agent", "supervisor"].includes(speaker);
    return make("li", { class: right ? "ag" : "cu" },
      make("div", { class: "t-h" }, ...(right ? [when, name] : [name, when])), make("p"));
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.#following) {
      this.#unseen = 0;
      this.more.hidden = true;
    }
  }

  #grown(isNew) {
    if (this.#following) return this.#toEnd();
    if (isNew) {
      this.#unseen += 1;
      say(this.more.querySelector("span"), fill(this.words.new, { n: this.#unseen }));
      this.more.hidden = false;
    }
  }

  #toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
