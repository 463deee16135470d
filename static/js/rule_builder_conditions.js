// Conditions of the rule builder: each a sentence with its choices in it, in groups of all, any and not.
import { compose, make } from "./dom.js";
import { button, check, lines, number, put, select, text, within } from "./rule_builder_parts.js";

export const KINDS = ["heard", "phrases", "pattern", "missing", "sequence", "measure", "field", "time"];
const GROUPS = ["all", "any", "not"];
const SAID = ["heard", "phrases", "pattern"];
const OPTIONS = ["speaker", "nth", "for_ms", "even_denied"];

// What a measure counts in: what one shown unit is in the draft, its bounds, whose it is, and whether of a stretch.
export const MEASURES = {
  talk_share: { unit: "percent", scale: 0.01, max: 100, who: true, over: true },
  silence_ms: { unit: "seconds", scale: 1000 },
  overtalk_ms: { unit: "seconds", scale: 1000, over: true },
  words_per_minute: { unit: "", scale: 1, who: true, over: true },
  hold_ms: { unit: "seconds", scale: 1000 },
  sentiment: { unit: "", scale: 1, min: -1, max: 1, over: true },
  sentiment_change: { unit: "", scale: 1, min: -2, max: 2, over: true },
  duration_ms: { unit: "seconds", scale: 1000 },
  turns: { unit: "", scale: 1 },
};
const NUMBERS = new Set(["above", "below"]);
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

export const kindOf = (node) => [...KINDS, ...GROUPS].find((kind) => node && kind in node) ?? "heard";

/** A new condition of a kind, with what can be kept of the one it replaces. */
export function blank(ctx, kind, before = {}) {
  const kept = SAID.includes(kind) && SAID.includes(kindOf(before))
    ? Object.fromEntries(OPTIONS.filter((name) => name in before).map((name) => [name, before[name]])) : {};
  if (kind === "heard") return { heard: ctx.moments[0]?.key ?? "", ...kept };
  if (kind === "phrases") return { phrases: [], speaker: "customer", ...kept };
  if (kind === "pattern") return { pattern: "", speaker: "customer", ...kept };
  if (kind === "missing") return { missing: blank(ctx, "heard"), after: "start", within_ms: 20000 };
  if (kind === "sequence") return { sequence: [blank(ctx, "heard"), blank(ctx, "heard")] };
  if (kind === "measure") return { measure: "silence_ms", above: 10000 };
  if (kind === "field") return { field: ctx.fields[0][0], is: [] };
  if (kind === "time") return { time: { days: DAYS.slice(0, 5), from: "08:00", until: "17:00" } };
  return { [kind]: [blank(ctx, "heard")] };
}

/** The editor of one condition. `place`: its path, how to put another in its place, how to take it out (or null). */
export function condition(ctx, node, place) {
  const negated = "not" in node && kindOf(node) === "not";
  const inner = negated ? node.not : node;
  const kind = kindOf(inner);
  const whole = {
    ...place,
    negated,
    replace: (next, focus) => place.replace(negated ? { not: next } : next, focus),
    outer: place.replace,
    negate: () => place.replace(negated ? inner : { not: node }, place.path),
  };
  if (kind === "not") return group(ctx, inner, { ...whole, single: true });
  return kind === "all" || kind === "any" ? group(ctx, inner, whole) : leaf(ctx, inner, kind, whole);
}

// --- Groups ---

function group(ctx, node, place) {
  const { words } = ctx;
  const kind = kindOf(node);
  const children = place.single ? [node.not] : node[kind];
  const items = children.map((child, number) => {
    const remove = () => {
      if (place.single || children.length === 1) return place.remove ? place.remove() : place.replace(blank(ctx, "heard"), place.path);
      children.splice(number, 1);
      ctx.redraw(`${place.path}.${Math.max(0, number - 1)}`);
    };
    const replace = (next, focus) => {
      if (place.single) node.not = next;
      else children[number] = next;
      ctx.redraw(focus);
    };
    const joiner = number === 0 ? "" : kind === "all" ? words.and : words.or;
    return make("li", {},
      make("span", { class: "rb-joiner" }, joiner),
      condition(ctx, child, { path: `${place.path}.${number}`, replace, remove, grouped: true, plain: place.plain }));
  });
  const add = (next) => { children.push(next); ctx.redraw(`${place.path}.${children.length - 1}`); };
  const how = select(kind, [["all", words.all_of], ["any", words.any_of]], (next) => place.replace({ [next]: children }, place.path), { label: words.group_kind });
  return make("fieldset", { class: "rb-group", "data-path": place.path },
    make("legend", { class: "rb-sr" }, kind === "any" ? words.any_of : words.all_of),
    make("div", { class: "rb-line" }, place.negated || place.single ? make("b", { class: "rb-not" }, words.not) : "",
      place.single ? "" : place.plain ? make("span", { class: "rb-word" }, words.any_of) : how, make("span", { class: "rb-end" }, negate(ctx, place), removal(ctx, place))),
    make("ol", {}, ...items),
    place.single ? "" : make("div", { class: "rb-line rb-add" },
      button(words.add_condition, () => add(blank(ctx, "heard")), { kind: "quiet", icon: "add" }),
      place.plain ? "" : button(words.add_group, () => add({ [kind === "all" ? "any" : "all"]: [blank(ctx, "heard")] }), { kind: "quiet", icon: "account_tree" })));
}

const negate = (ctx, place) => place.plain ? "" : button(ctx.words.not, place.negate,
  { kind: "mini", "aria-pressed": String(Boolean(place.negated)), label: null, title: ctx.words.not_title });

const removal = (ctx, place) => place.remove
  ? button("", place.remove, { kind: "mini", icon: "close", label: ctx.words.remove_condition }) : "";

// --- One condition ---

function leaf(ctx, node, kind, place) {
  const { words } = ctx;
  const allowed = place.plain ? SAID : KINDS;
  const kinds = select(kind, allowed.map((one) => [one, words[`kind_${one}`]]),
    (next) => place.replace(blank(ctx, next, node), place.path), { label: words.kind });
  const join = (how) => () => place.outer({ [how]: [place.negated ? { not: node } : node, blank(ctx, "heard")] }, `${place.path}.1`);
  // Not inside a group, a condition grows into one; a denied one goes into it denied.
  const grow = place.grouped ? "" : make("div", { class: "rb-line rb-add" },
    place.plain ? "" : button(words.and_also, join("all"), { kind: "quiet", icon: "add" }),
    button(words.or_else, join("any"), { kind: "quiet", icon: "add" }));
  const row = make("div", { class: `rb-leaf${place.negated ? " denied" : ""}`, "data-path": place.path, role: "group", "aria-label": words[`kind_${kind}`] },
    make("div", { class: "rb-line" }, place.negated ? make("b", { class: "rb-not" }, words.not) : "", kinds,
      ...SENTENCES[kind](ctx, node, place),
      make("span", { class: "rb-end" }, negate(ctx, place), removal(ctx, place))),
    ...(NESTED[kind]?.(ctx, node, place) ?? []));
  return grow ? make("div", {}, row, grow) : row;
}

function speaker(ctx, node, absent) {
  const { words } = ctx;
  const choices = [["customer", words.customer], ["agent", words.agent]];
  // A figure is of one of the two.
  if (absent) choices.push(["any", words.anyone]);
  return select(node.speaker ?? absent, choices, (value) => { put(node, "speaker", value, absent); ctx.changed(); }, { label: words.who });
}

const sentence = (form, parts) => [make("span", { class: "rb-words" }, compose(form, parts))];

/** Which time it counts, for how long, and whether when denied: what is seldom changed, folded. */
function options(ctx, node) {
  const { words } = ctx;
  const summary = make("summary", {});
  const tell = () => {
    const which = !node.nth ? words.every_time : node.nth === 1 ? words.first_time : words.nth_time.replace("{n}", node.nth);
    const lasts = node.for_ms ? words.counts_for.replace("{n}", node.for_ms / 1000) : "";
    summary.textContent = [which, lasts, node.even_denied ? words.even_denied_short : ""].filter(Boolean).join(", ");
  };
  tell();
  const set = (name, absent) => (value) => { put(node, name, value, absent); tell(); ctx.changed(); };
  const nth = number(node.nth, set("nth"), { label: words.nth_label, min: 1, step: 1, placeholder: words.every });
  const lasts = number(node.for_ms, set("for_ms"), { label: words.for_label, scale: 1000, min: 0.1, placeholder: words.rest_of_call });
  return make("details", { class: "rb-more" }, summary, make("div", {},
    make("label", {}, make("span", {}, words.nth_label), nth),
    make("label", {}, make("span", {}, words.for_label), lasts),
    "heard" in node ? "" : check(node.even_denied, set("even_denied", false), words.even_denied)));
}

const SENTENCES = {
  heard: (ctx, node) => {
    const moments = ctx.moments.map((one) => [one.key, one.name]);
    const choice = select(node.heard, moments, (value) => { node.heard = value; ctx.changed(); },
      { label: ctx.words.moment, unknown: ctx.words.unknown_moment });
    return [...sentence(ctx.words.says_heard, { speaker: speaker(ctx, node, "any"), moment: choice }), options(ctx, node)];
  },
  phrases: (ctx, node) => {
    const box = lines(node.phrases, (value) => { node.phrases = value; ctx.changed(); },
      { label: ctx.words.phrases, placeholder: ctx.words.phrases_example });
    return [...sentence(ctx.words.says_phrases, { speaker: speaker(ctx, node, "any") }), box, options(ctx, node)];
  },
  pattern: (ctx, node) => {
    const box = text(node.pattern, (value) => { node.pattern = value; ctx.changed(); },
      { label: ctx.words.pattern, placeholder: "\\border \\d{6}\\b", mono: true });
    return [...sentence(ctx.words.says_pattern, { speaker: speaker(ctx, node, "any") }), box, options(ctx, node)];
  },
  missing: () => [],
  sequence: () => [],
  measure: (ctx, node, place) => {
    const { words } = ctx;
    const about = MEASURES[node.measure] ?? { unit: "", scale: 1 };
    const direction = "below" in node ? "below" : "above";
    const which = select(node.measure, Object.keys(MEASURES).map((one) => [one, words[`measure_${one}`]]), (value) => {
      for (const name of ["speaker", "over_ms", "above", "below"]) delete node[name];
      Object.assign(node, { measure: value, [direction]: 0 });
      if (MEASURES[value].who) node.speaker = "agent";
      ctx.redraw(place.path);
    }, { label: words.measure });
    const side = select(direction, [["above", words.above], ["below", words.below]], (value) => {
      node[value] = node[direction];
      if (value !== direction) delete node[direction];
      ctx.redraw(place.path);
    }, { label: words.direction });
    const amount = number(node[direction], (value) => { node[direction] = value ?? 0; ctx.changed(); },
      { label: words.value, scale: about.scale, min: about.min ?? 0, max: about.max });
    const over = about.over ? compose(words.over_last, { n: number(node.over_ms, (value) => { put(node, "over_ms", value); ctx.changed(); },
      { label: words.over_label, scale: 1000, min: 1, placeholder: words.whole_call_short }) }) : "";
    const who = about.who ? compose(words.of_whom, { who: speaker(ctx, node, "") }) : "";
    return [make("span", { class: "rb-words" }, which, who, over, " ", words.is, " ", side, " ", amount, about.unit ? words[about.unit] : "")];
  },
  field: (ctx, node, place) => {
    const { words } = ctx;
    const ways = ["is", "is_not", "above", "below", "present"];
    const way = ways.find((one) => one in node) ?? "is";
    const shown = way === "present" && node.present === false ? "absent" : way;
    const named = node.field?.startsWith("metadata.");
    const own = named ? text(node.field.slice(9), (value) => { node.field = `metadata.${value.trim()}`; ctx.changed(); },
      { label: words.metadata_name, size: 12, mono: true }) : "";
    const fields = select(named ? "metadata." : node.field, ctx.fields, (value) => { node.field = value; ctx.redraw(place.path); }, { label: words.field });
    const how = select(shown, [...ways, "absent"].map((one) => [one, words[`field_${one}`]]), (next) => {
      const before = node[way];
      for (const one of ways) delete node[one];
      if (next === "present" || next === "absent") node.present = next === "present";
      else if (NUMBERS.has(next)) node[next] = Number.isFinite(before) ? before : 0;
      else node[next] = Array.isArray(before) ? before : [];
      ctx.redraw(place.path);
    }, { label: words.field_how });
    return [make("span", { class: "rb-words" }, fields, own, how, way === "present" ? "" : NUMBERS.has(way)
      ? number(node[way], (value) => { node[way] = value ?? 0; ctx.changed(); }, { label: words.value, min: null })
      : values(ctx, node, way))];
  },
  time: (ctx, node) => {
    const { words } = ctx;
    const when = node.time;
    const days = make("span", { class: "rb-days", role: "group", "aria-label": words.days }, ...DAYS.map((day) => check((when.days ?? DAYS).includes(day), (on) => {
      const chosen = new Set(when.days ?? DAYS);
      chosen[on ? "add" : "delete"](day);
      put(when, "days", chosen.size === 7 ? null : DAYS.filter((one) => chosen.has(one)));
      ctx.changed();
    }, words[day])));
    const clock = (name, label) => {
      const box = make("input", { type: "time", "aria-label": label, input: () => { put(when, name, box.value); ctx.changed(); } });
      box.value = when[name] ?? "";
      return box;
    };
    return [days, ...sentence(words.between_times, { from: clock("from", words.from), until: clock("until", words.until) })];
  },
};

/** Values of a field: chosen from those the company has, or typed, with commas between. */
function values(ctx, node, way) {
  const known = ctx.choices[node.field];
  if (!known) {
    return text((node[way] ?? []).join(", "), (value) => {
      node[way] = value.split(",").map((one) => one.trim()).filter(Boolean);
      ctx.changed();
    }, { label: ctx.words.values, placeholder: ctx.words.values_example });
  }
  const chosen = new Set(node[way]);
  const all = [...known, ...[...chosen].filter((one) => !known.some(([value]) => value === one)).map((one) => [one, one])];
  return make("span", { class: "rb-days", role: "group", "aria-label": ctx.words.values }, ...all.map(([value, words]) => check(chosen.has(value), (on) => {
    chosen[on ? "add" : "delete"](value);
    node[way] = [...chosen];
    ctx.changed();
  }, words)));
}

// --- Conditions within conditions ---

const NESTED = {
  missing: (ctx, node, place) => {
    const { words } = ctx;
    const spoken = (name, path) => condition(ctx, node[name], {
      path, plain: true, remove: null, replace: (next, focus) => { node[name] = next; ctx.redraw(focus); },
    });
    const start = node.after === "start" || node.after === undefined;
    const after = select(start ? "start" : "after", [["start", words.after_start], ["after", words.after_words]], (next) => {
      node.after = next === "start" ? "start" : blank(ctx, "heard");
      ctx.redraw(place.path);
    }, { label: words.after_label });
    return [make("div", { class: "rb-nest" },
      make("div", { class: "rb-line" }, make("span", { class: "rb-word" }, words.nobody), spoken("missing", `${place.path}.missing`)),
      make("div", { class: "rb-line" }, after, start ? "" : spoken("after", `${place.path}.after`)),
      make("div", { class: "rb-line" }, within(ctx, node)))];
  },
  sequence: (ctx, node, place) => {
    const { words } = ctx;
    const steps = node.sequence.map((step, at) => make("li", {},
      make("span", { class: "rb-joiner" }, at ? words.then : words.first),
      condition(ctx, step, {
        path: `${place.path}.${at}`,
        grouped: true,
        replace: (next, focus) => { node.sequence[at] = next; ctx.redraw(focus); },
        remove: node.sequence.length > 2 ? () => { node.sequence.splice(at, 1); ctx.redraw(place.path); } : null,
      })));
    const limit = number(node.within_ms, (value) => { put(node, "within_ms", value); ctx.changed(); },
      { label: words.how_long, scale: 1000, min: 0.1, placeholder: words.any_time });
    return [make("div", { class: "rb-nest" }, make("ol", {}, ...steps), make("div", { class: "rb-line rb-add" },
      make("span", { class: "rb-words" }, compose(words.sequence_within, { n: limit })),
      button(words.add_step, () => { node.sequence.push(blank(ctx, "heard")); ctx.redraw(`${place.path}.${node.sequence.length - 1}`); }, { kind: "quiet", icon: "add" })))];
  },
};
