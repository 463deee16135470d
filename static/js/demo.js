// The sample call's button: asks for the call and plays its sound, both beginning at the same moment.
import { make, icon } from "./dom.js";
import { Refused, write } from "./requests.js";

const card = document.getElementById("sample");
const trouble = document.getElementById("sample-trouble");
const buttons = [...card.querySelectorAll("[data-sample]")];

function complain(words) {
  trouble.textContent = words;
  trouble.hidden = !words;
}

function pill(sound) {
  const mute = make("button", { type: "button", class: "btn btn-sm", click: () => {
    sound.muted = !sound.muted;
    label();
  } });
  // Where the bar is narrow the word is not shown: the icon needs its name.
  const label = () => {
    const words = sound.muted ? card.dataset.unmute : card.dataset.mute;
    mute.replaceChildren(icon(sound.muted ? "volume" : "volume-off"), make("span", {}, words));
    mute.setAttribute("aria-label", words);
    mute.title = words;
  };
  label();
  return make("div", { class: "sample-pill", id: "sample-pill" }, make("span", {}, card.dataset.on), mute);
}

async function begin(button) {
  complain("");
  for (const other of buttons) other.disabled = true;
  // Loaded before the call is asked for, so that it can begin on time.
  const sound = new Audio(button.dataset.sound);
  sound.preload = "auto";
  sound.load();
  const done = () => {
    document.getElementById("sample-pill")?.remove();
    for (const other of buttons) other.disabled = false;
  };
  try {
    const asked = performance.now();
    const answer = await write(card.dataset.play, { key: button.dataset.sample });
    // The server counts from when it answered; half of the way there and back has passed since.
    const passed = (performance.now() - asked) / 2;
    sound.addEventListener("ended", done, { once: true });
    // Where the page is narrow the bar on top is full: beside the call's other buttons there is room.
    const narrow = matchMedia("(max-width: 719px)").matches;
    document.querySelector(narrow ? ".callbar .tools" : ".nav-top .end").prepend(pill(sound));
    setTimeout(() => sound.play().catch(() => {
      document.getElementById("sample-pill")?.remove();
      complain(card.dataset.blocked);
      for (const other of buttons) other.disabled = false;
    }), Math.max(0, answer.begins_in_ms - passed));
  } catch (error) {
    done();
    if (!(error instanceof Refused)) throw error;
    complain(error.message || card.dataset.away);
  }
}

for (const button of buttons) button.addEventListener("click", () => begin(button));
