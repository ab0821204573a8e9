// The slider over a recorded run. The list of changes is read once; from then on moving is setting
// data-status on the nodes. The picture keeps the places of the whole run. What the server says of
// an instant (the variables, the links to the changes beside it) is fetched when the slider rests.

import { fetchPage } from "./visit.js";
import { morph } from "./morph.js";

type Moment = [at: number, ref: string, status: string, task: string];

interface History {
  status: string;
  length: number;
  moments: Moment[];
}

const FRAME_MS = 50;
const REST_MS = 250;
const ALL_MS = 10_000;

const form = () => document.querySelector<HTMLFormElement>("form[data-replay]");
const slider = () => document.querySelector<HTMLInputElement>("form[data-replay] [type=range]");

let history: Promise<History> | undefined;
let whole: Promise<void> | undefined;
let playing: ReturnType<typeof setInterval> | undefined;
let resting: ReturnType<typeof setTimeout> | undefined;

function changes(): Promise<History> {
  const address = form()?.dataset["replay"] ?? "";
  history ??= fetch(address).then((answer) => answer.json() as Promise<History>);
  return history;
}

/** The picture of the end has every sign and word a node may need. */
function wholePicture(): Promise<void> {
  whole ??= (async () => {
    const url = new URL(location.href);
    url.searchParams.delete("at");
    const page = await fetchPage(url);
    const [mine, final] = [document, page].map((one) => one.querySelector("svg.diagram"));
    if (mine && final) mine.replaceWith(document.adoptNode(final));
  })();
  return whole;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

function word(status: string): string {
  return status.replaceAll("_", " ").toLowerCase();
}

function sentence(status: string): string {
  const text = word(status);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function draw(moments: Moment[], at: number, isOver: boolean): void {
  const states = new Map<string, string>();
  for (const [when, ref, status] of moments) {
    if (when > at) break;
    states.set(ref, status);
  }
  for (const node of document.querySelectorAll<SVGElement>("svg.diagram [data-ref]")) {
    const status = states.get(node.dataset["ref"] ?? "") ?? "PENDING";
    if (node.dataset["status"] === status) continue;
    node.dataset["status"] = status;
    if (status === "PENDING") continue;
    node.querySelector("use.sign")?.setAttribute("href", `#s-${status}`);
    const said = node.querySelector(".word");
    if (said) said.textContent = sentence(status);
  }
  // What is folded behind a fork is under way from the fork's end on; how it ended, the end says.
  for (const stack of document.querySelectorAll<SVGElement>("svg.diagram [data-stack]")) {
    const ended = (stack.dataset["ended"] ??= stack.dataset["status"] ?? "PENDING");
    const begun = states.get(stack.dataset["stack"] ?? "") === "COMPLETED";
    const last = moments.at(-1)?.[0] ?? 0;
    stack.dataset["status"] = !begun ? "PENDING" : at >= last ? ended : "IN_PROGRESS";
  }
  document
    .querySelector<SVGElement>("svg.diagram .terminal.end")
    ?.setAttribute("data-status", isOver ? "COMPLETED" : "PENDING");
  for (const edge of document.querySelectorAll("svg.diagram .executed")) {
    edge.classList.remove("executed");
  }
}

function say(moments: Moment[], at: number): void {
  const clock = document.getElementById("clock");
  if (clock) clock.textContent = duration(at);
  const now = document.getElementById("now");
  const known = moments.filter(([when]) => when <= at);
  const last = known.at(-1);
  if (!now || !last) return;
  const code = document.createElement("code");
  code.textContent = last[1];
  const ago = at - last[0];
  const when = ago >= 1 ? `, ${duration(ago)} before.` : ".";
  now.replaceChildren(code, ` ${word(last[2])}${when}`);
}

async function move(at: number): Promise<void> {
  const range = slider();
  if (!range) return;
  const [{ moments, length, status }] = await Promise.all([changes(), wholePicture()]);
  range.value = String(Math.round(at));
  range.setAttribute("aria-valuetext", `${duration(at)} after the start`);
  draw(moments, at, at >= length && status === "COMPLETED");
  say(moments, at);
  if (playing === undefined) rest();
}

/** The address carries the position, and the rest of the page follows. */
function rest(): void {
  clearTimeout(resting);
  resting = setTimeout(() => void settle(), REST_MS);
}

async function settle(): Promise<void> {
  const range = slider();
  if (!range || playing !== undefined) return;
  const url = new URL(location.href);
  url.searchParams.set("at", range.value);
  window.history.replaceState(null, "", url);
  const page = await fetchPage(url);
  if (slider()?.value !== url.searchParams.get("at")) return;
  for (const place of ["#then", ".controls", "#now"]) {
    const [mine, next] = [document, page].map((one) => one.querySelector(place));
    if (mine && next && !mine.contains(document.activeElement)) morph(mine, document.adoptNode(next));
    else if (mine && next) steps(mine, next);
  }
}

/** Only the links beside the button that has the focus. */
function steps(mine: Element, next: Element): void {
  for (const direction of ["prev", "next"]) {
    const [old, fresh] = [mine, next].map((one) => one.querySelector(`[rel=${direction}]`));
    if (old && fresh) old.setAttribute("href", fresh.getAttribute("href") ?? "");
  }
}

function speed(length: number): number {
  const chosen = document.querySelector<HTMLSelectElement>("[data-speed]")?.value ?? "1";
  return chosen === "all" ? length / ALL_MS : Number(chosen);
}

function button(isPlaying: boolean): void {
  const play = document.querySelector("[data-play]");
  play?.setAttribute("aria-pressed", String(isPlaying));
  const label = play?.querySelector("span");
  if (label) label.textContent = isPlaying ? "Pause" : "Play";
}

function stop(): void {
  clearInterval(playing);
  playing = undefined;
  button(false);
  rest();
}

async function play(): Promise<void> {
  const { length } = await changes();
  await wholePicture();
  const range = slider();
  if (!range) return;
  let at = Number(range.value) >= length ? 0 : Number(range.value);
  let before = performance.now();
  button(true);
  playing = setInterval(() => {
    const now = performance.now();
    at = Math.min(length, at + (now - before) * speed(length));
    before = now;
    void move(at);
    if (at >= length) stop();
  }, FRAME_MS);
}

document.addEventListener("input", (event) => {
  if (event.target !== slider()) return;
  if (playing !== undefined) stop();
  void move(Number(slider()?.value));
});

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  if (target.closest("[data-play]")) {
    if (playing === undefined) void play();
    else stop();
    return;
  }
  const step = target.closest<HTMLElement>("form[data-replay] [data-step]");
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  if (playing !== undefined) stop();
  void changes().then(({ moments, length }) => {
    const at = Number(slider()?.value);
    const instants = moments.map(([when]) => when);
    const next = instants.find((when) => when > at) ?? length;
    const before = instants.filter((when) => when < at).at(-1) ?? 0;
    return move(step.dataset["step"] === "1" ? next : before);
  });
}, true);

// Another execution, or another tab and back: nothing of the old one is true.
document.addEventListener("playground:morphed", () => {
  if (form()) return;
  history = whole = undefined;
  clearInterval(playing);
  playing = undefined;
});
