// Time as the pages show it: the server's clock kept by a monotonic one, so that a wrong or moved clock of the
// reader's machine changes no timer.

/** The server's time. `set` it with every message that brings one. */
export class Clock {
  #base = null;

  set(serverMs) {
    this.#base = serverMs - performance.now();
  }

  now() {
    return this.#base === null ? Date.now() : this.#base + performance.now();
  }

  /** Milliseconds since an ISO time of the server; never negative. */
  since(iso) {
    return Math.max(0, this.now() - Date.parse(iso));
  }
}

const two = (value) => String(value).padStart(2, "0");

/** A length or a place in a call: 0:07, 14:02, 1:02:03. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** The same for `<time datetime>`. */
export function duration(ms) {
  return `PT${Math.max(0, Math.floor(ms / 1000))}S`;
}

/** How long ago, in few words. */
export function ago(ms, words) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3) return words.now;
  if (seconds < 60) return words.seconds_ago.replace("{n}", seconds);
  return words.minutes_ago.replace("{n}", Math.floor(seconds / 60));
}

/** A time of day on the reader's clock. */
export function ofDay(value, { seconds = false } = {}) {
  return new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds && { second: "2-digit" }),
  }).format(new Date(value));
}

/** A day, short: 14 Aug; with the year when it is not this one. */
export function day(value) {
  const date = new Date(value);
  const same = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    day: "numeric", month: "short", ...(!same && { year: "2-digit" }),
  }).format(date);
}

/** Run at once and then each second, on the second of the page's own clock. Returns how to stop it. */
export function everySecond(run) {
  run();
  const timer = setInterval(run, 1000);
  return () => clearInterval(timer);
}
