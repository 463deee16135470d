// The floor's list: alerts first, then the longest. Rows change in place; their order waits while somebody points.
import { fill, icon, make, say } from "./dom.js";
import { signOf } from "./phase.js";
import { spark } from "./spark.js";
import { span } from "./time.js";

const LIVE = ["announced", "live"];
const TREND = { falling: "arrow-down-right", rising: "arrow-up-right", steady: "arrow-right" };
const GRAVE = { bad: 0, warn: 1 };

export class Rows {
  #rows = new Map(); // id -> data
  #elements = new Map(); // id -> {element, drawn}
  #order = [];
  #held = false;
  filter = "live";
  teams = new Set(); // none chosen: all

  constructor({ body, pane, none, fresh, shown, words, me, clock, open }) {
    Object.assign(this, { body, none, fresh, shown, words, me, clock, open });
    const hold = (held) => () => {
      this.#held = held;
      if (!held) this.draw();
    };
    // The whole pane, with the button that lets the rows go: on the way to it they must not move either.
    pane.addEventListener("pointerenter", hold(true));
    pane.addEventListener("pointerleave", hold(false));
    fresh.addEventListener("click", () => this.draw({ anyway: true }));
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) open(row.dataset.id);
    });
  }

  get(id) {
    return this.#rows.get(id) ?? null;
  }

  /** Returns the alerts that are new. */
  take({ rows, gone = [], full = false }) {
    const before = new Map(this.#rows);
    if (full) this.#rows.clear();
    for (const row of rows) this.#rows.set(row.id, row);
    for (const id of gone) this.#rows.delete(id);
    this.draw();
    return rows.filter((row) => row.alert && before.get(row.id)?.alert?.id !== row.alert.id);
  }

  select(id) {
    this.selected = id;
    for (const [key, { element }] of this.#elements) {
      element.classList.toggle("on", key === id);
      element.setAttribute("aria-current", String(key === id));
      element.tabIndex = key === (id ?? this.#order[0]) ? 0 : -1;
    }
    this.#elements.get(id)?.element.scrollIntoView({ block: "nearest" });
  }

  focus(id) {
    this.#elements.get(id)?.element.focus({ preventScroll: true });
  }

  /** The row so many places away from the selected one. */
  neighbour(step) {
    const at = this.#order.indexOf(this.selected);
    if (at === -1) return this.#order[step > 0 ? 0 : this.#order.length - 1] ?? null;
    return this.#order[Math.min(this.#order.length - 1, Math.max(0, at + step))];
  }

  matches(row) {
    if (this.teams.size && row.team && !this.teams.has(row.team.id)) return false;
    if (this.filter === "alerts") return row.alert !== null;
    return this.filter === "wrap_up" ? row.state === "wrap_up" : LIVE.includes(row.state);
  }

  draw({ anyway = false } = {}) {
    const wanted = [...this.#rows.values()].filter((row) => this.matches(row)).sort((a, b) => this.#rank(a, b)).map((row) => row.id);
    let order = wanted;
    if (this.#held && !anyway && this.#order.length) {
      // Who is leaving may leave; who comes waits below the fold of attention, behind a button.
      order = this.#order.filter((id) => wanted.includes(id));
      const news = wanted.length - order.length;
      const moved = order.some((id, at) => wanted.filter((other) => order.includes(other))[at] !== id);
      this.fresh.hidden = !news && !moved;
      say(this.fresh.querySelector("span"), news ? fill(this.words.order_new, { n: news }) : this.words.order_changed);
    } else {
      this.fresh.hidden = true;
    }
    for (const id of [...this.#elements.keys()]) if (!order.includes(id)) this.#elements.delete(id);
    const first = !this.#order.length;
    const elements = order.map((id) => this.#element(this.#rows.get(id), !first));
    // Only what is out of place is moved, so that a focused or hovered row stays where it is.
    elements.forEach((element, at) => {
      if (this.body.children[at] !== element) this.body.insertBefore(element, this.body.children[at] ?? null);
    });
    while (this.body.children.length > elements.length) this.body.lastElementChild.remove();
    this.#order = order;
    this.body.closest("table").classList.toggle("with-state", order.some((id) => this.#state(this.#rows.get(id))));
    this.none.hidden = order.length > 0;
    this.body.closest("table").hidden = order.length === 0;
    say(this.none.querySelector("p"), this.#rows.size ? this.words.no_match : this.words.no_calls);
    const inState = [...this.#rows.values()].filter((row) => (this.filter === "alerts" ? row.alert : this.filter === "wrap_up" ? row.state === "wrap_up" : LIVE.includes(row.state)));
    say(this.shown, fill(this.words.count, { n: order.length, all: inState.length }));
    this.select(this.selected ?? null);
    this.tick();
  }

  tick() {
    for (const [id, { time }] of this.#elements) {
      const row = this.#rows.get(id);
      say(time, span(row.ended_at ? Date.parse(row.ended_at) - Date.parse(row.started_at) : this.clock.since(row.started_at)));
    }
  }

  #rank(a, b) {
    const grave = (row) => (row.alert ? GRAVE[row.alert.severity] : 2);
    return grave(a) - grave(b) || Date.parse(a.started_at) - Date.parse(b.started_at);
  }

  /** What a call is in beside plain talk, in words; null for talk. */
  #state(row) {
    if (!LIVE.includes(row.state)) return row.state === "wrap_up" ? this.words.wrap_up : this.words.ended;
    return signOf(row.phase) ? this.words[`short_${row.phase}`] : null;
  }

  #element(row, arrives) {
    const drawn = JSON.stringify(row);
    const known = this.#elements.get(row.id);
    if (known?.drawn === drawn) return known.element;
    const time = make("time", {});
    const cells = [
      make("td", {}, row.agent ? make("span", { class: "row-x" }, make("span", { class: "clip" }, row.agent.name), row.transferred ? this.#transferred() : null) : make("span", { class: "row-x" },
        make("span", { class: "chip warn" }, icon("user-question"), this.words.unmatched), make("span", { class: "small muted clip" }, row.unmatched ?? ""))),
      make("td", { class: "ink2 c-queue" }, row.queue ?? "–"),
      make("td", { class: "ink2 c-segment" }, row.segment || "–"),
      make("td", { class: "num" }, this.#state(row) ? make("span", { class: "small muted state" }, this.#state(row)) : null, " ", time),
      make("td", { class: "c-mood" }, row.mood ? make("span", { class: "mood" }, spark(row.mood.points), icon(TREND[row.mood.trend]), this.words[row.mood.trend]) : make("span", { class: "muted" }, "–")),
      make("td", { class: "ink2 c-guide" }, row.guidance ? make("span", { class: "clip guide", title: row.guidance.title }, row.guidance.title) : make("span", { class: "muted" }, "–")),
      make("td", { class: "c-alert" }, row.alert ? this.#alert(row.alert) : null),
    ];
    let element = known?.element;
    if (element) element.replaceChildren(...cells);
    else element = make("tr", { "data-id": row.id, class: arrives ? "arrive" : null }, ...cells);
    this.#elements.set(row.id, { element, drawn, time });
    return element;
  }

  #transferred() {
    const sign = icon("arrows-exchange", this.words.transferred);
    sign.title = this.words.transferred;
    sign.classList.add("muted");
    return sign;
  }

  #alert(alert) {
    const mine = alert.assignee?.id === this.me.id;
    const who = alert.assignee ? (mine ? this.words.assigned_you : alert.assignee.name) : this.words.unassigned;
    const more = alert.more ? `, ${fill(this.words.more, { n: alert.more })}` : "";
    return make("span", { class: "row-x alert-cell" },
      make("span", { class: `al ${alert.severity}`, title: alert.title }, icon(alert.severity === "bad" ? "alert-triangle" : "alert-circle"), make("span", { class: "clip" }, alert.title)),
      make("span", { class: "small muted" }, who + more));
  }
}
