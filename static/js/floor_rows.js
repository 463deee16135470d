// The floor's list, who needs me first on top. Rows change in place; their order waits while somebody points.
//
// Only what can be seen is in the document: five hundred calls cost what thirty do. Above and below stands room of the
// right height, and each row says which of all it is.
import { fill, icon, make, say } from "./dom.js";
import { isBlind, isLive, ordered, quietFor } from "./floor_order.js";
import { signOf } from "./phase.js";
import { spark } from "./spark.js";
import { span } from "./time.js";

const TREND = { falling: "arrow-down-right", rising: "arrow-up-right", steady: "arrow-right" };
const AROUND = 8; // rows kept in the document beyond the edges of what is seen

export class Rows {
  #rows = new Map(); // id -> data
  #elements = new Map(); // id -> {element, drawn, time}; of what is in the document
  #order = [];
  #held = false;
  #height = 0;
  #waiting = false;
  filter = "live";
  teams = new Set(); // none chosen: all
  queue = "";

  constructor({ body, above, below, scroller, pane, none, fresh, shown, words, me, clock, open }) {
    Object.assign(this, { body, above, below, scroller, none, fresh, shown, words, me, clock, open });
    this.table = body.closest("table");
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
    scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => {
      this.#height = 0;
      this.#soon();
    }).observe(scroller);
  }

  get(id) {
    return this.#rows.get(id) ?? null;
  }

  /** Returns the rows whose alert is new. */
  take({ rows, gone = [], full = false }) {
    const before = new Map(this.#rows);
    if (full) this.#rows.clear();
    for (const row of rows) this.#rows.set(row.id, row);
    for (const id of gone) this.#rows.delete(id);
    this.draw();
    return rows.filter((row) => row.alert && (before.get(row.id)?.alert?.id !== row.alert.id || (row.alert.escalated_at && !before.get(row.id).alert.escalated_at)));
  }

  /** `{agent: whether a panel of theirs is open}`, where that has changed. */
  panels(agents) {
    for (const [id, row] of this.#rows) {
      if (row.panel !== null && row.agent && row.agent.id in agents) this.#rows.set(id, { ...row, panel: agents[row.agent.id] });
    }
    this.draw();
  }

  select(id) {
    this.selected = id;
    this.#reveal(id);
    this.#mark();
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
    // What went beyond its team waits for anybody, whatever teams they look at.
    if (!row.limited) {
      if (this.teams.size && row.team && !this.teams.has(row.team.id)) return false;
      if (this.queue && row.queue_id !== this.queue) return false;
    }
    return this.#isIn(row);
  }

  #isIn(row) {
    if (this.filter === "alerts") return row.alert !== null;
    return this.filter === "wrap_up" ? row.state === "wrap_up" : isLive(row);
  }

  draw({ anyway = false } = {}) {
    const all = [...this.#rows.values()];
    const wanted = ordered(all.filter((row) => this.matches(row)), this.me, this.clock);
    let order = wanted;
    if (this.#held && !anyway && this.#order.length) {
      // Who is leaving may leave; who comes waits below the fold of attention, behind a button.
      const now = new Set(wanted);
      order = this.#order.filter((id) => now.has(id));
      const stays = new Set(order);
      const news = wanted.length - order.length;
      const moved = wanted.filter((id) => stays.has(id)).some((id, at) => order[at] !== id);
      this.fresh.hidden = !news && !moved;
      say(this.fresh.querySelector("span"), news ? fill(this.words.order_new, { n: news }) : this.words.order_changed);
    } else {
      this.fresh.hidden = true;
    }
    const first = !this.#order.length;
    this.#order = order;
    this.table.classList.toggle("with-state", order.some((id) => this.#state(this.#rows.get(id))));
    this.none.hidden = order.length > 0;
    this.table.hidden = order.length === 0;
    this.table.setAttribute("aria-rowcount", String(order.length + 1));
    say(this.none.querySelector("p"), this.#rows.size ? this.words.no_match : this.words.no_calls);
    say(this.shown, fill(this.words.count, { n: order.length, all: all.filter((row) => this.#isIn(row)).length }));
    this.#paint(!first);
  }

  /** Each second: times go on. */
  tick() {
    for (const [id, { time, words: how }] of this.#elements) {
      const row = this.#rows.get(id);
      say(time, span(row.ended_at ? Date.parse(row.ended_at) - Date.parse(row.started_at) : this.clock.since(row.started_at)));
      const silent = quietFor(row, this.clock);
      say(how, silent ? fill(row.channel === "chat" ? this.words.waits_for : this.words.quiet_for, { time: span(silent) }) : row.mood ? this.words[row.mood.trend] : "");
    }
  }

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#paint(false);
    });
  }

  /** Bring what can be seen into the document, and take out what cannot. */
  #paint(arrives) {
    const total = this.#order.length;
    if (!this.#height && total) this.#height = this.#measure();
    const height = this.#height || 1;
    const seen = Math.ceil(this.scroller.clientHeight / height);
    const top = Math.floor(this.scroller.scrollTop / height);
    const from = Math.max(0, Math.min(top, total - seen) - AROUND);
    const to = Math.min(total, top + seen + AROUND);
    const ids = this.#order.slice(from, to);
    const here = new Set(ids);
    // A focused row that leaves has the browser lay out at once, and a list that is shorter then loses its place.
    this.#room(this.below, total * height);
    for (const [id, { element }] of this.#elements) {
      if (here.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
    // Only what is out of place is moved, so that a focused or hovered row stays where it is.
    ids.forEach((id, at) => {
      const element = this.#element(this.#rows.get(id), arrives);
      element.setAttribute("aria-rowindex", String(from + at + 2));
      if (this.body.children[at] !== element) this.body.insertBefore(element, this.body.children[at] ?? null);
    });
    this.#room(this.above, from * height);
    this.#room(this.below, (total - to) * height);
    this.#mark();
    this.tick();
  }

  #room(part, height) {
    part.hidden = height <= 0;
    part.rows[0].cells[0].style.height = `${Math.max(0, height)}px`;
  }

  #measure() {
    const known = this.body.firstElementChild;
    if (known) return known.getBoundingClientRect().height;
    const element = this.#element(this.#rows.get(this.#order[0]), false);
    this.body.append(element);
    return element.getBoundingClientRect().height;
  }

  #mark() {
    const here = this.#elements.has(this.selected) ? this.selected : this.#order.find((id) => this.#elements.has(id));
    for (const [id, { element }] of this.#elements) {
      element.classList.toggle("on", id === this.selected);
      element.setAttribute("aria-current", String(id === this.selected));
      element.tabIndex = id === here ? 0 : -1;
    }
  }

  /** Scroll as little as it takes to see a row. */
  #reveal(id) {
    const at = this.#order.indexOf(id);
    if (at === -1 || !this.#height) return;
    const head = this.table.tHead.offsetHeight;
    const [top, bottom] = [at * this.#height, (at + 1) * this.#height];
    const room = this.scroller.clientHeight - head;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (bottom > this.scroller.scrollTop + room) this.scroller.scrollTop = bottom - room;
    this.#paint(false);
  }

  /** What a call is in beside plain talk, in words; null for talk. */
  #state(row) {
    if (!isLive(row)) return row.state === "wrap_up" ? this.words.wrap_up : this.words.ended;
    return signOf(row.phase) ? this.words[`short_${row.phase}`] : null;
  }

  #element(row, arrives) {
    const blind = !row.limited && isBlind(row, this.clock);
    const drawn = JSON.stringify([row, blind]);
    const known = this.#elements.get(row.id);
    if (known?.drawn === drawn) return known.element;
    const time = make("time", {});
    const how = make("span", { class: "clip" });
    const cells = [
      make("th", { scope: "row" }, this.#agent(row, blind)),
      make("td", { class: "ink2 c-queue" }, row.queue ?? "–"),
      make("td", { class: "ink2 c-segment" }, row.segment || "–"),
      make("td", { class: "num" }, ...(row.channel === "chat" ? [this.#sign("message-2", this.words.chat), " "] : []), this.#state(row) ? make("span", { class: "small muted state" }, this.#state(row)) : null, " ", time),
      make("td", { class: "c-mood" }, this.#lines(row, how)),
      make("td", { class: "ink2 c-guide" }, row.guidance ? make("span", { class: "clip guide", title: row.guidance.title }, row.guidance.title) : make("span", { class: "muted" }, "–")),
      make("td", { class: "c-alert" }, row.alert ? this.#alert(row) : null),
    ];
    let element = known?.element;
    if (element) element.replaceChildren(...cells);
    else element = make("tr", { "data-id": row.id, class: arrives ? "arrive" : null }, ...cells);
    this.#elements.set(row.id, { element, drawn, time, words: how });
    return element;
  }

  #agent(row, blind) {
    const { words } = this;
    if (!row.agent) {
      return make("span", { class: "row-x" }, make("span", { class: "chip warn" }, icon("user-question"), words.unmatched), make("span", { class: "small muted clip" }, row.unmatched ?? ""));
    }
    return make("span", { class: "row-x" }, make("span", { class: "clip" }, row.agent.name),
      row.limited ? make("span", { class: "small muted clip" }, row.team?.name ?? "") : null,
      row.transferred ? this.#sign("arrows-exchange", words.transferred) : null,
      blind ? make("span", { class: "chip warn blind", title: words.no_panel_long }, icon("plug-connected-x"), words.no_panel) : null);
  }

  #lines(row, how) {
    const { words } = this;
    if (!row.mood && !row.silence) return make("span", { class: "muted" }, "–");
    const bins = row.silence?.bins ?? [];
    const share = bins.length ? Math.round((100 * bins.reduce((sum, one) => sum + one, 0)) / bins.length) : null;
    return make("span", { class: "mood", title: share === null ? null : fill(words.silent_share, { share }) },
      spark(row.mood?.points ?? [], bins),
      row.mood ? icon(TREND[row.mood.trend]) : null, how);
  }

  #sign(name, words) {
    const sign = icon(name, words);
    sign.title = words;
    sign.classList.add("muted");
    return sign;
  }

  #alert({ alert }) {
    const { words } = this;
    const mine = alert.assignee?.id === this.me.id;
    const who = alert.assignee ? (mine ? words.assigned_you : alert.assignee.name) : alert.escalated_at ? words.escalated : words.unassigned;
    const more = alert.more ? `, ${fill(words.more, { n: alert.more })}` : "";
    const sign = alert.kind === "hand" ? "hand-stop" : alert.severity === "bad" ? "alert-triangle" : "alert-circle";
    return make("span", { class: "row-x alert-cell" },
      make("span", { class: `al ${alert.severity}`, title: alert.title }, icon(sign), make("span", { class: "clip" }, alert.title),
        alert.count > 1 ? make("span", { class: "times", title: fill(words.times_long, { n: alert.count }) }, fill(words.times, { n: alert.count })) : null),
      make("span", { class: "small muted" }, who + more));
  }
}
