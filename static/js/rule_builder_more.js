// Behaviours and playbooks of the rule builder.
import { make } from "./dom.js";
import { area, button, newId, number, put, select, text, within } from "./rule_builder_parts.js";
import { blank, condition } from "./rule_builder_conditions.js";
import { blankAction, fields } from "./rule_builder_actions.js";

export const blankBehaviour = (ctx) => ({
  id: newId("b"), name: "", situation: blank(ctx, "heard"), expected: blank(ctx, "heard"), within_ms: 30000, praise: null, missed: null, weight: 1,
});

export const blankPlaybook = (ctx) => ({
  id: newId("p"), name: "", start: null, steps: [{ id: "s1", title: "", done: blank(ctx, "heard"), next: [] }],
});

const titled = (words, ...parts) => make("section", { class: "rb-part" }, make("h4", {}, words), ...parts);

/** A condition that may be left out. */
export function maybe(ctx, holder, name, path, { add, none }) {
  const set = (value, focus) => { holder[name] = value; ctx.redraw(focus); };
  return holder[name]
    ? condition(ctx, holder[name], { path, replace: set, remove: () => set(null, path) })
    : make("div", { class: "rb-line", "data-path": path }, make("span", { class: "rb-quiet" }, none),
      button(add, () => set(blank(ctx, "heard"), path), { kind: "quiet", icon: "add" }));
}

export function behaviour(ctx, one, path) {
  const { words } = ctx;
  const part = (name, heading) => titled(heading, condition(ctx, one[name], {
    path: `${path}.${name}`, remove: null, replace: (next, focus) => { one[name] = next; ctx.redraw(focus); },
  }));
  const praise = text(one.praise, (value) => { one.praise = value || null; ctx.changed(); }, { label: words.praise, most: 90, placeholder: words.praise_example });
  const missed = one.missed
    ? make("div", { class: "rb-action", "data-path": `${path}.missed` }, make("div", { class: "rb-fields" }, ...fields(ctx, one.missed, `${path}.missed`)),
      button(words.no_hint, () => { one.missed = null; ctx.redraw(`${path}.missed`); }, { kind: "quiet", icon: "close" }))
    : make("div", { class: "rb-line", "data-path": `${path}.missed` }, make("span", { class: "rb-quiet" }, words.missed_none),
      button(words.add_hint, () => { one.missed = blankAction(ctx); ctx.redraw(`${path}.missed`); }, { kind: "quiet", icon: "add" }));
  return [
    part("situation", words.situation),
    part("expected", words.expected),
    make("div", { class: "rb-line" }, within(ctx, one)),
    titled(words.when_done, make("div", { class: "rb-fields" }, make("label", { class: "rb-field" }, make("span", {}, words.praise), praise),
      make("label", { class: "rb-field" }, make("span", {}, words.weight), number(one.weight ?? 1, (value) => { one.weight = value ?? 1; ctx.changed(); }, { label: words.weight, min: 0 })))),
    titled(words.when_missed, missed),
  ];
}

export function playbook(ctx, one, path) {
  const { words } = ctx;
  const steps = one.steps.map((step, at) => playbookStep(ctx, one, step, at, `${path}.steps.${at}`));
  const add = () => {
    let number = one.steps.length + 1;
    while (one.steps.some((step) => step.id === `s${number}`)) number += 1;
    const last = one.steps.at(-1);
    one.steps.push({ id: `s${number}`, title: "", done: blank(ctx, "heard"), next: [] });
    // A new step follows the last one unless that branches already.
    if (last && !(last.next ?? []).length) last.next = [{ when: null, to: `s${number}` }];
    ctx.redraw(`${path}.steps.${one.steps.length - 1}`);
  };
  return [
    titled(words.starts_when, maybe(ctx, one, "start", `${path}.start`, { add: words.add_start, none: words.starts_by_hand })),
    titled(words.steps, make("ol", { class: "rb-steps" }, ...steps), button(words.add_playbook_step, add, { kind: "quiet", icon: "add" })),
  ];
}

function playbookStep(ctx, book, step, at, path) {
  const { words } = ctx;
  const set = (name, absent) => (value) => { absent === undefined ? (step[name] = value) : put(step, name, value, absent); ctx.changed(); };
  const others = book.steps.filter((one) => one !== step).map((one) => [one.id, one.title || one.id]);
  step.next ??= [];
  const ways = step.next.map((way, number) => {
    const where = `${path}.next.${number}`;
    return make("li", { class: "rb-way", "data-path": where },
      make("div", { class: "rb-line" }, make("span", { class: "rb-word" }, words.goes_to),
        select(way.to, others, (value) => { way.to = value; ctx.changed(); }, { label: words.goes_to }),
        make("span", { class: "rb-end" }, button("", () => { step.next.splice(number, 1); ctx.redraw(path); }, { kind: "mini", icon: "close", label: words.remove_way }))),
      maybe(ctx, way, "when", `${where}.when`, { add: words.add_way_when, none: words.way_always }));
  });
  const remove = () => {
    book.steps.splice(at, 1);
    for (const one of book.steps) one.next = (one.next ?? []).filter((way) => way.to !== step.id);
    ctx.redraw(`${path.slice(0, path.lastIndexOf("."))}.${Math.max(0, at - 1)}`);
  };
  return make("li", { class: "rb-action", "data-path": path },
    make("div", { class: "rb-fields" },
      make("label", { class: "rb-field" }, make("span", {}, words.step_title), text(step.title, set("title"), { label: words.step_title, most: 90 })),
      make("label", { class: "rb-field" }, make("span", {}, words.say), area(step.say, set("say", ""), { label: words.say }))),
    make("div", { class: "rb-line" }, make("span", { class: "rb-word" }, words.done_when)),
    maybe(ctx, step, "done", `${path}.done`, { add: words.add_done, none: words.done_by_hand }),
    ways.length ? make("ul", {}, ...ways) : "",
    make("div", { class: "rb-line rb-add" },
      others.length ? button(words.add_way, () => { step.next.push({ when: null, to: others[0][0] }); ctx.redraw(path); }, { kind: "quiet", icon: "alt_route" }) : "",
      book.steps.length > 1 ? button(words.remove_step, remove, { kind: "quiet", icon: "close" }) : ""));
}
