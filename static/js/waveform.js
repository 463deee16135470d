// The sound of a conversation as a picture: a line of peaks per side, silenced stretches dashed, moments as ticks.
import { span } from "./time.js";

const NS = "http://www.w3.org/2000/svg";
const SIDE = 36;
const HALF = 16;
const AXIS = 30;
const STEP = 2;
const QUIET = 4;
const SHADED_MS = 5000;
const LABEL_PX = 72;
const LABELS_S = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

function shape(tag, attributes, parent) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
}

/** Stretches `[from, to]` in ms in which no side is heard for at least `least` ms. Ten peaks a second, 0 to 100. */
export function silences(peaks, least) {
  const length = Math.max(0, ...peaks.map((side) => side.length));
  const found = [];
  let from = null;
  for (let at = 0; at <= length; at += 1) {
    const quiet = at < length && peaks.every((side) => (side[at] ?? 0) < QUIET);
    if (quiet && from === null) from = at;
    if (!quiet && from !== null) {
      if ((at - from) * 100 >= least) found.push([from * 100, at * 100]);
      from = null;
    }
  }
  return found;
}

/** What a side is drawn by: loud enough that a quiet line can be read too. */
function loudness(side) {
  const heard = side.filter((peak) => peak >= QUIET).sort((a, b) => a - b);
  return Math.max(12, heard[Math.floor(heard.length * 0.98)] ?? 100);
}

export class Waveform {
  #svg;
  #clip = null;
  #hand = null;
  #ticks = new Map();
  #muted = new Set();
  #at = 0;

  /** `data`: {duration_ms, peaks, redacted: [[channel, from, to]], moments}; `seek(ms)` when somebody points. */
  constructor(host, data, seek) {
    this.host = host;
    this.data = data;
    this.silent = silences(data.peaks, SHADED_MS);
    this.#svg = shape("svg", { "aria-hidden": "true" });
    host.append(this.#svg);
    new ResizeObserver(() => this.draw()).observe(host);
    const point = (event) => {
      const box = host.getBoundingClientRect();
      seek(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * data.duration_ms);
    };
    host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      host.setPointerCapture(event.pointerId);
      point(event);
    });
    host.addEventListener("pointermove", (event) => {
      if (host.hasPointerCapture(event.pointerId)) point(event);
    });
  }

  get #width() {
    return Math.max(1, this.host.clientWidth);
  }

  #x(ms) {
    return (ms / Math.max(1, this.data.duration_ms)) * this.#width;
  }

  draw() {
    const { peaks, redacted, moments, duration_ms: whole } = this.data;
    const width = this.#width;
    const floor = peaks.length * SIDE;
    const height = floor + AXIS;
    this.#svg.replaceChildren();
    this.#ticks.clear();
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) this.#svg.setAttribute(name, value);
    for (const [from, to] of this.silent) {
      shape("rect", { x: this.#x(from), y: 0, width: this.#x(to) - this.#x(from), height: floor, class: "w-silent" }, this.#svg);
    }
    let lines = "";
    peaks.forEach((side, channel) => {
      if (this.#muted.has(channel)) {
        lines += `M0 ${channel * SIDE + SIDE / 2}H${width}`;
        return;
      }
      const middle = channel * SIDE + SIDE / 2;
      const loud = loudness(side);
      const hidden = redacted.filter(([where]) => where === channel);
      for (let x = 0; x < width; x += STEP) {
        const from = (x / width) * whole;
        const to = ((x + STEP) / width) * whole;
        let peak = 0;
        if (!hidden.some(([, start, end]) => start < to && from < end)) {
          const last = Math.max(Math.floor(from / 100) + 1, Math.ceil(to / 100));
          for (let at = Math.floor(from / 100); at < last && at < side.length; at += 1) peak = Math.max(peak, side[at]);
        }
        const reach = peak < QUIET ? 0.5 : Math.max(1, Math.min(1, peak / loud) * HALF);
        lines += `M${x + 0.5} ${(middle - reach).toFixed(1)}V${(middle + reach).toFixed(1)}`;
      }
    });
    const clip = shape("clipPath", { id: "w-played" }, this.#svg);
    this.#clip = shape("rect", { x: 0, y: 0, width: 0, height }, clip);
    shape("path", { d: lines, class: "w-rest" }, this.#svg);
    shape("path", { d: lines, class: "w-done", "clip-path": "url(#w-played)" }, this.#svg);
    for (const [channel, from, to] of redacted) {
      const y = channel * SIDE + 2;
      shape("rect", { x: this.#x(from), y, width: Math.max(3, this.#x(to) - this.#x(from)), height: SIDE - 4, class: "w-hidden" }, this.#svg);
    }
    shape("line", { x1: 0, x2: width, y1: floor + 4.5, y2: floor + 4.5, class: "w-axis" }, this.#svg);
    for (const moment of moments) {
      const tick = shape("path", { d: `M${this.#x(moment.at_ms).toFixed(1)} ${floor}v9`, class: "w-tick" }, this.#svg);
      shape("title", {}, tick).textContent = `${moment.name}, ${span(moment.at_ms)}`;
      this.#ticks.set(moment.id, tick);
    }
    const step = LABELS_S.find((seconds) => this.#x(seconds * 1000) >= LABEL_PX) ?? LABELS_S.at(-1);
    for (let second = 0; second * 1000 < whole; second += step) {
      const x = this.#x(second * 1000);
      if (second && x > width - 20) break;
      const label = shape("text", { x, y: height - 4, "text-anchor": second ? "middle" : "start", class: "w-label" }, this.#svg);
      label.textContent = span(second * 1000);
    }
    this.#hand = shape("g", { class: "w-hand" }, this.#svg);
    shape("line", { x1: 0, x2: 0, y1: 0, y2: floor + 8 }, this.#hand);
    shape("path", { d: "M-4 0h8l-4 6z" }, this.#hand);
    this.move(this.#at);
  }

  /** Put the hand to a place. */
  move(ms) {
    this.#at = ms;
    if (!this.#hand) return;
    const x = this.#x(ms).toFixed(1);
    this.#clip.setAttribute("width", x);
    this.#hand.setAttribute("transform", `translate(${x} 0)`);
  }

  /** Show that a side is not heard. */
  mute(channel, on) {
    if (on) this.#muted.add(channel);
    else this.#muted.delete(channel);
    this.draw();
  }

  /** Show which moment is being heard. */
  light(id) {
    for (const [key, tick] of this.#ticks) tick.classList.toggle("on", key === id);
  }
}
