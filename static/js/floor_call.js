// One call beside the floor's list: what is said, what the agent sees, and its alerts.
import { agentNames } from "./agents.js";
import { ChatBox, supervisorNames } from "./chat.js";
import { consentNow, drawGap } from "./consent.js";
import { fill, icon, make, reason, say } from "./dom.js";
import { Kept } from "./kept.js";
import { PhaseChip } from "./phase.js";
import { read, Refused, write } from "./requests.js";
import { SoFar } from "./floor_so_far.js";
import { LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { span } from "./time.js";
import { Transcript } from "./transcript.js";
import { Trouble } from "./trouble.js";
import { WhisperForm } from "./floor_whisper.js";

const $ = (id) => document.getElementById(id);

export class OpenCall {
  #socket = null;
  #drawn = "";
  id = null;
  shownRow = null; // of a call that may not be followed yet
  store = null;

  constructor({ words, redactions, kept, line, clock, me, agents, past, failed }) {
    Object.assign(this, { words, line, clock, me, agents, past, failed });
    this.panel = $("call");
    this.transcript = new Transcript({ scroller: $("tx-scroll"), list: $("tx"), more: $("tx-more"), words, redactions, kept: new Kept(kept) });
    this.trouble = new Trouble($("trouble"), words, {
      call: () => this.store?.conversation, unheard: () => !consentNow(this.store, this.meaning).assist.allowed,
    });
    this.phase = new PhaseChip({ chip: $("call-phase"), words, clock });
    this.whispers = new WhisperForm({ form: $("whisper"), list: $("whispers"), words, send: (text) => write(`/floor/calls/${this.id}/whisper/`, { text }) });
    this.chat = new ChatBox({ part: $("chat"), words, me: me.id, send: (content) => write(`/floor/calls/${this.id}/message/`, content) });
    this.soFar = new SoFar({ part: $("so-far"), words, call: () => this.id });
    $("call-close").addEventListener("click", () => this.closed());
    $("attach-to").addEventListener("change", (event) => event.target.value && this.#attach(event.target.value));
    $("attach").addEventListener("submit", (event) => event.preventDefault());
    $("attach-to").replaceChildren(make("option", { value: "" }, words.attach_to), ...agents.map((agent) => make("option", { value: agent.id }, agent.name)));
    say($("attach").querySelector("label span"), words.attach);
  }

  /** Called when the panel was closed by its own button. */
  closed = () => {};

  get isOpen() {
    return this.id !== null;
  }

  /** Whether only the alert is shown, of a call that is another team's. */
  get isPreview() {
    return this.id !== null && this.shownRow !== null;
  }

  /** Show who asks for help and what for; the call itself can be followed once the alert is taken. */
  preview(row) {
    if (this.id !== row.id || !this.isPreview) this.close();
    this.id = row.id;
    this.shownRow = row;
    this.panel.hidden = false;
    this.panel.classList.add("is-preview");
    say($("call-agent"), row.agent?.name ?? this.words.unmatched);
    say($("call-with"), row.team?.name ?? "");
    say($("call-about"), [row.channel === "chat" ? this.words.chat : null, row.queue].filter(Boolean).join(" · "));
    say($("call-time"), span(this.clock.since(row.started_at)));
    $("call-dot").hidden = false;
    for (const id of ["attach", "call-over", "tx-gap", "whisper", "chat"]) $(id).hidden = true;
    $("alerts").replaceChildren(...(row.alert ? [this.#alert(row.alert, true)] : []));
  }

  async open(id) {
    if (id === this.id && !this.isPreview) return;
    this.close();
    this.id = id;
    let call;
    try {
      call = await read(`/desk/calls/${id}/`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.id === id) {
        this.failed(error.message || this.words.offline);
        this.closed();
      }
      return;
    }
    if (this.id !== id) return;
    this.store = new Store(call);
    this.#drawn = "";
    const { conversation } = this.store;
    this.meaning = call.consent;
    const customer = conversation.customer?.name?.split(" ")[0];
    this.transcript.open(this.store, { agent: agentNames(this.store, this.words), supervisor: supervisorNames(this.store, this.words), ...(customer && { customer }) });
    this.trouble.reset();
    this.phase.reset();
    this.soFar.reset();
    this.whispers.open(this.store);
    this.chat.open(this.store, call.writable);
    this.panel.dataset.channel = conversation.channel;
    for (const kind of ["conversation", "guidance", "alert", "consent", "whisper"]) this.store.on(kind, () => this.draw());
    // What was said is kept no more: nor does it stay on this page.
    this.store.on("conversation", (now, before) => now.words_erased_at && before && !before.words_erased_at && this.#again());
    this.panel.hidden = false;
    this.#socket = new LiveSocket(() => `/ws/conversations/${id}/?after=${this.store.head}`, {
      line: this.line,
      message: (message) => this.id === id && this.#followed(message),
      refused: () => this.id === id && this.closed(),
    });
    this.draw();
    this.transcript.follow();
  }

  close() {
    this.#socket?.close();
    this.#socket = this.store = this.id = this.shownRow = null;
    this.panel.hidden = true;
    this.panel.classList.remove("is-preview");
  }

  #again() {
    const { id } = this;
    this.close();
    this.open(id);
  }

  /** Each second, and after each event. */
  draw() {
    if (!this.store) return;
    const { words } = this;
    const { conversation } = this.store;
    const live = this.store.isLive;
    this.phase.draw(conversation, live);
    drawGap($("tx-gap"), this.store, this.meaning, words);
    const length = conversation.ended_at && !live
      ? Date.parse(conversation.ended_at) - Date.parse(conversation.started_at ?? conversation.announced_at)
      : this.callTime();
    say($("call-time"), span(length));
    this.trouble.draw(live);
    this.chat.draw();
    this.#drawSees();
    this.whispers.draw(live && conversation.agent !== null, conversation.agent?.name ?? "");
    const drawn = JSON.stringify([conversation, this.alerts().map((alert) => [alert.id, alert.state, alert.assignee, alert.count, alert.escalated_at])]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    if (!live) this.transcript.clearPartials();
    $("call-dot").hidden = !live;
    say($("call-agent"), conversation.agent?.name ?? words.unmatched);
    const customer = [conversation.customer?.name, conversation.customer?.segment].filter(Boolean).join(", ");
    say($("call-with"), customer ? fill(words.with, { name: customer }) : "");
    say($("call-about"), [conversation.channel === "chat" ? words.chat : null, conversation.queue, conversation.unmatched].filter(Boolean).join(" · "));
    $("attach").hidden = conversation.agent !== null || !this.agents.length;
    $("call-over").hidden = live;
    const link = $("call-over").querySelector("a");
    if (this.past) link.href = `${this.past}${conversation.id}/`;
    else link.hidden = true;
    $("alerts").replaceChildren(...this.alerts().map((alert, at) => this.#alert(alert, at === 0)));
  }

  callTime() {
    const { conversation } = this.store;
    return this.clock.since(conversation.started_at ?? conversation.announced_at);
  }

  alerts() {
    if (this.shownRow) return this.shownRow.alert ? [this.shownRow.alert] : [];
    const grave = { bad: 0, warn: 1 };
    return (this.store?.all("alert") ?? []).filter((alert) => alert.state === "open")
      .sort((a, b) => grave[a.severity] - grave[b.severity] || a.at_ms - b.at_ms);
  }

  resolve() {
    const [alert] = this.alerts();
    if (!alert || this.isPreview) return false;
    this.#do(`/floor/alerts/${alert.id}/resolve/`);
    return true;
  }

  /** Take the first alert, or give it back; with no alert, attach an unmatched call. */
  take() {
    const [alert] = this.alerts();
    if (alert) this.#take(alert);
    else if (!$("attach").hidden) $("attach-to").focus();
    else return false;
    return true;
  }

  /** Write to the agent. */
  whisper() {
    return this.whispers.focus();
  }

  async #take(alert) {
    const mine = alert.assignee?.id === this.me.id;
    const { id } = this;
    const done = await this.#do(`/floor/alerts/${alert.id}/${mine ? "release" : "claim"}/`);
    // It is ours now, and so is the call.
    if (done && this.isPreview && this.id === id) this.open(id);
  }

  async #attach(agent) {
    await this.#do(`/floor/calls/${this.id}/attach/`, { agent });
    $("attach-to").value = "";
  }

  async #do(url, content) {
    try {
      await write(url, content);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.failed(error.message || this.words.offline);
      return false;
    }
  }

  #followed(message) {
    if (message.type === "event") this.store.apply(message);
    else if (message.type === "partial" && this.store.isLive) this.transcript.partial(message);
    else if (message.type === "heartbeat") this.trouble.heartbeat(message);
    else if (message.type === "hello" || message.type === "pong") this.clock.set(message.now);
  }

  #drawSees() {
    const { words } = this;
    const hints = this.store.all("guidance").filter((hint) => hint.kind === "hint").sort((a, b) => b.at_ms - a.at_ms);
    const open = hints.find((hint) => hint.state === "open" && (hint.expires_ms === null || hint.expires_ms > this.callTime()));
    const last = open ?? hints[0];
    say($("sees").querySelector(".clip"), last ? fill(words.sees, { title: last.title }) : words.sees_nothing);
    const state = !last ? "" : last === open
      ? last.shown_at ? fill(words.shown_for, { time: span(this.clock.since(last.shown_at)) }) : words.sent
      : words[last.state === "accepted" ? "used" : last.state === "open" ? "expired" : last.state] ?? "";
    say($("sees").querySelector(".end"), state);
  }

  #alert(alert, isFirst) {
    const { words } = this;
    const mine = alert.assignee?.id === this.me.id;
    const since = (at) => fill(words.for_time, { time: span(this.clock.since(at)) });
    const who = mine ? words.alert_yours : alert.assignee ? fill(words.alert_of, { name: alert.assignee.name })
      : alert.escalated_at ? words.alert_escalated : words.alert_nobody;
    const why = alert.reason ? [reason(alert.reason, alert.evidence, (id) => this.transcript.reveal(id)), " "] : [];
    const sign = alert.kind === "hand" ? "hand-stop" : alert.severity === "bad" ? "alert-triangle" : "alert-circle";
    return make("div", { class: `alert-band ${alert.severity}`, "data-id": alert.id }, icon(sign),
      make("div", {}, make("b", {}, alert.title), alert.count > 1 ? make("span", { class: "small ink2" }, ` ${fill(words.times, { n: alert.count })}`) : null,
        make("p", { class: "small ink2" }, ...why, who, alert.waiting_since ? make("span", { class: "muted" }, ` ${since(alert.waiting_since)}`) : null)),
      make("span", { class: "row-x" },
        alert.assignee && !mine ? null : make("button", { type: "button", class: `btn btn-sm${mine ? "" : " btn-primary"}`, click: () => this.#take(alert) }, mine ? words.give_back : words.take, isFirst ? make("kbd", {}, "A") : null),
        this.isPreview ? null : make("button", { type: "button", class: "btn btn-sm", click: () => this.#do(`/floor/alerts/${alert.id}/resolve/`) }, words.resolve, isFirst ? make("kbd", {}, "X") : null)));
  }
}
