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

for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopPropagation();
    }
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) showKeys();
});

// A row of tabs or of navigation that scrolls sideways starts with the current one in sight.
document.querySelector(".nav-top .item.on")?.scrollIntoView({ block: "nearest", inline: "nearest" });
