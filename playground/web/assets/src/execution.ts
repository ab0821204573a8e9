// The live execution: one EventSource. A step lights its node and row at once; the rest of the
// page (edges, badges, new nodes, output) is fetched and morphed in, at most twice a second. A
// broken stream resumes from its last event; where streams do not work at all, the page polls.

import { pathsOfValues } from "./paths.js";
import "./replay.js";
import { timelineZoom } from "./timeline.js";
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
// A page that takes long, as with thousands of tasks, is fetched less often.
const REST_PER_FETCH = 3;

const root = () => document.querySelector<HTMLElement>("[data-events]");

let redrawing: ReturnType<typeof setTimeout> | undefined;
let redrawnAt = 0;
let fetchMs = 0;
// Something has happened that the page under way may not show: the last step has no successor that
// would ask again.
let isStale = false;
let polling: ReturnType<typeof setInterval> | undefined;

function redrawSoon(): void {
  isStale = true;
  if (redrawing !== undefined) return;
  const rest = Math.max(REDRAW_MS, REST_PER_FETCH * fetchMs);
  const wait = Math.max(0, redrawnAt + rest - Date.now());
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
  const began = Date.now();
  try {
    const page = await fetchPage(new URL(address));
    fetchMs = Date.now() - began;
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

let source: EventSource | undefined;
let followed = "";

/** Listen to what the page names; after a visit in place that may be something else. */
function follow(): void {
  const address = root()?.dataset["events"] ?? "";
  if (address === followed) return;
  source?.close();
  source = undefined;
  followed = address;
  if (address) listen(address);
}

function listen(address: string): void {
  const url = new URL(address, location.href);
  const seen = root()?.dataset["seen"];
  if (seen) url.searchParams.set("seen", seen);
  const stream = new EventSource(url);
  source = stream;
  let failures = 0;
  stream.addEventListener("open", () => {
    failures = 0;
    say("live", "Live");
  });
  stream.addEventListener("progress", (event) => {
    const progress = JSON.parse((event as MessageEvent<string>).data) as Progress;
    light(progress);
    redrawSoon();
    if (progress.terminal) stream.close();
  });
  stream.addEventListener("error", () => {
    failures += 1;
    say("polling", "Reconnecting");
    if (stream.readyState === EventSource.CLOSED || failures >= FAILURES_BEFORE_POLLING) {
      stream.close();
      poll();
    }
  });
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

// The log of the open task, line by line. What a redraw brings is the same or less, so the element
// is not morphed (data-keep) while its stream lasts.
let tail: EventSource | undefined;
let tailed: Element | undefined;

function followLog(): void {
  const log = document.querySelector<HTMLElement>(".log[data-tail]") ?? undefined;
  if (log === tailed) return;
  tail?.close();
  tailed = log;
  if (!log) return;
  log.dataset["keep"] = "";
  log.scrollTop = log.scrollHeight;
  const stream = new EventSource(log.dataset["tail"] ?? "");
  tail = stream;
  stream.addEventListener("lines", (event) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    for (const line of JSON.parse((event as MessageEvent<string>).data) as string[]) {
      const element = document.createElement("span");
      element.className = "fresh";
      element.textContent = `${line}\n`;
      log.append(element);
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  });
  stream.addEventListener("end", () => {
    stream.close();
    const state = document.getElementById("tail-state");
    if (state) state.textContent = "Ended";
  });
}

document.addEventListener("playground:morphed", () => {
  follow();
  followLog();
});
addEventListener("pagehide", () => {
  source?.close();
  tail?.close();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  followed = "";
  follow();
});
follow();
followLog();
pathsOfValues();
timelineZoom();
