// What telephony says of a call beside its sound: on hold, in a menu, in a queue, agents who consult, a conference.
import { announce } from "./frame.js";
import { fill, icon, say } from "./dom.js";
import { span } from "./time.js";

// Phases in which nobody is heard, and nobody is missed.
const SILENT = new Set(["hold", "ivr", "queue", "ringing"]);
const SIGNS = { hold: "player-pause", ivr: "dialpad", queue: "users", ringing: "phone-incoming", consult: "user-question", conference: "users-group" };

export const signOf = (phase) => SIGNS[phase] ?? null;

/** Whether silence is what is to be expected. */
export function isSilent(conversation) {
  return SILENT.has(conversation?.phase);
}

/** Where in the call the phase of now began, in ms. */
export function phaseFrom(conversation) {
  return conversation?.phases?.at(-1)?.from_ms ?? 0;
}

/** Stretches on hold, in ms of the call: `[{from, to}]`; `to` is null while it goes on. */
export function holds(conversation) {
  const phases = conversation?.phases ?? [];
  const found = [];
  for (const { phase, from_ms: at } of phases) {
    const open = found.at(-1)?.to === null ? found.at(-1) : null;
    if (phase === "hold" && !open) found.push({ from: at, to: null });
    else if (phase !== "hold" && open) open.to = Math.max(open.from, at);
  }
  return found;
}

/** The chip in a call's head. Plain talk needs none. */
export class PhaseChip {
  #told = null;

  constructor({ chip, words, clock }) {
    Object.assign(this, { chip, words, clock });
  }

  reset() {
    this.#told = null;
  }

  /** Each second, and after each event. */
  draw(conversation, isLive) {
    const phase = isLive && SIGNS[conversation.phase] ? conversation.phase : null;
    const before = this.#told;
    this.#told = phase ?? "";
    this.chip.hidden = phase === null;
    // Said once when it changes, not each second and not when the page opens.
    if (before !== null && before !== this.#told) announce(phase ? this.words[`phase_${phase}`] : this.words.phase_over);
    if (phase === null) return;
    if (before !== phase) this.chip.replaceChildren(icon(SIGNS[phase]), document.createElement("span"));
    say(this.chip.lastElementChild, fill(this.words.phase_for, {
      phase: this.words[`phase_${phase}`], time: span(this.clock.since(conversation.phase_since)),
    }));
  }
}
