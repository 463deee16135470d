// The chosen theme, set before the first paint. A plain script in the head on purpose: a module would come too late.
(() => {
  const STORE = "theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(STORE) || "system";
    } catch {
      return "system"; // storage may be closed in a foreign frame
    }
  }

  function apply() {
    const choice = chosen();
    const theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = theme;
  }

  function choose(choice) {
    try {
      localStorage.setItem(STORE, choice);
    } catch {
      document.documentElement.dataset.bsTheme = choice;
      return;
    }
    apply();
  }

  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", (event) => event.key === STORE && apply());
  document.addEventListener("change", (event) => {
    if (event.target.name === "theme" && event.target.closest("[data-theme-switch]")) choose(event.target.value);
  });
  document.addEventListener("DOMContentLoaded", () => {
    for (const input of document.querySelectorAll("[data-theme-switch] input[name=theme]")) {
      input.checked = input.value === chosen();
    }
  });
})();
