// The agent's desk at work: ready, a live call, after the call. The next call never waits for the last one's summary.
// The same in a page of its own (desk.js) and in the side panel (panel.js).
import { announce } from "./frame.js";
import { agentNames } from "./agents.js";
import { CardPause, pauseNow } from "./card_pause.js";
import { ChatBox, supervisorNames } from "./chat.js";
import { Checklist } from "./checklist.js";
import { Consent, drawGap } from "./consent.js";
import { Customer } from "./customer.js";
import { fill, icon, make, pageData, say } from "./dom.js";
import { Hand } from "./hand.js";
import { Handover } from "./handover.js";
import { Hints } from "./hints.js";
import { Kept } from "./kept.js";
import { chooseKeys } from "./key_choice.js";
import { bindKeys, isTyping } from "./keys.js";
import { Mutes } from "./mutes.js";
import { Note } from "./notes.js";
import { PhaseChip } from "./phase.js";
import { PlaybookMove } from "./playbook_move.js";
import { read, Refused, write } from "./requests.js";
import { Line, LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { Summary } from "./summary.js";
import { Clock, everySecond, ofDay, span } from "./time.js";
import { Transcript } from "./transcript.js";
import { Trouble } from "./trouble.js";
import { Whispers } from "./whispers.js";

const $ = (id) => document.getElementById(id);

/** Run the desk. `page`: what the server begins it with; `named`: it is for one call, which `attach(id)` gives it, now or
 *  when it is known; `signIn`: where or how one signs in again; `told()` runs when the agent's calls have changed. */
export function startDesk(page, { named = false, signIn = page.signIn, told = () => {} } = {}) {
  const { words, redactions } = page;
  const main = $("content");
  const clock = new Clock();
  clock.set(page.state.now);
  const line = new Line(words, signIn);
  const readySince = performance.now();

  let attached = null; // the one call of a desk that is for one
  const ours = (calls) => (named ? calls.filter((call) => call.id === attached) : calls);
  let state = { ...page.state, calls: ours(page.state.calls) }; // {calls, tray}
  const settled = new Set(); // calls confirmed here: a list read before that may still be on its way with them in it
  let store = null; // of the call on the desk
  let [socket, callId, opening, shownMode] = [null, null, null, null];

  const callTime = () => (store?.conversation?.started_at ? clock.since(store.conversation.started_at) : 0);
  const reveal = (id) => {
    if (main.dataset.tab !== "now") tab("now");
    transcript.reveal(id);
  };

  const transcript = new Transcript({ scroller: $("tx-scroll"), list: $("tx"), more: $("tx-more"), count: $("found"), words, redactions, kept: new Kept(page.kept) });
  const consent = new Consent({ part: $("consent"), list: $("consent-list"), actions: $("consent-actions"), form: $("consent-form"), trouble: $("consent-trouble"), words, changed: drawHeard });
  const trouble = new Trouble($("trouble"), words, { call: () => store?.conversation, unheard: () => store !== null && !consent.now.assist.allowed });
  const phase = new PhaseChip({ chip: $("phase"), words, clock });
  const card = new CardPause({ button: $("card"), words, clock, failed: warn, changed: drawHeard });
  chooseKeys({ actions: page.keyNames, keys: page.keys, words });
  const mutes = new Mutes({ menu: $("mutes"), rows: page.mutes, words, changed: () => hints.draw(), failed: warn });
  const hints = new Hints({
    list: $("hints"), count: $("hints-count"), words, answer, reveal, callTime,
    mutes: () => mutes.now(), mute: (id, wholeKind) => mutes.add(callId, id, wholeKind),
  });
  const hand = new Hand({ button: $("hand"), words, clock, wanted: page.hands, failed: warn });
  const chat = new ChatBox({
    part: $("chat"), words, me: page.me.id,
    send: (content) => write(`/desk/calls/${callId}/message/`, content),
    taken: (reply) => write(`/desk/calls/${callId}/reply/`, { reply }),
  });
  const whispers = new Whispers({ part: $("whispers"), words, me: page.me.id, failed: warn });
  const handover = new Handover({ part: $("handover"), title: $("handover-title"), list: $("handover-list"), words, me: page.me.id, reveal });
  const plays = new Checklist({ kinds: ["step"], part: $("plays"), list: $("plays-list"), count: $("plays-count"), keep: () => moves.offers, words, reveal });
  const moves = new PlaybookMove({ menu: $("plays-move"), words, failed: warn });
  const steps = new Checklist({ kinds: ["checklist"], part: $("steps"), list: $("steps-list"), count: $("steps-count"), strip: $("strip"), first: () => plays.current, words, reveal });
  const customer = new Customer({ name: $("cu-name"), segment: $("cu-segment"), fields: $("cu-fields"), filled: $("cu-filled"), contacts: $("cu-contacts"), words, past: page.conversations });
  const note = new Note({ field: $("note"), state: $("note-state"), trouble: $("note-trouble"), again: $("note-trouble").querySelector("button"), words });
  const summary = new Summary({
    body: $("sum"), count: $("sum-count"), origin: $("sum-origin"), choices: $("choices"), trouble: $("sum-trouble"),
    confirmButton: $("confirm"), copyButton: $("copy"), status: $("sum-status"), words,
    light: (ids) => transcript.light(ids),
    confirmed: () => {
      settled.add(callId);
      next();
    },
  });

  // --- Which call is on the desk ---

  const isLive = (id) => state.calls.some((call) => call.id === id);

  /** What the server says of our calls: a new one takes the page, unless another is being spoken in. */
  function heard(message) {
    clock.set(message.now);
    const before = new Set(state.calls.map((call) => call.id));
    state = { calls: ours(message.calls), tray: message.tray };
    told();
    if (message.type === "call" && !message.mine && message.conversation === callId) return next();
    const fresh = state.calls.find((call) => !before.has(call.id));
    const current = callId !== null && isLive(callId);
    if (!current && state.calls.length) {
      const wanted = fresh ?? state.calls[0];
      if (wanted.id !== callId && (fresh || mode() !== "after")) {
        if (mode() === "after") announce(words.waiting_call);
        open(wanted.id);
      }
    } else if (!current && mode() === "live") {
      draw(); // ours has ended; the conversation's own event tells the rest
    }
    draw();
  }

  async function open(id, given = null) {
    opening = id;
    await Promise.all([summary.keep(), note.save()]);
    let call = given;
    for (let wait = 500; call === null; wait = Math.min(8000, wait * 2)) {
      try {
        call = await read(`/desk/calls/${id}/`);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status && error.status < 500) return opening === id && next();
        await new Promise((done) => setTimeout(done, wait)); // the bar on top says that the line is away
      }
      if (opening !== id) return;
    }
    opening = null;
    clock.set(call.now);
    socket?.close();
    callId = id;
    store = new Store(call);
    shownMode = null;
    const { conversation } = store;
    const first = conversation.customer?.name?.split(" ")[0];
    transcript.open(store, { agent: agentNames(store, words, page.me.id), supervisor: supervisorNames(store, words), ...(first && { customer: first }) });
    handover.open(store);
    hints.open(store);
    moves.open(store, id, call.playbooks);
    plays.open(store);
    steps.open(store);
    hand.open(store, id);
    whispers.open(store);
    chat.open(store, call.writable);
    customer.open(conversation, call.contacts);
    customer.fill(store.all("guidance"));
    consent.open(store, call);
    card.open(store, id);
    phase.reset();
    drawHeard();
    note.open(id, call.note);
    if ($("lookup-call")) $("lookup-call").value = id; // what is looked up is noted with the call
    summary.open(store, call);
    trouble.reset();
    store.on("conversation", changed);
    store.on("guidance", (item) => {
      if (item.kind === "step") steps.draw(); // its strip names the step of now
      if (item.kind === "prefill") customer.fill(store.all("guidance"));
      drawAfter();
    });
    tab("now");
    follow(id);
    draw();
  }

  function follow(id) {
    socket = new LiveSocket(() => `/ws/conversations/${id}/?after=${store.head}`, {
      line,
      message: (message) => callId === id && followed(message),
      open: () => hints.resend(),
      refused: () => callId === id && next(),
    });
  }

  /** The desk is free for what comes: a live call, or readiness. */
  function next() {
    socket?.close();
    named = false; // what it was for is over
    socket = store = callId = opening = null;
    transcript.clearPartials();
    if (state.calls.length) return open(state.calls[0].id);
    draw();
    refresh();
  }

  async function refresh() {
    try {
      heard({ type: "calls", ...(await read("/desk/state/")) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // the desk's socket brings it when the line is back
    }
  }

  function changed(conversation, before) {
    // What was said is kept no more: nor does it stay on this page.
    if (conversation.words_erased_at && before && !before.words_erased_at) return open(callId);
    if (before && store.conversation && !store.isLive && ["announced", "live"].includes(before.state)) {
      transcript.clearPartials();
      const waiting = state.calls.find((call) => call.id !== callId);
      if (waiting) open(waiting.id);
      refresh();
    }
    return draw();
  }

  function followed(message) {
    if (message.type === "event") {
      const wasSummary = message.kind === "summary";
      store.apply(message);
      if (wasSummary) refresh();
    } else if (message.type === "partial" && store.isLive) transcript.partial(message);
    else if (message.type === "heartbeat") trouble.heartbeat(message);
    else if (message.type === "hello" || message.type === "pong") clock.set(message.now);
    else if (message.type === "error" && message.id) refusedAnswer(message.id, message.message);
  }

  // --- Answers to guidance: by the socket, or by request while it is away ---

  function answer(content) {
    if (!store?.isLive && content.action !== "seen") return false;
    if (socket?.send(content)) return true;
    // The socket is away; a request may still get through. If not, it is sent when the socket is back.
    const id = callId;
    write(`/desk/calls/${id}/guidance/`, content).then(
      () => id === callId && hints.sent(content),
      (error) => {
        if (!(error instanceof Refused)) throw error;
        if (error.status && id === callId) refusedAnswer(content.id, error.message);
      },
    );
    return false;
  }

  function refusedAnswer(id, why) {
    hints.refused(id);
    warn(fill(words.not_done, { why }));
  }

  function warn(what) {
    const bar = $("guide-trouble");
    say(bar.querySelector("span"), what);
    bar.hidden = false;
    setTimeout(() => { bar.hidden = true; }, 8000);
  }

  // --- What is shown ---

  function mode() {
    if (!store) return "ready";
    return store.isLive ? "live" : "after";
  }

  function draw() {
    const now = mode();
    main.dataset.mode = now;
    main.dataset.channel = store?.conversation.channel ?? "";
    document.documentElement.dataset.desk = now;
    $("ready").hidden = now !== "ready";
    $("work").hidden = now === "ready";
    drawTray();
    if (now === "ready") {
      document.title = document.title.replace(/^.*? · /, `${words.ready_title} · `);
    } else {
      const { conversation } = store;
      const name = conversation.customer?.name || conversation.customer?.reference || words.unknown_customer;
      document.title = document.title.replace(/^.*? · /, `${name} · `);
      say($("bit-name"), name);
      say($("bit-about"), conversation.customer?.segment ?? "");
      say($("bit-queue"), conversation.queue ?? "");
      $("bit-queue-part").hidden = !conversation.queue;
      $("dot").hidden = now !== "live";
      $("over").hidden = now !== "after";
      $("bit-wrap").hidden = $("bit-call-part").hidden = now !== "after";
      say($("tx-about"), now === "live" || conversation.channel === "chat" ? language(conversation.language) : words.tx_after);
      if (now === "after") {
        const length = Date.parse(conversation.ended_at) - Date.parse(conversation.started_at ?? conversation.announced_at);
        say($("bit-call"), fill(words.call_length, { time: span(length) }));
        say($("bit-ended"), conversation.state === "incomplete" ? words.ended_badly : fill(words.ended, { time: ofDay(conversation.ended_at) }));
        const until = summary.row?.state === "draft" ? summary.row.confirm_by : null;
        say($("bit-by"), until ? fill(words.confirm_by, { time: ofDay(until) }) : words.no_limit);
      }
      if (shownMode !== now) {
        shownMode = now;
        if (now === "after") drawAfter();
        tab("now");
        transcript.follow();
      }
    }
    const elsewhere = state.calls.find((call) => call.id !== callId);
    $("to-call").hidden = !(elsewhere && now === "after");
    tick();
  }

  function drawTray() {
    const rows = state.tray.filter((call) => call.id !== callId && call.summary !== "unconfirmed" && !settled.has(call.id));
    const waiting = rows.filter((call) => !call.erased).length;
    $("tray").hidden = !rows.length;
    say($("tray-count"), !waiting ? words.tray_none : waiting === 1 ? words.tray_one : fill(words.tray, { n: waiting }));
    const drawn = JSON.stringify(rows);
    if ($("tray-list").dataset.drawn === drawn) return;
    $("tray-list").dataset.drawn = drawn;
    $("tray-list").replaceChildren(...rows.map((call) => make("button", {
      type: "button", class: "menu-item",
      click: () => {
        $("tray").open = false;
        open(call.id);
      },
    }, make("span", { class: "grow clip" }, call.customer ?? words.unknown_customer, make("small", {}, call.queue ?? "")),
    make("span", { class: "small muted" }, call.erased ? words.tray_erased : call.summary ? `${ofDay(call.ended_at ?? call.started_at)}` : words.tray_written))));
  }

  /** What may not be heard is said where its words would stand. */
  function drawHeard() {
    const bar = $("tx-gap");
    drawGap(bar, store, consent.meaning, words);
    const pause = store?.isLive ? pauseNow(store) : null;
    if (pause === null || !bar.hidden) return;
    say(bar.querySelector("span"), pause.hears ? words.card_no_sound : words.card_no_words);
    bar.hidden = false;
  }

  /** After the call: what was ticked and what became of the hints. */
  function drawAfter() {
    if (!store || store.isLive) return;
    const items = [...plays.items(), ...steps.items()];
    const done = items.filter((item) => item.state === "ticked");
    list("after-steps", items, fill(words.step, { done: done.length, all: items.length }), (item) => item.state === "ticked");
    const shown = store.all("guidance").filter((item) => ["hint", "line", "knowledge", "prefill"].includes(item.kind) && item.state !== "held").sort((a, b) => a.at_ms - b.at_ms);
    const isUsed = (item) => item.used_ms !== null || ["accepted", "used"].includes(item.state);
    const used = shown.filter(isUsed);
    list("after-hints", shown, fill(words.used_count, { used: used.length, all: shown.length }), isUsed);
  }

  // What became of a hint that was not used; an item of the checklist that is still open has a dash.
  const SETTLED = { dismissed: "x", missed: "circle-x", withdrawn: "arrow-back-up", expired: "clock-off" };

  function list(id, items, figure, isGood) {
    const part = $(id);
    part.hidden = !items.length;
    say(part.querySelector(".end"), figure);
    part.querySelector("ul").replaceChildren(...items.map((item) => {
      const good = isGood(item);
      const sign = good ? "check" : SETTLED[item.state] ?? "minus";
      const isItem = ["checklist", "step"].includes(item.kind);
      const what = isItem ? (good ? words.step_is_done : item.state === "missed" ? words.step_is_missed : words.step_is_open)
        : good ? words.was_accepted : words[`was_${item.state}`] ?? item.state;
      return make("li", {}, icon(sign, what), make("span", { title: what }, item.title),
        isItem && !good ? null : when(item));
    }));
    for (const sign of part.querySelectorAll(".ti-check")) sign.classList.add("is-good");
  }

  /** When it was settled, leading to what was said if that is known. */
  function when(item) {
    const time = span(item.settled_ms ?? item.at_ms);
    const said = item.evidence[0]?.utterance;
    return said ? make("button", { type: "button", class: "link small", click: () => reveal(said) }, time) : make("span", { class: "small muted" }, time);
  }

  function language(code) {
    try {
      return new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "language" }).of(code);
    } catch {
      return code; // a code that is no language, from a telephony
    }
  }

  function tab(name) {
    main.dataset.tab = name;
    for (const button of $("tabs").querySelectorAll("button")) {
      button.classList.toggle("on", button.dataset.for === name);
      button.setAttribute("aria-pressed", String(button.dataset.for === name));
    }
    if (name === "now" || name === "words") transcript.follow();
  }

  /** To the notes, wherever they are: beside the call, or behind a tab where the page is narrow. */
  function jot() {
    const own = $("tabs").querySelector('[data-for="note"]').getClientRects().length > 0;
    if (!$("note").getClientRects().length) tab(own ? "note" : "customer");
    $("note").focus();
    return true;
  }

  // --- Keys ---

  const inLive = (run) => () => (mode() === "live" ? run() : false);
  const inAfter = (run) => () => (mode() === "after" ? run() : false);
  bindKeys({
    Enter: inLive(() => hints.accept()),
    Escape: inLive(() => hints.dismiss()),
    w: inLive(() => hints.toggleWhy()),
    x: inLive(() => hints.wrong()),
    m: inLive(() => hints.muteOpen()),
    h: inLive(() => hand.toggle()),
    n: () => (store ? jot() : false),
    p: () => {
      if (!store) return false;
      tab("customer");
      return consent.ask();
    },
    k: inLive(() => card.toggle()),
    g: inLive(() => moves.show()),
    r: inLive(() => chat.answer()),
    End: () => (store ? transcript.follow() : false),
    ArrowDown: inAfter(() => summary.move(1)),
    ArrowUp: inAfter(() => summary.move(-1)),
    e: inAfter(() => summary.edit()),
    Delete: inAfter(() => summary.remove()),
    Backspace: inAfter(() => summary.remove()),
  });
  for (const number of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    bindKeys({ [number]: () => (mode() === "live" ? hints.pick(number) : mode() === "after" ? summary.choose(number) : false) });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && mode() === "after") {
      event.preventDefault();
      summary.confirm();
    } else if (event.key === "Escape" && isTyping(event) && !event.defaultPrevented) {
      event.target.blur();
    }
  });
  $("search").addEventListener("input", (event) => transcript.search(event.target.value));
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      transcript.next(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.target.value = "";
      transcript.search("");
    }
  });
  $("tabs").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    tab(button.dataset.for);
    if (button.dataset.for === "note") $("note").focus();
  });
  // What is looked up opens beside the call, never in its place.
  $("answers")?.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link) Object.assign(link, { target: "_blank", rel: "noopener" });
  });
  $("strip").addEventListener("click", () => tab("steps"));
  $("to-call").addEventListener("click", () => next());
  // What is typed is kept before the page goes.
  addEventListener("pagehide", () => {
    note.save();
    summary.keep();
  });

  function tick() {
    if (store) {
      const { conversation } = store;
      say($("timer"), span(store.isLive ? callTime() : conversation.ended_at ? clock.since(conversation.ended_at) : 0));
      hints.draw();
      note.draw();
      phase.draw(conversation, store.isLive);
      card.draw();
      hand.draw();
      whispers.draw();
      chat.draw();
      trouble.draw(store.isLive);
      $("no-hints").hidden = $("hints").childElementCount > 0;
    } else {
      say($("ready-for"), fill(words.ready_for, { time: span(performance.now() - readySince) }));
    }
  }

  const listen = () => new LiveSocket(() => "/ws/desk/", {
    line,
    message: (message) => (message.type === "pong" ? clock.set(message.now) : "calls" in message && heard(message)),
  });
  let listening = listen();
  if (page.call && !named) open(page.call.id, page.call);
  else draw();
  everySecond(tick);

  return {
    attach(id) {
      attached = id;
      if (callId === id || opening === id) return;
      open(id);
      refresh();
    },
    /** Somebody signed in again: the lines that were closed for good are opened anew. */
    resume() {
      line.signedIn();
      listening.close();
      listening = listen();
      socket?.close();
      if (callId !== null) follow(callId);
    },
    /** For any call again. */
    free() {
      named = false;
      refresh();
    },
  };
}
