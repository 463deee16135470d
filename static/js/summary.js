// The summary after the call: by section, each line edited in its place, resting on what was said.
import { announce } from "./frame.js";
import { fill, icon, make, say } from "./dom.js";
import { readText, Refused, write } from "./requests.js";
import { span } from "./time.js";

export class Summary {
  #selected = null;
  #editing = null; // {id | null, section, field}
  #chosen = null;
  #drawn = "";

  /** `light(ids)` tints utterances; `confirmed()` is called once the server has it. */
  constructor({ body, count, origin, choices, trouble, confirmButton, copyButton, status, words, light, confirmed }) {
    Object.assign(this, { body, count, origin, choices, trouble, confirmButton, copyButton, status, words, light, confirmed });
    confirmButton.addEventListener("click", () => this.confirm());
    copyButton.addEventListener("click", () => this.copy());
    trouble.querySelector("button").addEventListener("click", () => this.#again?.());
  }

  #again = null;

  open(store, { id, dispositions, disposition }) {
    Object.assign(this, { store, callId: id, dispositions });
    this.#selected = this.#editing = null;
    this.#chosen = disposition;
    this.#drawn = "";
    this.#worked();
    store.on("summary", () => this.draw());
    this.#drawChoices();
    this.draw();
  }

  get row() {
    return this.store?.all("summary")[0] ?? null;
  }

  get isOpen() {
    return this.row !== null && this.row.state !== "confirmed";
  }

  draw() {
    const { row, words } = this;
    this.confirmButton.disabled = !this.isOpen;
    this.copyButton.disabled = row === null;
    say(this.origin, row ? row.origin_label.charAt(0).toUpperCase() + row.origin_label.slice(1) : "");
    this.origin.hidden = row === null;
    if (row === null) {
      const erased = Boolean(this.store.conversation?.words_erased_at);
      if (this.#drawn !== `waiting ${erased}`) {
        this.#drawn = `waiting ${erased}`;
        say(this.count, "");
        say(this.status, "");
        if (erased) this.body.replaceChildren(make("div", { class: "blank" }, make("b", {}, words.erased), make("p", {}, words.erased_more)));
        else this.body.replaceChildren(make("div", { class: "waiting", "aria-busy": "true" },
          make("p", { class: "ink2" }, words.summary_wait),
          ...["38", "92", "84", "55"].map((width) => make("div", { class: `bone w${width}` }))));
      }
      return;
    }
    const drawn = JSON.stringify([row, this.#selected, this.#editing?.id, this.#editing?.section]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const kept = row.lines.filter((line) => !line.removed);
    say(this.count, kept.length === 1 ? words.line : fill(words.lines, { n: kept.length }));
    say(this.status, { unconfirmed: words.unconfirmed, confirmed: words.confirmed }[row.state] ?? "");
    if (this.#editing?.field) this.#editing.value = this.#editing.field.value; // redrawn under the writer's hands
    const focused = this.#editing?.field === document.activeElement;
    this.body.replaceChildren(...row.sections.map((section) => this.#section(section, row)));
    if (this.#editing?.field && (focused || this.#editing.fresh)) {
      this.#editing.field.focus();
      if (this.#editing.fresh && /^(text|textarea)$/.test(this.#editing.field.type)) this.#editing.field.setSelectionRange(this.#editing.field.value.length, this.#editing.field.value.length);
      this.#editing.fresh = false;
    }
  }

  // --- keys ---

  move(step) {
    const ids = (this.row?.lines ?? []).map((line) => line.id);
    const order = (this.row?.sections ?? []).flatMap((section) => this.row.lines.filter((line) => line.section === section.key).map((line) => line.id));
    if (!ids.length || this.#editing) return false;
    const at = order.indexOf(this.#selected);
    this.select(order[at === -1 ? (step > 0 ? 0 : order.length - 1) : Math.min(order.length - 1, Math.max(0, at + step))]);
    this.body.querySelector(".line.sel")?.focus({ preventScroll: true });
    return true;
  }

  select(id) {
    this.#selected = id;
    this.draw();
    this.body.querySelector(".line.sel")?.scrollIntoView({ block: "nearest" });
    this.light(this.#line(id)?.evidence ?? []);
  }

  edit(id = this.#selected) {
    const line = this.#line(id);
    if (!this.isOpen || !line || line.removed) return false;
    if (this.#editing) this.keep();
    this.#selected = id;
    this.#editing = { id, section: line.section, value: line.text, fresh: true };
    this.light(line.evidence);
    this.draw();
    return true;
  }

  add(section) {
    if (!this.isOpen) return;
    if (this.#editing) this.keep();
    this.#editing = { id: null, section, value: "", fresh: true };
    this.draw();
  }

  /** Keep what is being written, if anything is. */
  keep() {
    const editing = this.#editing;
    if (!editing) return Promise.resolve(true);
    this.#editing = null;
    const text = (editing.field?.value ?? editing.value).trim();
    const line = this.#line(editing.id);
    this.draw();
    if (!text || text === line?.text) return Promise.resolve(true);
    // A model's summary may have taken the place of the line meanwhile: then what was written is a line of its own.
    const kept = line ?? (editing.id && this.#field_of(editing.section));
    const [url, content] = kept
      ? [`/desk/lines/${kept.id}/`, { text }]
      : [`/desk/calls/${this.callId}/lines/`, { section: editing.section, text }];
    return this.#do(() => write(url, content), () => {
      this.#editing = { ...editing, value: text, fresh: true, field: null };
      this.draw();
    });
  }

  leave() {
    if (!this.#editing) return false;
    this.#editing = null;
    this.draw();
    return true;
  }

  remove(id = this.#selected) {
    const line = this.#line(id);
    if (!this.isOpen || !line) return false;
    this.#do(() => write(`/desk/lines/${id}/${line.removed ? "restore" : "remove"}/`));
    return true;
  }

  choose(number) {
    const wanted = this.dispositions?.[number - 1];
    if (!wanted || !this.isOpen) return false;
    this.#chosen = this.#chosen === wanted.id ? null : wanted.id;
    this.#drawChoices();
    return true;
  }

  async confirm() {
    if (!this.isOpen) return;
    if (!(await this.keep())) return;
    const { callId } = this;
    this.confirmButton.disabled = true;
    const done = await this.#do(() => write(`/desk/calls/${callId}/confirm/`, { disposition: this.#chosen }));
    this.confirmButton.disabled = !this.isOpen;
    if (done && callId === this.callId) this.confirmed();
  }

  async copy() {
    if (!this.row || !(await this.keep())) return;
    const answer = readText(`/desk/calls/${this.callId}/summary.txt`).then((text) => new Blob([text], { type: "text/plain" }));
    await this.#do(async () => {
      try {
        // The promise goes to the clipboard, because some browsers forget the click while one waits.
        await navigator.clipboard.write([new ClipboardItem({ "text/plain": answer })]);
      } catch (error) {
        if (error instanceof Refused) throw error;
        copyByHand(await (await answer).text());
      }
      const words = this.copyButton.querySelector("span");
      const before = words.textContent;
      say(words, this.words.copied);
      announce(this.words.copied);
      setTimeout(() => say(words, before), 2000);
    });
  }

  // --- parts ---

  #line(id) {
    return this.row?.lines.find((line) => line.id === id) ?? null;
  }

  /** The value of a field, of which there is one. */
  #field_of(key) {
    const section = this.row?.sections.find((one) => one.key === key);
    return section && section.kind !== "lines" ? this.row.lines.find((line) => line.section === key && !line.removed) ?? null : null;
  }

  async #do(work, failed = () => {}) {
    try {
      await work();
      this.#worked();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      failed();
      this.#again = () => this.#do(work, failed);
      say(this.trouble.querySelector(".why-not"), error.message || this.words.text_kept);
      this.trouble.hidden = false;
      return false;
    }
  }

  #worked() {
    this.trouble.hidden = true;
    this.#again = null;
  }

  #section({ key: section, label, kind, instruction }, row) {
    const lines = row.lines.filter((line) => line.section === section);
    const orphan = this.#editing && this.#editing.id !== null && !this.#line(this.#editing.id);
    const adding = this.#editing && (this.#editing.id === null || orphan) && this.#editing.section === section;
    const add = (words, ...attributes) => make("button", { type: "button", class: "add", click: () => this.add(section), ...Object.assign({}, ...attributes) }, icon("plus"), words);
    const name = fill(this.words.add_line_to, { section: label });
    const full = kind !== "lines" && lines.some((line) => !line.removed);
    const offered = this.isOpen && !adding && !full;
    return make("section", { class: kind === "lines" ? "s" : "s field-s", "aria-label": label, "data-section": section },
      make("h3", {}, make("span", { title: instruction || null }, label), offered && lines.length ? add("", { "aria-label": name, title: name }) : null),
      make("div", { class: "ls" }, ...lines.map((line) => this.#draw(line)), adding ? this.#field(this.#editing) : null,
        offered && !lines.length ? add(kind === "lines" ? this.words.add_line : this.words.add_value, { "aria-label": name }) : null));
  }

  #draw(line) {
    if (this.#editing?.id === line.id) return this.#field(this.#editing);
    const { words } = this;
    const notes = [];
    if (line.removed) {
      notes.push(make("span", { class: "muted" }, words.removed));
      if (this.isOpen) notes.push(make("button", { type: "button", class: "link", click: (event) => { event.stopPropagation(); this.remove(line.id); } }, words.put_back));
    } else {
      if (line.original) notes.push(make("span", { class: "muted", title: fill(words.original, { text: line.original }) }, words.edited));
      const times = line.evidence.map((id) => this.store.get("utterance", id)).filter(Boolean);
      times.forEach((utterance, at) => notes.push(make("button", { type: "button", class: "link", click: (event) => { event.stopPropagation(); this.select(line.id); this.light([utterance.id]); } },
        span(utterance.start_ms) + (at < times.length - 1 ? "," : ""))));
      if (line.due_on) notes.push(make("span", { class: "chip" }, fill(words.due, { day: line.due_on })));
      if (!times.length && line.way === "agent") notes.push(make("span", { class: "muted" }, words.added));
    }
    const tools = this.isOpen && !line.removed && this.#selected === line.id ? make("span", { class: "tools" },
      make("button", { type: "button", class: "btn btn-sm btn-icon", "aria-label": words.edit_line, title: `${words.edit_line} (E)`, click: (event) => { event.stopPropagation(); this.edit(line.id); } }, icon("pencil")),
      make("button", { type: "button", class: "btn btn-sm btn-icon", "aria-label": words.remove_line, title: `${words.remove_line} (Del)`, click: (event) => { event.stopPropagation(); this.remove(line.id); } }, icon("trash"))) : null;
    return make("div", { class: `line${this.#selected === line.id ? " sel" : ""}${line.removed ? " gone" : ""}`, "data-id": line.id, tabindex: "-1", click: () => this.select(line.id), dblclick: () => this.edit(line.id) },
      make("span", { class: "text" }, line.text), make("span", { class: "src" }, ...notes, tools));
  }

  #field(editing) {
    const section = this.row?.sections.find((one) => one.key === editing.section);
    const options = section?.kind === "yes_no" ? ["yes", "no"] : section?.kind === "choice" ? section.choices : null;
    const attributes = { "aria-label": section && section.kind !== "lines" ? section.label : this.words.line_words };
    const field = options
      ? make("select", attributes, ...["", ...options].map((one) => make("option", { value: one }, one)))
      : make(section && ["number", "amount", "date"].includes(section.kind) ? "input" : "textarea",
        { ...attributes, maxlength: 400, ...(section?.kind === "date" ? { type: "date" } : section?.kind === "number" || section?.kind === "amount" ? { type: "text", inputmode: section.kind === "number" ? "decimal" : "text", placeholder: section.kind === "amount" ? "24.50 EUR" : "12.5" } : { rows: 1 }) });
    field.value = editing.value;
    // A choice is made by choosing.
    if (options) field.addEventListener("change", () => this.keep());
    editing.field = field;
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return; // confirms the whole
      if (event.key === "Enter") {
        event.preventDefault();
        this.keep();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.leave();
      }
    });
    field.addEventListener("blur", () => setTimeout(() => this.#editing?.field === field && document.activeElement !== field && this.keep()));
    return make("div", { class: "line edit" }, field, make("span", { class: "src muted" }, this.words.editing));
  }

  #drawChoices() {
    this.choices.closest(".disp").hidden = !this.dispositions.length;
    this.choices.replaceChildren(...this.dispositions.map((choice, at) => {
      const on = choice.id === this.#chosen;
      return make("button", { type: "button", role: "radio", class: `opt${on ? " on" : ""}`, "aria-checked": String(on), click: () => this.choose(at + 1) },
        icon(on ? "circle-dot" : "circle"), make("span", { class: "clip" }, choice.name), at < 9 ? make("kbd", {}, String(at + 1)) : null);
    }));
  }
}

/** For pages that are not served over https, where browsers have no clipboard to offer. */
function copyByHand(text) {
  const field = make("textarea", { class: "visually-hidden" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

