// Trouble with a call, said in words in the pane that it concerns: what, since when, what still works.
import { announce } from "./frame.js";
import { fill, icon, make } from "./dom.js";
import { isSilent, phaseFrom } from "./phase.js";
import { span } from "./time.js";

const SILENT_AFTER = 10_000;
// Who listens is quiet too: while the other side speaks, silence means trouble only after longer.
const LISTENING_FOR = 25_000;
const SPEAKING = 2_000;
const LATE_AFTER = 3_000;
const STILL_AFTER = 10_000;

export class Trouble {
  #shown = "";
  #kinds = "";
  #beat = null;
  #at = 0;

  /** `call()` gives the conversation; `unheard()` says whether nobody may hear it, which is no trouble. */
  constructor(place, words, { call = () => null, unheard = () => false } = {}) {
    Object.assign(this, { place, words, call, unheard });
  }

  reset() {
    this.#beat = null;
    this.draw();
  }

  heartbeat(beat) {
    this.#beat = beat;
    this.#at = performance.now();
    this.draw();
  }

  /** Call it each second: standing still is noticed by what does not come. `live` false takes everything away. */
  draw(live = true) {
    const found = live && this.#beat ? this.#found() : [];
    const shown = JSON.stringify(found);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const kinds = found.map(({ sign, what }) => (sign === "message-off" ? sign : what)).join();
    if (kinds && kinds !== this.#kinds) announce(`${found[0].what} ${found[0].more}`); // once, not for each second of it
    this.#kinds = kinds;
    this.place.replaceChildren(...found.map(({ sign, what, more }) =>
      make("div", { class: "note" }, icon(sign), make("span", {}, make("b", {}, what), ` ${more}`), make("span"))));
  }

  #found() {
    const { words } = this;
    const { now_ms: now, late_ms: late, audio = {} } = this.#beat;
    if (performance.now() - this.#at > STILL_AFTER) {
      return [{ sign: "message-off", what: words.stopped, more: fill(words.stopped_more, { time: span(now) }) }];
    }
    const call = this.call();
    // On hold, in a menu or a queue there is nothing to hear, and words that do not come are not late.
    if (isSilent(call) || this.unheard()) return [];
    const talked = now - phaseFrom(call);
    const found = ["customer", "agent"]
      .filter((side) => {
        const other = audio[side === "agent" ? "customer" : "agent"] ?? Infinity;
        return Math.min(audio[side], talked) > (other < SPEAKING ? LISTENING_FOR : SILENT_AFTER);
      })
      .map((side) => ({
        sign: "volume-off",
        what: words[`no_audio_${side}`],
        more: fill(words.since, { time: span(now - Math.min(audio[side], talked)) }),
      }));
    if (Math.min(late, talked) > LATE_AFTER) {
      found.push({ sign: "message-off", what: fill(words.late, { seconds: Math.round(late / 1000) }), more: words.late_more });
    }
    return found;
  }
}
