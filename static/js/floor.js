// The supervisor's floor: figures, calls now, and one of them opened beside the list.
import { announce } from "./frame.js";
import { fill, icon, make, pageData, say } from "./dom.js";
import { OpenCall } from "./floor_call.js";
import { Rows } from "./floor_rows.js";
import { bindKeys } from "./keys.js";
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
  body: $("rows"), pane: $("list"), none: $("none"), fresh: $("fresh"), shown: $("shown"), words, me: page.me, clock, open: show,
});
const call = new OpenCall({ words, redactions: page.redactions, kept: page.kept, line, clock, me: page.me, agents: page.agents, past: page.conversations, failed });
call.closed = hide;

function show(id) {
  rows.select(id);
  $("cols").classList.add("with-call");
  call.open(id);
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

$("tiles").addEventListener("click", (event) => {
  const tile = event.target.closest("[data-filter]");
  if (!tile) return;
  rows.filter = tile.dataset.filter;
  for (const other of $("tiles").querySelectorAll("[data-filter]")) {
    other.classList.toggle("on", other === tile);
    other.setAttribute("aria-pressed", String(other === tile));
  }
  rows.draw({ anyway: true });
});

// --- Teams ---

const REMEMBERED = `floor-teams-${page.me.id}`;

function drawTeams() {
  $("teams").replaceChildren(...(page.teams.length < 2 ? page.teams.map((team) => make("span", { class: "chip" }, team.name)) : page.teams.map((team) => {
    const on = rows.teams.has(team.id);
    return make("button", {
      type: "button", class: `chip${on ? " on" : ""}`, "aria-pressed": String(on),
      click: () => {
        if (!rows.teams.delete(team.id)) rows.teams.add(team.id);
        localStorage.setItem(REMEMBERED, JSON.stringify([...rows.teams]));
        drawTeams();
        rows.draw({ anyway: true });
      },
    }, team.name, on ? icon("x") : null);
  })));
}

try {
  const known = new Set(page.teams.map((team) => team.id));
  rows.teams = new Set(JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]").filter((id) => known.has(id)));
} catch {
  rows.teams = new Set(); // storage is closed, or holds something else: all teams
}

// --- What comes in ---

function heard(message) {
  if (message.now) clock.set(message.now);
  if (message.type !== "rows") return;
  updated = performance.now();
  tiles(message.tiles);
  for (const row of rows.take(message)) {
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

drawTeams();
tiles(page.tiles);
rows.take({ rows: page.rows, full: true });
everySecond(() => {
  rows.tick();
  call.draw();
  const since = performance.now() - updated;
  say($("updated"), since < 5000 ? words.updated_now : fill(words.updated, { ago: ago(since, words) }));
});
new LiveSocket(() => "/ws/floor/", { line, message: heard });
