// Who is calling: what the company knows of them, and when they were in touch before.
import { make, say } from "./dom.js";
import { day, duration, ofDay, span } from "./time.js";

/** A field's name as people read it: `contract_ends` -> Contract ends. */
function label(name) {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value !== null && typeof value === "object") return Object.values(value).map(plain).join(", ");
  return value === null || value === "" ? "–" : String(value);
}

export class Customer {
  constructor({ name, segment, fields, filled, contacts, words, past }) {
    Object.assign(this, { name, segment, fields, filled, contacts, words, past });
  }

  /** `items`: the guidance of the call; what the agent accepted for a form stands here. */
  fill(items) {
    const kept = items.filter((item) => item.kind === "prefill" && item.payload?.written && ["accepted", "used"].includes(item.state));
    this.filled.hidden = !kept.length;
    this.filled.querySelector("dl").replaceChildren(...kept.flatMap((item) =>
      [make("dt", {}, label(String(item.payload.field).split(".").at(-1))), make("dd", {}, plain(item.payload.value))]));
  }

  open(conversation, contacts) {
    const { customer } = conversation;
    say(this.name, customer?.name || customer?.reference || this.words.unknown_customer);
    say(this.segment, customer?.segment ?? "");
    this.segment.hidden = !customer?.segment;
    const fields = Object.entries(customer?.fields ?? {});
    this.fields.replaceChildren(...(fields.length
      ? fields.flatMap(([name, value]) => [make("dt", {}, label(name)), make("dd", {}, plain(value))])
      : [make("dd", { class: "muted whole" }, customer ? this.words.no_fields : this.words.no_customer)]));
    this.contacts.replaceChildren(...(contacts.length
      ? contacts.map((contact) => this.#contact(contact))
      : [make("li", { class: "muted whole" }, this.words.no_contacts)]));
  }

  #contact(contact) {
    const when = make("time", { class: "muted", datetime: contact.at, title: `${day(contact.at)}, ${ofDay(contact.at)}` }, day(contact.at));
    const length = contact.channel === "voice" && contact.duration_ms !== null
      ? make("time", { class: "small muted", datetime: duration(contact.duration_ms) }, span(contact.duration_ms))
      : make("span", { class: "small muted" }, this.words[contact.channel] ?? contact.channel);
    const title = contact.title || this.words[contact.channel];
    return make("li", {}, when, this.past
      ? make("a", { class: "clip", href: `${this.past}${contact.id}/`, target: "_blank", rel: "noopener", title }, title)
      : make("span", { class: "clip", title }, title), length);
  }
}
