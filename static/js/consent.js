// What the caller allows: said in plain words, changed by the agent who hears them say otherwise, with a second look.
import { announce } from "./frame.js";
import { fill, icon, make, say } from "./dom.js";
import { Refused, write } from "./requests.js";
import { span } from "./time.js";

const PURPOSES = ["record", "assist"];

/** What counts now for a purpose, and the last word on it: `{allowed, said}`; `said` is null while nothing is known. */
export function consentNow(store, meaning) {
  const now = {};
  for (const purpose of PURPOSES) {
    const said = store.all("consent").filter((item) => item.purpose === purpose)
      .sort((a, b) => a.at.localeCompare(b.at) || a.id.localeCompare(b.id)).at(-1) ?? null;
    now[purpose] = { said, allowed: meaning[purpose]?.[said?.state ?? ""] ?? true };
  }
  return now;
}

/** Why there are no words, or no sound, in one sentence; "" where both are allowed. */
export function consentGap(now, words) {
  if (!now.assist.allowed) return words.consent_no_words;
  return now.record.allowed ? "" : words.consent_no_sound;
}

/** The bar above a transcript that says so. */
export function drawGap(bar, store, meaning, words) {
  const gap = store ? consentGap(consentNow(store, meaning), words) : "";
  bar.hidden = !gap;
  say(bar.querySelector("span"), gap);
}

export class Consent {
  #asking = null; // "withdrawn" | "given"
  #sending = false;

  /** `changed()` is called when what counts has changed. */
  constructor({ part, list, actions, form, trouble, words, changed }) {
    Object.assign(this, { part, list, actions, form, trouble, words, changed });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.#cancel();
    });
  }

  open(store, { id, consent }) {
    Object.assign(this, { store, callId: id, meaning: consent });
    this.#asking = null;
    this.#sending = false;
    this.form.replaceChildren();
    this.trouble.hidden = true;
    store.on("consent", (item, before) => {
      if (!before) announce(item.label);
      this.#draw();
      this.changed();
    });
    this.#draw();
  }

  get now() {
    return consentNow(this.store, this.meaning);
  }

  /** Ask what to change, ready for the keyboard: the withdrawal, or the agreement where all is withdrawn. */
  ask(state = PURPOSES.some((purpose) => this.now[purpose].allowed) ? "withdrawn" : "given") {
    if (this.#sending) return; // what was asked before is being answered, and closes the form
    this.#asking = state;
    this.form.replaceChildren();
    this.#draw();
    this.form.querySelector("button[type=submit]").focus();
    this.form.scrollIntoView({ block: "nearest" });
  }

  #cancel() {
    this.#asking = null;
    this.#draw();
    this.actions.querySelector("button")?.focus();
  }

  #draw() {
    const { words, now } = this;
    this.list.replaceChildren(...PURPOSES.flatMap((purpose) => {
      const { allowed, said } = now[purpose];
      const known = said
        ? fill(words[`consent_${said.state}`], { time: span(said.at_ms) })
        : words.consent_unknown;
      return [make("dt", {}, words[`consent_${purpose}`]),
        make("dd", {}, icon(allowed ? "check" : "ban"), make("span", {}, make("b", {}, allowed ? words.consent_yes : words.consent_no), make("small", {}, known)))];
    }));
    const offered = [["withdrawn", PURPOSES.some((purpose) => now[purpose].allowed)], ["given", PURPOSES.some((purpose) => !now[purpose].allowed || now[purpose].said === null)]];
    this.actions.hidden = this.#asking !== null;
    this.form.hidden = this.#asking === null;
    const printed = offered.find(([, is]) => is)?.[0];
    this.actions.replaceChildren(...offered.filter(([, is]) => is).map(([state]) => make("button", {
      type: "button", class: "btn btn-sm", "data-state": state, click: () => this.ask(state),
    }, words[`consent_do_${state}`], state === printed ? make("kbd", {}, "P") : null)));
    if (this.#asking === null) this.form.replaceChildren();
    else if (!this.form.childElementCount) this.#drawForm(); // not under the hands of who fills it in
  }

  #drawForm() {
    const { words, now } = this;
    const withdrawn = this.#asking === "withdrawn";
    const asked = PURPOSES.filter((purpose) => (withdrawn ? now[purpose].allowed : now[purpose].said?.state !== "given"));
    const erases = withdrawn && asked.some((purpose) => this.meaning[purpose].erases);
    this.form.replaceChildren(
      make("fieldset", {}, make("legend", {}, words[`consent_ask_${this.#asking}`]),
        ...asked.map((purpose) => make("label", { class: "row-x" },
          make("input", { class: "form-check-input", type: "checkbox", name: "purpose", value: purpose, checked: true }), words[`consent_${purpose}`]))),
      make("p", { class: "small ink2" }, withdrawn ? (erases ? words.consent_erases : words.consent_stops) : words.consent_begins),
      make("div", { class: "row-x" },
        make("button", { type: "submit", class: "btn btn-sm btn-primary" }, words[`consent_sure_${this.#asking}`]),
        make("button", { type: "button", class: "btn btn-sm btn-quiet", click: () => this.#cancel() }, words.consent_cancel, " ", make("kbd", {}, "Esc"))),
    );
  }

  async #send() {
    const purposes = [...this.form.querySelectorAll("input:checked")].map((box) => box.value);
    if (this.#sending || !purposes.length) return;
    const id = this.callId;
    const state = this.#asking;
    this.#sending = true;
    this.trouble.hidden = true;
    try {
      await write(`/desk/calls/${id}/consent/`, { state, purposes });
      if (id === this.callId) this.#cancel(); // what was recorded comes as an event
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id !== this.callId) return;
      say(this.trouble.querySelector("span"), fill(this.words.not_done, { why: error.message || this.words.offline }));
      this.trouble.hidden = false;
    } finally {
      if (id === this.callId) this.#sending = false;
    }
  }
}
