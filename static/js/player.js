// Playing a recording: place, speed, skipping silence. Knows nothing of what is drawn.
import { silences } from "./waveform.js";

const SKIPPED_MS = 1500;
const LEAD_MS = 250;
// A link to the sound lasts for a while; when it is over, a new one is asked for once, unseen.
const AGAIN_AFTER_MS = 10_000;
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
  #failed = -Infinity;
  #wanted = false;
  #sides = null;

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
    audio.addEventListener("ended", () => { this.#wanted = false; });
    audio.addEventListener("pause", () => {
      cancelAnimationFrame(this.#frame);
      changed(false);
      heard(this.at);
    });
    for (const name of ["seeked", "timeupdate"]) audio.addEventListener(name, () => heard(this.at));
    audio.addEventListener("error", () => {
      const now = performance.now();
      if (now - this.#failed < AGAIN_AFTER_MS) {
        failed();
        return;
      }
      this.#failed = now;
      this.again();
    });
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
    if (this.playing) {
      this.#wanted = false;
      this.audio.pause();
    } else this.play();
  }

  play() {
    this.#wanted = true;
    // Refused where the browser wants a click first; its own error event tells of anything worse.
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.audio.dispatchEvent(new Event("error"));
    });
  }

  /** Load the sound anew and go on where it was. */
  again() {
    const { audio } = this;
    const at = audio.currentTime;
    const playing = this.#wanted;
    audio.addEventListener("loadedmetadata", () => {
      if (at > 0) audio.currentTime = at;
      if (playing) this.play();
    }, { once: true });
    audio.load();
  }

  /** Hear or mute a side (channel). From the first time on, what is heard comes from the middle. */
  hear(side, on, sides) {
    if (!this.#sides) {
      const context = new AudioContext();
      const splitter = context.createChannelSplitter(sides);
      const middle = context.createGain();
      middle.channelCount = 1;
      middle.channelCountMode = "explicit";
      context.createMediaElementSource(this.audio).connect(splitter);
      this.#sides = Array.from({ length: sides }, (_unused, channel) => {
        const gain = context.createGain();
        splitter.connect(gain, channel);
        gain.connect(middle);
        return gain;
      });
      middle.connect(context.destination);
      this.audio.addEventListener("play", () => context.resume());
      context.resume();
    }
    this.#sides[side].gain.value = on ? 1 : 0;
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
