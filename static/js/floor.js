// The supervisor's floor: figures, calls now, and one of them opened beside the list.
import { announce } from "./frame.js";
import { fill, pageData, say } from "./dom.js";
import { Filters } from "./floor_filters.js";
import { OpenCall } from "./floor_call.js";
import { Rows } from "./floor_rows.js";
import { bindKeys } from "./keys.js";
import { Shift } from "./floor_shift.js";
import { Line, LiveSocket } from "./socket.js";
import { ago, Clock, everySecond, span } from "./time.js";

const page = pageData("page");
const { words } = page;
const $ = (id) => document.getElementById(id);
const clock = new Clock();
clock.set(page.now);
const line = new Line(words, page.signIn);
let updated = performance.now();

const rows = new Rows({
  body: $("rows"), above: $("rows-above"), below: $("rows-below"), scroller: $("rows-scroll"), pane: $("list"), none: $("none"), fresh: $("fresh"), shown: $("shown"), words, me: page.me, clock, open: show,
});
const call = new OpenCall({ words, redactions: page.redactions, kept: page.kept, line, clock, me: page.me, agents: page.agents, past: page.conversations, failed });
call.closed = hide;
const shift = new Shift({ choice: $("shift"), others: $("shift-others"), words, me: page.me, shifts: page.shifts, failed });

function show(id) {
  $("cols").classList.add("with-call");
  rows.select(id);
  const row = rows.get(id);
  if (row?.limited) call.preview(row);
  else call.open(id);
}

function hide() {
  call.close();
  $("cols").classList.remove("with-call");
}

let failure = null;
function failed(why) {
  const bar = $("floor-trouble");
  say(bar.querySelector("span"), fill(words.not_done, { why }));
  bar.hidden = false;
  clearTimeout(failure);
  failure = setTimeout(() => { bar.hidden = true; }, 8000);
}

// --- Figures, each a filter or a link ---

function tiles(figures) {
  const tile = (name) => document.querySelector(`.tile[data-filter="${name}"], .tile[data-figure="${name}"]`);
  const put = (name, figure, more = "") => {
    say(tile(name).querySelector("b"), String(figure));
    if (more !== null) say(tile(name).querySelector("small"), more);
  };
  put("live", figures.live, figures.unmatched ? fill(words.unmatched_of, { n: figures.unmatched }) : "");
  put("wrap_up", figures.wrap_up);
  put("alerts", figures.alerts, figures.alerts_mine ? fill(words.mine_of, { n: figures.alerts_mine }) : "");
  put("today", figures.today);
  put("handle", figures.handle_ms === null ? "–" : span(figures.handle_ms), null);
}

const filters = new Filters({
  tiles: $("tiles"), teams: $("teams"), queues: $("queues"), page,
  changed: (chosen) => {
    Object.assign(rows, chosen);
    rows.draw({ anyway: true });
  },
});

// --- What comes in ---

function heard(message) {
  if (message.now) clock.set(message.now);
  if (message.type === "panels") rows.panels(message.agents);
  if (message.type === "shifts") shift.take(message.shifts);
  if (message.type !== "rows") return;
  updated = performance.now();
  tiles(message.tiles);
  const news = rows.take(message);
  const opened = rows.get(call.id);
  // Taken meanwhile, by whoever sits here or on another page of theirs: now it may be followed.
  if (opened && call.isPreview) {
    if (opened.limited) call.preview(opened);
    else call.open(call.id);
  }
  // Whoever is off shift sees what there is, and is not called.
  for (const row of shift.isOn ? news : []) {
    announce(fill(words.alert_arrived, { agent: row.agent?.name ?? words.unmatched, title: row.alert.title }), { urgent: row.alert.severity === "bad" });
  }
}

bindKeys({
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Enter: () => {
    const id = document.activeElement?.closest?.("#rows tr")?.dataset.id ?? rows.selected;
    return id ? show(id) : false;
  },
  Escape: () => (call.isOpen ? hide() : false),
  x: () => call.resolve(),
  a: () => call.take(),
  w: () => call.whisper(),
  r: () => call.chat.answer(),
  End: () => (call.isOpen ? call.transcript.follow() : false),
});

function move(step) {
  const id = rows.neighbour(step);
  if (!id) return false;
  if (call.isOpen) show(id);
  else rows.select(id);
  rows.focus(id);
  return true;
}

tiles(page.tiles);
filters.begin();
rows.take({ rows: page.rows, full: true });
const wanted = new URLSearchParams(location.search).get("call");
if (/^[0-9a-f-]{36}$/.test(wanted ?? "")) show(wanted);
let seconds = 0;
everySecond(() => {
  // Silence and panels that do not open move a row by time alone.
  seconds += 1;
  if (seconds % 5 === 0) rows.draw();
  else rows.tick();
  call.draw();
  const since = performance.now() - updated;
  say($("updated"), since < 5000 ? words.updated_now : fill(words.updated, { ago: ago(since, words) }));
});
new LiveSocket(() => "/ws/floor/", { line, message: heard });
