"use strict";
// Runs before the first paint, so that nobody is dazzled by the other theme.
(() => {
  let kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch {
    // A browser that keeps nothing: as the system has it.
  }
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
