// Ctrl K: the search page in a dialog, at every keystroke.

import { fetchPage } from "./visit.js";

const WAIT_MS = 120;
const KEPT = "playground:palette";
const KEPT_MS = 10_000;

/** What `early.ts` heard before this script was there. */
export interface Early {
  asked: boolean;
  typed: string;
  entered: boolean;
  stop: () => void;
}

declare global {
  interface Window {
    playgroundEarly?: Early;
  }
}

interface Palette {
  dialog: HTMLDialogElement;
  /** Shows it with these words; `enter` also takes the first thing found. */
  open: (words?: string, enter?: boolean) => void;
}

function build(home: string): Palette {
  const dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Search");
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "A name, or the id of an execution";
  field.setAttribute("aria-label", "A name, or the id of an execution");
  field.autocomplete = "off";
  const results = document.createElement("div");
  results.className = "palette-results";
  results.setAttribute("aria-live", "polite");
  dialog.append(field, results);
  document.body.append(dialog);

  let timer = 0;
  let asked = 0;
  let shownFor: string | undefined;
  async function look(): Promise<void> {
    const mine = ++asked;
    const wanted = field.value.trim();
    const url = new URL(home, location.href);
    url.searchParams.set("q", wanted);
    try {
      const found = (await fetchPage(url)).getElementById("palette-results");
      if (mine !== asked || !found) return;
      results.replaceChildren(...document.adoptNode(found).childNodes);
      shownFor = wanted;
      mark(0);
    } catch {
      dialog.close();
      location.assign(url);
    }
  }
  const links = () => [...results.querySelectorAll<HTMLAnchorElement>("a")];
  function mark(at: number): void {
    for (const [index, link] of links().entries()) {
      link.toggleAttribute("data-chosen", index === at);
      if (index === at) link.scrollIntoView({ block: "nearest" });
    }
  }
  /** Who types fast and presses Enter means what was typed, not what is still shown. */
  async function take(at: number): Promise<void> {
    const ready = shownFor === field.value.trim();
    if (!ready) {
      clearTimeout(timer);
      await look();
    }
    links()[ready ? Math.max(at, 0) : 0]?.click();
  }
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void look(), WAIT_MS);
  });
  dialog.addEventListener("keydown", (event) => {
    const all = links();
    const at = all.findIndex((link) => link.hasAttribute("data-chosen"));
    if (event.key === "ArrowDown") mark((at + 1) % all.length);
    else if (event.key === "ArrowUp") mark((at - 1 + all.length) % all.length);
    else if (event.key === "Enter" && event.target === field) void take(at);
    // A search field would take the first Escape to empty itself.
    else if (event.key === "Escape") dialog.close();
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  // The page that was chosen is on its way; Ctrl K pressed meanwhile is for that page.
  results.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    if ((event.target as Element).closest("a[href]")) dialog.close();
  });
  addEventListener("pagehide", () => {
    if (!dialog.open) return;
    sessionStorage.setItem(KEPT, JSON.stringify({ words: field.value, at: Date.now() }));
    dialog.close();
  });
  function open(words = "", enter = false): void {
    if (dialog.open) return;
    field.value = words;
    shownFor = undefined;
    dialog.showModal();
    field.setSelectionRange(words.length, words.length);
    void (enter ? take(0) : look());
  }
  return { dialog, open };
}

/** What was typed into the palette of the page before, while this one was loading. */
function keptWords(): string | undefined {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (kept === null) return undefined;
  const { words, at } = JSON.parse(kept) as { words: string; at: number };
  return Date.now() - at < KEPT_MS ? words : undefined;
}

export function palette(): void {
  const early = window.playgroundEarly;
  early?.stop();
  const opener = document.querySelector<HTMLAnchorElement>("a[data-palette]");
  if (!opener) return;
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const keys = opener.querySelector("kbd");
  if (keys && mac) keys.textContent = "⌘ K";
  opener.setAttribute("aria-keyshortcuts", mac ? "Meta+K" : "Control+K");
  let built: Palette | undefined;
  const open = (words?: string, enter?: boolean): void => {
    built ??= build(opener.href);
    built.open(words, enter);
  };
  opener.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    open();
  });
  const kept = keptWords();
  if (kept !== undefined) open(kept + (early?.typed ?? ""), early?.entered);
  else if (early?.asked) open(early.typed, early.entered);
}
