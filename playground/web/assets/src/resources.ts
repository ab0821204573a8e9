// Forms of what a namespace keeps: the cron preview, the reader's own zone, files into text areas.
// Without it the same forms have buttons that ask the server.

import { morph } from "./morph.js";

const PREVIEWED = [
  "cronExpression",
  "zoneId",
  "cronSchedules",
  "scheduleStartTime",
  "scheduleEndTime",
];
const PIECES = ["cron-picture", "cron-words", "next-runs"];
let asked = 0;

/** Ask the server what the expression means, and show it; of several answers the last counts. */
async function preview(form: HTMLFormElement): Promise<void> {
  const mine = ++asked;
  const url = new URL(form.dataset["preview"] ?? "", location.href);
  const data = new FormData(form);
  for (const name of PREVIEWED) url.searchParams.set(name, String(data.get(name) ?? ""));
  const response = await fetch(url).catch(() => null);
  if (!response?.ok || mine !== asked) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of PIECES) {
    const [current, next] = [document.getElementById(id), page.getElementById(id)];
    if (current && next) morph(current, document.adoptNode(next));
  }
}

let waiting: ReturnType<typeof setTimeout> | undefined;

document.addEventListener("input", (event) => {
  const field = event.target as HTMLInputElement;
  const form = field.closest<HTMLFormElement>("form[data-preview]");
  if (!form || !PREVIEWED.includes(field.name)) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => void preview(form), 200);
});

function fill(field: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("change", (event) => {
  const field = event.target as Element;
  if (field instanceof HTMLSelectElement && field.dataset["fill"] && field.value) {
    const target = document.getElementById(field.dataset["fill"]);
    if (target instanceof HTMLInputElement) fill(target, field.value);
    field.value = "";
  }
  if (field instanceof HTMLInputElement && field.dataset["fileInto"]) {
    const target = document.getElementById(field.dataset["fileInto"]);
    const file = field.files?.[0];
    if (file && target instanceof HTMLTextAreaElement) {
      void file.text().then((text) => fill(target, text));
    }
  }
});

// The part of the expression under the cursor stays bright, the others fade.
function followCursor(): void {
  const field = document.activeElement;
  for (const box of document.querySelectorAll<HTMLElement>("[data-cron]")) {
    if (field instanceof HTMLInputElement && field.id === box.dataset["cron"]) {
      const before = field.value.slice(0, field.selectionStart ?? 0);
      const at = before.trimStart().split(/\s+/).length - 1;
      box.dataset["at"] = String(Math.min(at, 5));
    } else {
      delete box.dataset["at"];
    }
  }
}

for (const name of ["selectionchange", "focusin", "focusout", "keyup", "input"]) {
  document.addEventListener(name, followCursor);
}

// One click for the zone of this browser.
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

function offerOwnZone(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-own-zone]")) {
    const field = document.getElementById(button.dataset["ownZone"] ?? "");
    if (!own || !(field instanceof HTMLInputElement)) continue;
    button.hidden = field.value === own;
    button.title = own;
    button.onclick = () => {
      fill(field, own);
      button.hidden = true;
    };
  }
}

offerOwnZone();
document.addEventListener("playground:morphed", offerOwnZone);
