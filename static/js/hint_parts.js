// How one piece of guidance looks while it is open: what to say or do, why on demand, what can be answered.
import { fill, icon, make } from "./dom.js";
import { keyCap } from "./keys.js";

export const SIGN = { Say: "message-2", Do: "hand-finger", Know: "book-2", line: "speakerphone", knowledge: "book-2", prefill: "forms", praise: "thumb-up", used: "checks" };
export const LOST = { accepted: "check", used: "checks", dismissed: "x", withdrawn: "arrow-back-up", expired: "clock-off", praise: "thumb-up" };

/** The word and the sign of a piece of guidance. */
export function part(hint, words) {
  const label = words[`kind_${hint.kind}`] ?? words[hint.label.toLowerCase()] ?? hint.label;
  return { label, sign: SIGN[hint.kind] ?? SIGN[hint.label] ?? "bulb" };
}

export function card(hint, { words, why, reason, age, act }) {
  const { label, sign } = part(hint, words);
  const mutable = hint.optional && hint.kind !== "line";
  // A passage as it stands in the company's documents; the card's title says where.
  const known = hint.kind === "knowledge" && !hint.say ? hint.payload ?? {} : {};
  const passage = known.text ?? "";
  return make("article", { class: `hint is-${hint.kind}`, "data-id": hint.id, "aria-label": `${label}: ${hint.title}` },
    make("div", { class: "k" }, icon(sign), make("b", {}, label), make("span", { class: "because" }, hint.reason ? reason(true) : ""), age),
    make("p", { class: "do" }, hint.title),
    hint.say ? make("p", { class: "say" }, hint.kind === "knowledge" ? hint.say : `“${hint.say}”`) : null,
    passage ? make("p", { class: "say passage" }, ...(known.parts?.length ? known.parts : [[passage, false]]).map(([text, marked]) => (marked ? make("mark", {}, text) : text))) : null,
    passage ? make("p", { class: "small muted" }, source(known, hint.title, words), known.collection ? ` · ${known.collection}` : "") : null,
    make("div", { class: "act" },
      make("button", { type: "button", class: "btn btn-primary", "data-act": "accept", click: act.accept }, hint.kind === "line" ? words.line_read : passage ? words.helpful : words.accept, " ", make("kbd", {}, keyCap("Enter"))),
      passage ? make("button", { type: "button", class: "btn", "data-act": "wrong", click: act.wrong, title: words.wrong_passage }, words.wrong_short, " ", make("kbd", {}, keyCap("x"))) : null,
      make("span", { class: "split" },
        make("button", { type: "button", class: "btn", "data-act": "dismiss", click: () => act.dismiss("") }, words.dismiss, " ", make("kbd", {}, keyCap("Escape"))),
        make("details", { class: "menu" },
          make("summary", { class: "btn btn-icon", "data-act": "menu", "aria-label": words.dismiss_why, title: words.dismiss_why }, icon("chevron-down")),
          make("div", { class: "menu-pop" },
            ...words.dismiss_reasons.split("|").map((text) => make("button", { type: "button", class: "menu-item", click: () => act.dismiss(text) }, text)),
            passage ? null : make("button", { type: "button", class: "menu-item menu-part", click: act.wrong, title: words.wrong_more }, words.wrong, make("kbd", {}, keyCap("x"))),
            mutable ? make("button", { type: "button", class: "menu-item", click: () => act.mute(false) }, words.mute_rule, make("kbd", {}, keyCap("m"))) : null,
            mutable && hint.kind === "knowledge" ? make("button", { type: "button", class: "menu-item", click: () => act.mute(true) }, words.mute_knowledge) : null))),
      make("button", { type: "button", class: "btn btn-quiet", "data-act": "why", "aria-expanded": String(why), click: act.why },
        icon(why ? "chevron-up" : "chevron-down"), make("span", {}, words.why, make("span", { class: "long" }, ` ${words.this}`)), make("kbd", { class: "long" }, keyCap("w")))),
    why ? because(hint, words, reason) : null);
}

/** Where a passage stands: its document, opened at the place beside the call. */
function source({ document: id, version, start, end, path, title, question }, shown, words) {
  const where = path || title;
  if (start === undefined) return where;
  const place = `version=${version}&from=${start}&to=${end}`;
  const href = `/knowledge/documents/${id}/?${place}#passage`;
  const passage = JSON.stringify({ document: id, version, start, end });
  return make("a", { class: "kn-path", href, target: "_blank", rel: "noopener", "data-passage": passage, ...(question && { "data-question": question }) }, where === shown ? words.open_document : where);
}

/** A line in which the agent may say why a passage is helpful or wrong. `send(comment)` resolves to whether it was kept. */
export function remark(hint, words, send) {
  const input = make("input", { class: "form-control", name: "comment", maxlength: "300", autocomplete: "off", "aria-label": words.say_why, placeholder: words.say_why, "data-act": `why-${hint.id}` });
  const told = make("output", { class: "small muted" });
  const submit = async (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    const kept = await send(input.value);
    told.textContent = kept ? words.thanks : words.not_kept;
    if (kept) form.replaceChildren(told);
  };
  const form = make("form", { class: "hint-remark", submit }, input, make("button", { class: "btn btn-sm" }, words.send_remark), told);
  return form;
}

function because(hint, words, reason) {
  const after = hint.latency_ms?.heard_to_shown;
  const lines = [
    [words.heard, reason(false)],
    [words.rule, fill(words.rule_of, { policy: hint.revision.policy, revision: hint.revision.number })],
    ...(typeof after === "number" ? [[words.arrived, fill(words.arrived_after, { seconds: (after / 1000).toFixed(1) })]] : []),
  ];
  return make("dl", { class: "why" }, ...lines.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
}
