// What a rule does: its actions, each with what it says, and how often it may.
import { compose, make } from "./dom.js";
import { area, button, check, number, put, select, text } from "./rule_builder_parts.js";

const MOST_TITLE = 90;
export const ACTIONS = ["hint", "line", "check", "step", "knowledge", "prefill", "tag", "disposition", "alert", "webhook", "praise"];

const BLANK = {
  hint: () => ({ label: "Say", title: "" }),
  line: () => ({ title: "", say: "" }),
  check: () => ({ title: "" }),
  step: (ctx) => ({ playbook: ctx.playbooks()[0]?.id ?? "", step: ctx.playbooks()[0]?.steps?.[0]?.id ?? "" }),
  knowledge: () => ({ query: "" }),
  prefill: () => ({ field: "", value: "" }),
  tag: () => ({ tag: "" }),
  disposition: (ctx) => ({ value: ctx.choices.disposition?.[0]?.[0] ?? "" }),
  alert: () => ({ severity: "warn", title: "" }),
  webhook: () => ({ note: "" }),
  praise: () => ({ title: "" }),
};

export const blankAction = (ctx, kind = "hint") => ({ do: kind, ...BLANK[kind](ctx) });

/** The list of a rule's actions. */
export function actions(ctx, list, path) {
  const { words } = ctx;
  const items = list.map((one, at) => make("li", { class: "rb-action", "data-path": `${path}.${at}`, role: "group", "aria-label": words[`do_${one.do}`] ?? one.do },
    make("div", { class: "rb-line" },
      select(one.do, ACTIONS.map((kind) => [kind, words[`do_${kind}`]]), (kind) => {
        const said = Object.fromEntries(["title", "say"].filter((name) => name in one).map((name) => [name, one[name]]));
        const next = blankAction(ctx, kind);
        for (const name of Object.keys(said)) if (name in next || (kind === "hint" && name === "say")) next[name] = said[name];
        list[at] = next;
        ctx.redraw(`${path}.${at}`);
      }, { label: words.do_what }),
      make("span", { class: "rb-end" }, list.length > 1
        ? button("", () => { list.splice(at, 1); ctx.redraw(`${path}.${Math.max(0, at - 1)}`); }, { kind: "mini", icon: "close", label: words.remove_action }) : "")),
    make("div", { class: "rb-fields" }, ...fields(ctx, one, `${path}.${at}`))));
  return make("div", {}, make("ol", {}, ...items), make("div", { class: "rb-line rb-add" },
    button(words.add_action, () => { list.push(blankAction(ctx)); ctx.redraw(`${path}.${list.length - 1}`); }, { kind: "quiet", icon: "add" })));
}

const labelled = (words, ...controls) => make("label", { class: "rb-field" }, make("span", {}, words), ...controls);

/** What an action needs, by its kind. */
export function fields(ctx, one, path) {
  const { words } = ctx;
  const set = (name, absent) => (value) => { absent === undefined ? (one[name] = value) : put(one, name, value, absent); ctx.changed(); };
  const title = (label = words.title) => labelled(label, text(one.title, set("title"), { label, most: MOST_TITLE, placeholder: words.title_example }));
  const say = (label = words.say) => labelled(label, area(one.say, set("say", ""), { label, placeholder: words.say_example }));
  const line = (name, label, placeholder = "") => labelled(label, text(one[name], set(name), { label, placeholder }));
  const choice = (name, label, choices) => labelled(label, select(one[name], choices, set(name), { label }));
  switch (one.do) {
    case "hint":
      return [choice("label", words.label, [["Say", words.label_say], ["Do", words.label_do], ["Know", words.label_know]]), title(), say()];
    case "line":
      return [title(), say(words.line_say)];
    case "check":
      return [title(words.check_title), check(one.missed, set("missed", false), words.check_missed)];
    case "step": {
      const playbooks = ctx.playbooks();
      const chosen = playbooks.find((book) => book.id === one.playbook);
      const book = select(one.playbook, playbooks.map((each) => [each.id, each.name || each.id]), (value) => {
        one.playbook = value;
        one.step = playbooks.find((each) => each.id === value)?.steps[0]?.id ?? "";
        ctx.redraw(path);
      }, { label: words.playbook });
      return [labelled(words.playbook, book), choice("step", words.step, (chosen?.steps ?? []).map((step) => [step.id, step.title || step.id]))];
    }
    case "knowledge":
      return [line("query", words.query, words.query_example)];
    case "prefill":
      return [line("field", words.prefill_field, words.prefill_field_example), line("value", words.prefill_value, words.prefill_value_example)];
    case "tag":
      return [line("tag", words.tag)];
    case "disposition":
      return ctx.choices.disposition ? [choice("value", words.disposition, ctx.choices.disposition)] : [line("value", words.disposition)];
    case "alert":
      return [choice("severity", words.severity, [["warn", words.severity_warn], ["bad", words.severity_bad]]), title()];
    case "webhook":
      return [line("note", words.note, words.note_example)];
    default:
      return [title()];
  }
}

/** How often, for how long, how important. */
export function limits(ctx, rule) {
  const { words } = ctx;
  const set = (name, absent) => (value) => { put(rule, name, value, absent); ctx.changed(); };
  const seconds = (name, label, absent) => number(rule[name] ?? absent, (value) => { rule[name] = value ?? absent; ctx.changed(); }, { label, scale: 1000, min: 0 });
  const sentence = make("p", { class: "rb-words" }, compose(words.limits, {
    cooldown: seconds("cooldown_ms", words.cooldown_label, 60000),
    most: number(rule.most, set("most"), { label: words.most_label, min: 1, step: 1, placeholder: words.no_limit }),
    expires: seconds("expires_ms", words.expires_label, 120000),
    priority: number(rule.priority ?? 50, (value) => { rule.priority = value ?? 50; ctx.changed(); }, { label: words.priority_label, min: 0, max: 100, step: 1 }),
  }));
  return make("div", {}, sentence, make("div", { class: "rb-checks" },
    check(rule.once, set("once", false), words.once),
    check(rule.quiet, set("quiet", false), words.quiet),
    check(rule.on_partials, set("on_partials", false), words.on_partials),
    check(rule.optional ?? true, set("optional", true), words.optional)));
}
