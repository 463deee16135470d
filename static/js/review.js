// A past conversation: player, transcript and moments in step; the parts beside them; a call under way grows.
import { ChatBox } from "./chat.js";
import { icon, make, pageData, say } from "./dom.js";
import { hideWords } from "./hide_words.js";
import { Kept } from "./kept.js";
import { bindKeys } from "./keys.js";
import { Player } from "./player.js";
import { write } from "./requests.js";
import { LiveSocket, Line } from "./socket.js";
import { Store } from "./store.js";
import { duration, span } from "./time.js";
import { speech } from "./transcript.js";
import { Waveform } from "./waveform.js";

const page = document.getElementById("content");
const transcript = document.getElementById("transcript");
// Who scrolls by hand is reading: the page follows the sound again only after this long.
const READING_MS = 4000;

const kept = new Kept(document.getElementById("kept-data") ? pageData("kept-data") : null);

let player = null;
let current = null;
let scrolledAt = -Infinity;

const rows = () => [...transcript.querySelectorAll("li[data-seek]")];

function rowAt(ms) {
  let found = null;
  for (const row of rows()) {
    if (Number(row.dataset.seek) > ms) break;
    found = row;
  }
  return found;
}

function light(row) {
  if (row === current) return;
  current?.classList.remove("now");
  current?.removeAttribute("aria-current");
  current = row;
  row?.classList.add("now");
  row?.setAttribute("aria-current", "true");
  if (row && performance.now() - scrolledAt > READING_MS) row.scrollIntoView({ block: "nearest" });
}

for (const name of ["wheel", "touchmove", "keydown"]) {
  transcript.addEventListener(name, () => { scrolledAt = performance.now(); }, { passive: true });
}

function go(ms, { play }) {
  scrolledAt = -Infinity;
  if (player) player.seek(ms, { play });
  else light(rowAt(ms));
}

// --- The sound ------------------------------------------------------------------------------------------

function openPlayer() {
  const data = pageData("player-data");
  const host = document.getElementById("wave");
  const button = document.getElementById("play");
  const now = document.getElementById("now");
  const trouble = document.getElementById("sound-trouble");
  const links = [...document.querySelectorAll(".rv-mos a[data-seek]")];
  const wave = new Waveform(host, data, (ms) => player.seek(ms));

  const heard = (ms) => {
    wave.move(ms);
    say(now, span(ms));
    host.setAttribute("aria-valuenow", Math.round(ms));
    host.setAttribute("aria-valuetext", span(ms));
    if (player && (player.playing || ms > 0)) light(rowAt(ms));
    let last = -1;
    links.forEach((link, number) => { if (Number(link.dataset.seek) <= ms) last = number; });
    // A moment is the current one while its row is.
    const link = links[last];
    const on = link && current && Number(link.dataset.seek) >= Number(current.dataset.seek) ? last : -1;
    links.forEach((one, number) => one.classList.toggle("on", number === on));
    wave.light(on < 0 ? null : data.moments[on]?.id);
  };
  player = new Player(document.getElementById("sound"), data, {
    heard,
    changed: (playing) => {
      const label = playing ? data.words.pause : data.words.play;
      button.setAttribute("aria-label", label);
      button.title = `${label} (Space)`;
      button.firstElementChild.className = `ti ti-player-${playing ? "pause" : "play"}`;
      if (playing) trouble.hidden = true;
    },
    failed: () => { trouble.hidden = false; },
  });
  button.addEventListener("click", () => player.toggle());
  document.getElementById("back").addEventListener("click", () => player.by(-5000));
  document.getElementById("forward").addEventListener("click", () => player.by(5000));
  document.getElementById("sound-again").addEventListener("click", () => {
    trouble.hidden = true;
    player.again();
  });
  const speed = document.getElementById("speed");
  if ([...speed.options].some((option) => Number(option.value) === player.speed)) speed.value = String(player.speed);
  speed.addEventListener("change", () => { player.speed = Number(speed.value); });
  const skip = document.getElementById("skip");
  skip.checked = player.skipping;
  skip.addEventListener("change", () => { player.skipping = skip.checked; });
  const sides = [...document.querySelectorAll(".rv-side")];
  sides.forEach((side, channel) => side.addEventListener("click", () => {
    const on = side.getAttribute("aria-pressed") !== "true";
    side.setAttribute("aria-pressed", on);
    side.title = on ? data.words.mute : data.words.unmute;
    side.firstElementChild.className = `ti ti-volume${on ? "" : "-off"}`;
    player.hear(channel, on, sides.length);
    wave.mute(channel, !on);
  }));
  bindKeys({
    " ": () => player.toggle(),
    ArrowLeft: () => player.by(-5000),
    ArrowRight: () => player.by(5000),
  });
  host.addEventListener("keydown", (event) => {
    if (event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    player.seek(event.key === "Home" ? 0 : data.duration_ms);
  });
}

// --- Places: times, moments, rows -----------------------------------------------------------------------

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const place = event.target.closest("[data-seek]");
  if (!place) return;
  if (place.matches("li") && !event.target.closest("button")) {
    if (!getSelection().isCollapsed) return; // somebody marks words to copy them
    go(Number(place.dataset.seek), { play: player?.playing ?? false });
    return;
  }
  event.preventDefault();
  go(Number(place.dataset.seek), { play: true });
});

// --- The parts ------------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll("[role=tab]")];

function show(tab, { focus = false } = {}) {
  for (const one of tabs) {
    const on = one === tab;
    one.classList.toggle("on", on);
    one.setAttribute("aria-selected", on);
    one.tabIndex = on ? 0 : -1;
    document.getElementById(one.getAttribute("aria-controls")).hidden = !on;
  }
  const address = new URL(location.href);
  address.searchParams.set("tab", tab.id.replace("tab-", ""));
  history.replaceState(history.state, "", address);
  if (focus) tab.focus();
}

tabs.forEach((tab, number) => {
  tab.tabIndex = tab.classList.contains("on") ? 0 : -1;
  tab.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(tab);
  });
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(tabs[(number + step + tabs.length) % tabs.length], { focus: true });
  });
});
bindKeys(Object.fromEntries(tabs.map((tab, number) => [String(number + 1), () => show(tab)])));

// Going on to the next conversation keeps the part that one is looking at.
document.addEventListener("click", (event) => {
  const next = event.target.closest(".rv-head a[data-key=j], .rv-head a[data-key=k]");
  if (!next) return;
  const address = new URL(next.href);
  const tab = tabs.find((one) => one.classList.contains("on"));
  if (tab) address.searchParams.set("tab", tab.id.replace("tab-", ""));
  next.href = address;
}, { capture: true });

// --- A call under way -----------------------------------------------------------------------------------

function follow() {
  const { agents, names, redactions, words, changed, ended, play_from: playFrom, sign_in_url: signIn, undelivered } = pageData("live-data");
  const note = document.getElementById("live-words");
  const known = new Set(rows().map((row) => row.id));
  let head = Number(page.dataset.head);
  // Who passed the call on keeps the name beside what they said.
  const nameOf = ({ speaker, start_ms: ms }) => (speaker === "agent" && agents.find(([until]) => ms < until)?.[1]) || (names[speaker] ?? speaker);

  const grow = (turn) => {
    if (known.has(`u-${turn.id}`)) {
      // Told again, it has changed: words of it were hidden.
      const row = document.getElementById(`u-${turn.id}`);
      if (Number(row.dataset.revision) < turn.revision) {
        row.dataset.revision = turn.revision;
        row.lastElementChild.replaceChildren(speech(turn.text, [], { redactions, words }));
        kept.dress(turn.id, row.lastElementChild);
      }
      return;
    }
    known.add(`u-${turn.id}`);
    transcript.querySelector(".rv-empty")?.remove();
    const near = transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < 48;
    const time = make("time", { datetime: duration(turn.start_ms) }, span(turn.start_ms));
    const button = make("button", { type: "button", class: "rv-at", "aria-label": playFrom.replace("{time}", span(turn.start_ms)) }, time);
    const row = make(
      "li",
      { id: `u-${turn.id}`, class: turn.speaker === "customer" ? null : "a", "data-seek": turn.start_ms, "data-end": turn.end_ms, "data-revision": turn.revision },
      button,
      make("b", { class: "clip" }, nameOf(turn)),
      make("span", {}, speech(turn.text, [], { redactions, words })),
    );
    const after = rows().find((one) => Number(one.dataset.seek) > turn.start_ms);
    transcript.insertBefore(row, after ?? null);
    kept.dress(turn.id, row.lastElementChild);
    if (near) row.scrollIntoView({ block: "nearest" });
  };
  // Of what was written here: whether the chat system could bring it to the customer.
  const miss = (message) => {
    const row = document.getElementById(`u-${message.utterance}`);
    const mark = row?.querySelector(".rv-missed");
    if (!row || Boolean(mark) === Boolean(message.failed_at)) return;
    if (mark) mark.remove();
    else row.lastElementChild.before(make("small", { class: "rv-missed" }, icon("alert-triangle"), undelivered));
  };
  const line = new Line(words, signIn);
  const joined = takePart();
  const socket = new LiveSocket(() => `/ws/conversations/${page.dataset.conversation}/?after=${head}`, {
    line,
    message: (message) => {
      if (message.type !== "event") return;
      head = Math.max(head, message.seq);
      joined?.apply(message);
      if (message.kind === "utterance") grow(message.data);
      else if (message.kind === "conversation" && !["announced", "live"].includes(message.data.state)) {
        say(note, ended);
        socket.close();
        joined?.box.draw();
      } else if (message.kind === "message") miss(message.data);
      else say(note, changed);
    },
  });
}

/** Writing in a chat under way, where this person may: a store of what was written, with its box. Null: no such thing. */
function takePart() {
  if (!document.getElementById("joining-data")) return null;
  const { items, me, url, words, writable } = pageData("joining-data");
  const store = new Store({ head: Number(page.dataset.head), items });
  const box = new ChatBox({ part: document.getElementById("chat"), words, me, send: (content) => write(url, content) });
  box.open(store, writable);
  setInterval(() => box.draw(), 2000);
  return Object.assign(store, { box });
}

// --- Opening --------------------------------------------------------------------------------------------

kept.open(page.dataset.conversation);
const dress = (row, how) => kept.dress(row.id.replace("u-", ""), row.lastElementChild, how);
rows().forEach((row) => dress(row));
if (document.getElementById("player-data")) openPlayer();
if (page.hasAttribute("data-live")) follow();
if (document.getElementById("hide-data")) hideWords(transcript, pageData("hide-data"), (row) => dress(row, { anew: true }));
const asked = new URLSearchParams(location.search).get("t");
if (asked !== null && Number.isFinite(Number(asked))) go(Number(asked), { play: false });
else transcript.querySelector("li.hit")?.scrollIntoView({ block: "center" });
