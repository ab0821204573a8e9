// The live execution: one EventSource. A step lights its node and row at once; the rest of the
// page (edges, badges, new nodes, output) is fetched and morphed in, at most twice a second. A
// broken stream resumes from its last event; where streams do not work at all, the page polls.

import { pathsOfValues } from "./paths.js";
import "./replay.js";
import { apply, fetchPage } from "./visit.js";

interface Step {
  ref: string;
  status: string;
}

interface Progress {
  status: string;
  terminal: boolean;
  steps: Step[];
}

const POLL_MS = 2000;
const REDRAW_MS = 500;
const FAILURES_BEFORE_POLLING = 3;

const root = () => document.querySelector<HTMLElement>("[data-events]");

let redrawing: ReturnType<typeof setTimeout> | undefined;
let redrawnAt = 0;
// Something has happened that the page under way may not show: the last step has no successor that
// would ask again.
let isStale = false;
let polling: ReturnType<typeof setInterval> | undefined;

function redrawSoon(): void {
  isStale = true;
  if (redrawing !== undefined) return;
  const wait = Math.max(0, redrawnAt + REDRAW_MS - Date.now());
  redrawing = setTimeout(() => {
    isStale = false;
    void redraw().finally(() => {
      redrawing = undefined;
      redrawnAt = Date.now();
      if (isStale) redrawSoon();
    });
  }, wait);
}

async function redraw(): Promise<void> {
  const address = location.href;
  try {
    const page = await fetchPage(new URL(address));
    // The reader may have opened another task meanwhile; that visit may have begun before the news.
    if (location.href === address) apply(page);
    else isStale = true;
  } catch {
    // What is on the page stays for now; perhaps no further event will ask for it.
    poll();
  }
}

function light(progress: Progress): void {
  for (const { ref, status } of progress.steps) {
    for (const element of document.querySelectorAll<HTMLElement | SVGElement>("[data-ref]")) {
      if (element.dataset["ref"] !== ref) continue;
      element.dataset["status"] = status;
      element.querySelector("use.sign")?.setAttribute("href", `#s-${status}`);
    }
  }
}

function say(state: string, words: string): void {
  const element = document.querySelector<HTMLElement>(".live");
  if (!element) return;
  element.dataset["state"] = state;
  element.textContent = words;
}

function follow(address: string): void {
  const source = new EventSource(address);
  let failures = 0;
  source.addEventListener("open", () => {
    failures = 0;
    say("live", "Live");
  });
  source.addEventListener("progress", (event) => {
    const progress = JSON.parse((event as MessageEvent<string>).data) as Progress;
    light(progress);
    redrawSoon();
    if (progress.terminal) source.close();
  });
  source.addEventListener("error", () => {
    failures += 1;
    say("polling", "Reconnecting");
    if (source.readyState === EventSource.CLOSED || failures >= FAILURES_BEFORE_POLLING) {
      source.close();
      poll();
    }
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

function poll(): void {
  if (polling !== undefined) return;
  const turn = () => {
    if (!root()) {
      clearInterval(polling);
      polling = undefined;
    } else if (!document.hidden) {
      say("polling", "Refreshing every 2 s");
      redrawSoon();
    }
  };
  polling = setInterval(turn, POLL_MS);
}

const address = root()?.dataset["events"];
if (address) follow(address);
pathsOfValues();
