// A page that looks again by itself while somebody looks at it.

import { show } from "./visit.js";

const place = document.querySelector<HTMLElement>("[data-again]");
const periodMs = Number(place?.dataset["again"] ?? 0);

/** While a field is used, the page stays as it is. */
function isBusy(): boolean {
  return document.hidden || document.activeElement?.matches("input, select, textarea") === true;
}

async function lookAgain(): Promise<void> {
  if (!isBusy()) await show(new URL(location.href), false);
  setTimeout(() => void lookAgain(), periodMs);
}

if (periodMs) setTimeout(() => void lookAgain(), periodMs);
