// One theme for the product and its admin: what is chosen on either side is noted for the other, in its own words.
(() => {
  // The tokens go by `data-bs-theme`; the admin marks its theme by a class.
  const root = document.documentElement;
  const mark = () => (root.dataset.bsTheme = root.classList.contains("dark") ? "dark" : "light");
  new MutationObserver(mark).observe(root, { attributes: true, attributeFilter: ["class"] });
  mark();

  const OURS = "theme";
  const THEIRS = "adminTheme";
  try {
    const ours = localStorage.getItem(OURS);
    localStorage.setItem(THEIRS, JSON.stringify(!ours || ours === "system" ? "auto" : ours));
  } catch {
    return; // storage may be closed in a foreign frame: then each side follows the system
  }
  window.addEventListener("pagehide", () => {
    const theirs = JSON.parse(localStorage.getItem(THEIRS) ?? '"auto"');
    localStorage.setItem(OURS, theirs === "auto" ? "system" : theirs);
  });
})();
