// The frame of every page: its menus, its keys, and how pages tell assistive technology what changed.
import { showKeys } from "./keys.js";

/** Say something to people who cannot see the change. `urgent` interrupts what is being read. */
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "live-urgent" : "live");
  if (region) region.textContent = text;
}

/** Show or hide the thin bar on top that says the line is lost. `null` hides it. */
export function lostConnection(text) {
  const bar = document.getElementById("lost");
  if (!bar) return;
  bar.hidden = text === null;
  bar.querySelector("span").textContent = text ?? "";
}

// One listener for all menus, so that those of a part of the page that was swapped since close as well.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Wherever the focus is (a key opens a menu without moving it), and before Esc means anything to the page.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  const menu = [...document.querySelectorAll("details.menu[open]")].at(-1);
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopPropagation();
}, { capture: true });

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) showKeys();
});

// A row of tabs or of navigation that scrolls sideways starts with the current one in sight.
document.querySelector(".nav-top .item.on")?.scrollIntoView({ block: "nearest", inline: "nearest" });
document.querySelector(".tabs [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
