// Zoom and panning of the timeline: the wheel with Ctrl, dragging, the keyboard and the buttons. The
// bars carry their times, so that moving asks nobody; the address carries the window, so that what
// the server sends afterwards (a live page redraws itself) shows the same part.

import { duration } from "./replay.js";

const LENGTH = 1000;
const SHORTEST = 3;
const FEWEST_MS = 8;
const DRAG_PX = 4;
const STEP = 0.8;

interface Window {
  since: number;
  until: number;
  length: number;
}

const place = () => document.querySelector<HTMLElement>(".timeline[data-window]");

function windowOf(timeline: HTMLElement): Window {
  const [since = 0, until = 1, length = 1] = (timeline.dataset["window"] ?? "")
    .split(" ")
    .map(Number);
  return { since, until, length };
}

function piece(shown: Window, begin: number, end: number, shortest: number): [number, number] {
  if (end < shown.since || begin > shown.until) return [0, 0];
  const scale = LENGTH / (shown.until - shown.since);
  const x = Math.max(0, (begin - shown.since) * scale);
  const width = Math.max(shortest, Math.min(LENGTH, (end - shown.since) * scale) - x);
  return [Math.min(x, LENGTH - width), width];
}

function put(rect: Element | null, [x, width]: [number, number]): void {
  rect?.setAttribute("x", x.toFixed(2));
  rect?.setAttribute("width", width.toFixed(2));
}

/** As the server writes a time after the start in a narrow window. */
function exact(ms: number): string {
  const [seconds, rest] = [Math.floor(ms / 1000), ms % 1000];
  if (seconds < 1) return `${ms} ms`;
  if (seconds < 60) return `${seconds}.${String(rest).padStart(3, "0")} s`;
  return duration(seconds * 1000) + (seconds < 3600 ? ` ${rest} ms` : "");
}

function labels({ since, until }: Window, count: number): string[] {
  const steps = Array.from({ length: count }, (_, at) =>
    Math.floor(((until - since) * at) / (count - 1)),
  );
  if (since === 0) return steps.map((step) => (step ? duration(step) : "0"));
  return steps.map((step) => (step ? `+${duration(step)}` : exact(since)));
}

let remembering: ReturnType<typeof setTimeout> | undefined;

function draw(timeline: HTMLElement, shown: Window): void {
  timeline.dataset["window"] = `${shown.since} ${shown.until} ${shown.length}`;
  for (const bar of timeline.querySelectorAll<SVGGElement>("g[data-times]")) {
    const [scheduled = 0, begun = 0, ended] = (bar.dataset["times"] ?? "").split(" ").map(Number);
    put(bar.querySelector(".wait"), piece(shown, scheduled, begun, 0));
    if (ended !== undefined) put(bar.querySelector(".run"), piece(shown, begun, ended, SHORTEST));
  }
  const ticks = timeline.querySelectorAll(".marks span");
  for (const [at, text] of labels(shown, ticks.length).entries()) {
    const tick = ticks[at];
    if (tick) tick.textContent = text;
  }
  const whole = { since: 0, until: shown.length, length: shown.length };
  put(timeline.querySelector(".part"), piece(whole, shown.since, shown.until, SHORTEST));
  for (const button of document.querySelectorAll<HTMLElement>("[data-move]")) {
    const step = MOVES[button.dataset["move"] ?? ""]?.(shown);
    if (!step) continue;
    const isSame = step.since === shown.since && step.until === shown.until;
    if (isSame) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  clearTimeout(remembering);
  remembering = setTimeout(() => remember(shown), 120);
}

/** The window goes into the address; the links of the page follow with the next visit in place. */
function remember({ since, until, length }: Window): void {
  const url = new URL(location.href);
  const isWhole = since === 0 && until === length;
  for (const [name, value] of [
    ["since", since],
    ["until", until],
  ] as const) {
    if (isWhole) url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  }
  history.replaceState(history.state, "", url);
  const links = document.querySelectorAll<HTMLAnchorElement>(
    ".timeline a[href], #panel a[href^='?']",
  );
  for (const link of links) {
    const there = new URL(link.href);
    for (const name of ["since", "until"]) {
      const value = url.searchParams.get(name);
      if (value === null) there.searchParams.delete(name);
      else there.searchParams.set(name, value);
    }
    link.setAttribute("href", there.search);
  }
}

/** A window of `span` that begins at `since`, inside the run. */
function fitted(since: number, span: number, length: number): Window {
  const wide = Math.round(Math.min(Math.max(span, Math.min(FEWEST_MS, length)), length));
  const begin = Math.round(Math.min(Math.max(since, 0), length - wide));
  return { since: begin, until: begin + wide, length };
}

/** Scale around a share of the window, so that what is there stays there. */
function scaled({ since, until, length }: Window, factor: number, share = 0.5): Window {
  const span = Math.min(Math.max((until - since) * factor, FEWEST_MS), length);
  return fitted(since + share * (until - since - span), span, length);
}

function moved({ since, until, length }: Window, share: number): Window {
  return fitted(since + share * (until - since), until - since, length);
}

const MOVES: Record<string, (shown: Window) => Window> = {
  closer: (shown) => scaled(shown, 0.5),
  farther: (shown) => scaled(shown, 2),
  earlier: (shown) => moved(shown, -0.5),
  later: (shown) => moved(shown, 0.5),
  whole: ({ length }) => fitted(0, length, length),
};

const KEYS: Record<string, string> = {
  "+": "closer",
  "=": "closer",
  "-": "farther",
  _: "farther",
  "0": "whole",
  Home: "whole",
  ArrowLeft: "earlier",
  ArrowRight: "later",
};

/** Where in the window a point of the screen is, as a share of its width. */
function shareAt(timeline: HTMLElement, x: number): number {
  const seen = timeline.querySelector(".bars")?.getBoundingClientRect();
  return seen ? Math.min(Math.max((x - seen.left) / seen.width, 0), 1) : 0.5;
}

function byWheel(event: WheelEvent): void {
  const timeline = (event.target as Element).closest<HTMLElement>(".timeline[data-window]");
  if (!timeline) return;
  const isZoom = event.ctrlKey || event.metaKey;
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (!isZoom && !isPan) return;
  event.preventDefault();
  const shown = windowOf(timeline);
  const next = isZoom
    ? scaled(shown, event.deltaY < 0 ? STEP : 1 / STEP, shareAt(timeline, event.clientX))
    : moved(shown, across / 600);
  draw(timeline, next);
}

function byDrag(event: PointerEvent): void {
  const bars = (event.target as Element).closest(".timeline .bars");
  const timeline = bars?.closest<HTMLElement>(".timeline[data-window]");
  if (!bars || !timeline || event.button !== 0 || event.pointerType === "touch") return;
  const [from, width] = [windowOf(timeline), bars.getBoundingClientRect().width];
  let isDragged = false;
  const move = (at: PointerEvent) => {
    const across = at.clientX - event.clientX;
    isDragged ||= Math.abs(across) > DRAG_PX;
    if (isDragged) draw(timeline, moved(from, -across / width));
  };
  const end = () => {
    removeEventListener("pointermove", move);
    delete timeline.dataset["panning"];
  };
  timeline.dataset["panning"] = "";
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
}

function byKey(event: KeyboardEvent): void {
  const timeline = place();
  const inside = (event.target as Element).closest?.(".timeline[data-window]");
  if (!timeline || !inside || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "t") {
    document.querySelector<HTMLElement>("a[data-move='task']")?.click();
    return;
  }
  const step = MOVES[KEYS[event.key] ?? ""];
  if (!step) return;
  event.preventDefault();
  draw(timeline, step(windowOf(timeline)));
}

/** A button moves at once; what it may do next the server says (it knows the ends). */
function byButton(event: MouseEvent): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const button = (event.target as Element).closest<HTMLElement>("[data-move]");
  const step = MOVES[button?.dataset["move"] ?? ""];
  const timeline = place();
  if (!button || !step || !timeline) return;
  event.preventDefault();
  draw(timeline, step(windowOf(timeline)));
}

export function timelineZoom(): void {
  document.addEventListener("wheel", byWheel, { passive: false });
  document.addEventListener("pointerdown", byDrag);
  document.addEventListener("keydown", byKey);
  // Before the visit in place, which leaves alone what is prevented.
  document.addEventListener("click", byButton, { capture: true });
}
