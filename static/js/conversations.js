// The list of conversations: rows by key, the whole row is a link, the search box keeps the filters.
import { bindKeys } from "./keys.js";

const rows = () => [...document.querySelectorAll(".ls-row")];
let at = -1;

function choose(number) {
  const all = rows();
  if (!all.length) return;
  if (number >= all.length) {
    document.getElementById("older")?.click();
    return;
  }
  at = Math.max(0, number);
  all.forEach((row, index) => row.classList.toggle("on", index === at));
  const link = all[at].querySelector(".ls-open");
  link.focus({ preventScroll: true });
  all[at].scrollIntoView({ block: "nearest" });
}

bindKeys({
  j: () => choose(at + 1),
  k: () => choose(at - 1),
  ArrowDown: () => choose(at + 1),
  ArrowUp: () => choose(at - 1),
  Enter: () => rows()[at]?.querySelector(".ls-open").click(),
});

document.addEventListener("click", (event) => {
  const row = event.target.closest(".ls-row");
  if (!row || event.target.closest("a") || !getSelection().isCollapsed) return;
  const link = row.querySelector(".ls-open");
  if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
  else link.click();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".ls-row");
  if (!row) return;
  at = rows().indexOf(row);
  rows().forEach((one) => one.classList.toggle("on", one === row));
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "content") return;
  at = -1;
  document.querySelector(".ls-rows")?.scrollTo(0, 0);
});

// Empty fields are left out of the address.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.id !== "filters") return;
  for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
});

// The cross in the box empties it without Enter.
document.getElementById("words").addEventListener("search", (event) => {
  if (!event.target.value) event.target.form.requestSubmit();
});
