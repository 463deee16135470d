// A finding to look at: the sound around it, hiding more of words and sound, and on to the next.
import { pageData } from "./dom.js";
import { hideWords } from "./hide_words.js";

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 56;
// A press that moves less is none.
const LEAST_MS = 100;

const more = document.getElementById("more");
const part = document.getElementById("more-part");
more.addEventListener("click", () => {
  part.hidden = !part.hidden;
  more.setAttribute("aria-expanded", String(!part.hidden));
  if (!part.hidden) part.querySelector("select").focus();
});
hideWords(document.getElementById("transcript"), pageData("hide-data"));
// Only the list itself moves; where it stands below the finding, nothing does.
const chosen = document.querySelector(".pv-list a.on");
if (chosen) chosen.closest(".pv-list").scrollTop = chosen.offsetTop - chosen.closest(".pv-list").clientHeight / 2;

function shape(tag, attributes, parent) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

/** Peaks of each side (ten a second, 0 to 100) mirrored around a line of its own; what is hidden lies over them. */
function drawWave(svg, data) {
  const length = data.until_ms - data.from_ms;
  svg.setAttribute("viewBox", `0 0 ${length} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const room = HEIGHT / data.peaks.length;
  for (const [channel, from, to] of data.hidden) {
    const x = Math.max(0, from - data.from_ms);
    shape("rect", { class: "gone", x, y: channel * room, width: Math.min(length, to - data.from_ms) - x, height: room }, svg);
  }
  data.peaks.forEach((side, channel) => {
    const middle = (channel + 0.5) * room;
    const high = (peak) => Math.max(0.5, (peak / 100) * room * 0.46);
    const d = side.map((peak, at) => `M${at * 100 + 50} ${middle - high(peak)}V${middle + high(peak)}`).join("");
    shape("path", { class: `side-${channel % 2}`, d, "stroke-width": 60, fill: "none" }, svg);
  });
}

function openSound() {
  const data = pageData("sound-data");
  const audio = document.getElementById("sound");
  const play = document.getElementById("play");
  const svg = document.getElementById("wave");
  const form = document.getElementById("silence");
  const [from, until] = data.play;
  drawWave(svg, data);
  const now = shape("line", { class: "now", y1: 0, y2: HEIGHT, visibility: "hidden" }, svg);
  const room = HEIGHT / data.peaks.length;
  const drawn = shape("rect", { class: "drawn", height: room, visibility: "hidden" }, svg);

  play.addEventListener("click", () => {
    if (!audio.paused) {
      audio.pause();
      return;
    }
    const at = audio.currentTime * 1000;
    if (at < from || at >= until - LEAST_MS) audio.currentTime = from / 1000;
    audio.play().catch(() => { /* the browser wants another click, or there is no sound: the button stays as it is */ });
  });
  const step = () => {
    const at = audio.currentTime * 1000;
    now.setAttribute("x1", at - data.from_ms);
    now.setAttribute("x2", at - data.from_ms);
    now.setAttribute("visibility", "visible");
    if (at >= until) audio.pause();
    if (!audio.paused) requestAnimationFrame(step);
  };
  const label = (words, sign) => {
    play.setAttribute("aria-label", words);
    play.title = words;
    play.firstElementChild.className = `ti ti-player-${sign}`;
  };
  audio.addEventListener("play", () => { label(data.words.pause, "pause"); step(); });
  audio.addEventListener("pause", () => label(data.words.play, "play"));

  // Dragging over the waveform says from when until when.
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return data.from_ms + share * (data.until_ms - data.from_ms);
  };
  const show = (begin, end) => {
    drawn.setAttribute("x", begin - data.from_ms);
    drawn.setAttribute("width", end - begin);
    drawn.setAttribute("y", Number(form.elements.channel.value) * room);
    drawn.setAttribute("visibility", "visible");
  };
  let begun = null;
  svg.addEventListener("pointerdown", (event) => {
    begun = place(event);
    const box = svg.getBoundingClientRect();
    const side = String(Math.floor(((event.clientY - box.top) / box.height) * data.peaks.length));
    if ([...form.elements.channel.options].some((one) => one.value === side)) form.elements.channel.value = side;
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (begun !== null) show(Math.min(begun, place(event)), Math.max(begun, place(event)));
  });
  svg.addEventListener("pointerup", (event) => {
    const [begin, end] = [begun, place(event)].sort((a, b) => a - b);
    begun = null;
    if (end - begin < LEAST_MS) {
      drawn.setAttribute("visibility", "hidden");
      return;
    }
    if (part.hidden) more.click();
    form.elements.from.value = (begin / 1000).toFixed(1);
    form.elements.until.value = (end / 1000).toFixed(1);
  });
  form.addEventListener("input", () => {
    const [begin, end] = [form.elements.from, form.elements.until].map((field) => 1000 * Number(field.value));
    if (end > begin) show(begin, end);
  });
}

if (document.getElementById("sound-data")) openSound();
