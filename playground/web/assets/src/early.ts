// The keys that were pressed before the scripts of a page were there. This one is not a module: it
// runs while the page is still being read, so Ctrl K and what is typed after it are not lost.

import type { Early } from "./palette.js";

(() => {
  const early: Early = { asked: false, typed: "", entered: false, stop };
  function hear(event: KeyboardEvent): void {
    const commanded = event.ctrlKey || event.metaKey;
    if (commanded && event.key.toLowerCase() === "k") early.asked = true;
    else if (!early.asked || commanded || event.altKey) return;
    else if (event.key === "Escape") Object.assign(early, { asked: false, typed: "" });
    else if (event.key === "Enter") early.entered = true;
    else if (event.key === "Backspace") early.typed = early.typed.slice(0, -1);
    else if (event.key.length === 1) early.typed += event.key;
    else return;
    event.preventDefault();
  }
  function stop(): void {
    document.removeEventListener("keydown", hear);
  }
  document.addEventListener("keydown", hear);
  window.playgroundEarly = early;
})();
