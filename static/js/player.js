// Playing a recording: place, speed, skipping silence. Knows nothing of what is drawn.
import { silences } from "./waveform.js";

const SKIPPED_MS = 1500;
const LEAD_MS = 250;
const SPEED = "player.speed";
const SKIP = "player.skip";

function kept(name, fallback) {
  try {
    return localStorage.getItem(name) ?? fallback;
  } catch {
    return fallback; // storage may be closed in a foreign frame
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Not kept, then: the choice still holds for this page.
  }
}

export class Player {
  #skip = kept(SKIP, "0") === "1";
  #frame = null;

  /** `heard(ms)` with each step of the hand, `changed(playing)`, `failed()` when the sound cannot be had. */
  constructor(audio, data, { heard, changed, failed }) {
    this.audio = audio;
    this.duration = data.duration_ms;
    this.heard = heard;
    this.quiet = silences(data.peaks, SKIPPED_MS);
    audio.playbackRate = Number(kept(SPEED, "1")) || 1;
    audio.addEventListener("play", () => {
      changed(true);
      this.#step();
    });
    audio.addEventListener("pause", () => {
      cancelAnimationFrame(this.#frame);
      changed(false);
      heard(this.at);
    });
    for (const name of ["seeked", "timeupdate"]) audio.addEventListener(name, () => heard(this.at));
    audio.addEventListener("error", () => failed());
  }

  get at() {
    return Math.min(this.duration, this.audio.currentTime * 1000);
  }

  get playing() {
    return !this.audio.paused;
  }

  get speed() {
    return this.audio.playbackRate;
  }

  set speed(rate) {
    this.audio.playbackRate = this.audio.defaultPlaybackRate = rate;
    keep(SPEED, rate);
  }

  get skipping() {
    return this.#skip;
  }

  set skipping(on) {
    this.#skip = on;
    keep(SKIP, on ? "1" : "0");
  }

  seek(ms, { play = false } = {}) {
    this.audio.currentTime = Math.max(0, Math.min(this.duration, ms)) / 1000;
    this.heard(Math.max(0, Math.min(this.duration, ms)));
    if (play) this.play();
  }

  by(ms) {
    this.seek(this.at + ms);
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  play() {
    // Refused where the browser wants a click first; its own error event tells of anything worse.
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.audio.dispatchEvent(new Event("error"));
    });
  }

  again() {
    this.audio.load();
  }

  #step() {
    if (this.audio.paused) return;
    const now = this.at;
    if (this.#skip) {
      const quiet = this.quiet.find(([from, to]) => now >= from + LEAD_MS && now < to - LEAD_MS * 2);
      if (quiet) this.audio.currentTime = (quiet[1] - LEAD_MS) / 1000;
    }
    this.heard(this.at);
    this.#frame = requestAnimationFrame(() => this.#step());
  }
}
