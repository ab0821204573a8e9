// The diagram of the editor: redrawn with every answer, marked where the cursor is, and walked
// through with the arrow keys. It is one stop of the Tab key; "+" and tasks are reached by arrows.

import type { Note } from "./check.js";
import type { Command } from "./commands.js";
import { tasksIn } from "./commands.js";
import type { Json } from "./edits.js";

export interface PictureHost {
  /** `byKey` says that it was opened with the keyboard, which stays in the diagram. */
  select: (ref: string, byKey: boolean) => void;
  add: (where: string) => void;
  command: (name: Command, ref: string) => void;
  paste: (ref: string, tasks: Json[]) => void;
  /** The JSON text of a task, to be copied. */
  textOf: (ref: string) => string;
}

const STOPS = "a.node, [data-insert]";
const NODE_HEAD_PX = 44;

export class Picture {
  private selected = "";
  /** Where the focus goes when the next drawing is there: its element is not yet. */
  private wanted = "";

  constructor(
    private readonly box: HTMLElement,
    private readonly host: PictureHost,
  ) {
    box.addEventListener("click", (event) => this.clicked(event));
    box.addEventListener("keydown", (event) => this.pressed(event));
    box.addEventListener("focusin", (event) => this.rove(event.target as Element));
    for (const kind of ["copy", "cut", "paste"] as const) {
      box.addEventListener(kind, (event) => this.clipboard(kind, event));
    }
    this.rove(null);
  }

  get svg(): SVGSVGElement | null {
    return this.box.querySelector("svg");
  }

  get hasFocus(): boolean {
    return this.box.contains(document.activeElement);
  }

  /** To the selected task, else to the first stop. */
  focus(): void {
    const stops = this.stops();
    (this.node(this.selected) ?? stops[0])?.focus();
  }

  focusNext(ref: string): void {
    this.wanted = ref;
  }

  stale(isStale: boolean): void {
    this.box.toggleAttribute("data-stale", isStale);
  }

  draw(svg: string, notes: readonly Note[]): void {
    const fresh = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    if (!fresh) return;
    keepScale(this.svg, fresh);
    const focused = this.hasFocus ? document.activeElement : null;
    const spot = focused ? spotOf(focused) : "";
    this.box.replaceChildren(document.adoptNode(fresh));
    const worst = new Map<string, string>();
    for (const { ref, severity } of notes) if (ref && !worst.has(ref)) worst.set(ref, severity);
    for (const node of this.box.querySelectorAll<SVGElement>("a.node")) {
      const severity = worst.get(node.dataset["ref"] ?? "");
      if (severity && severity !== "hint") node.dataset["finding"] = severity;
    }
    if (focused) {
      const next = this.node(this.wanted) ?? (spot ? this.box.querySelector<SVGElement>(spot) : null);
      (next ?? this.stops()[0])?.focus({ preventScroll: true });
    }
    this.wanted = "";
    this.mark(this.selected);
    this.rove(this.hasFocus ? document.activeElement : null);
  }

  mark(ref: string): void {
    this.selected = ref;
    for (const node of this.box.querySelectorAll<SVGElement>("a.node")) {
      const isIt = ref !== "" && node.dataset["ref"] === ref;
      if (isIt && !node.hasAttribute("aria-current")) this.reveal(node);
      if (isIt) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
  }

  private reveal(node: SVGElement): void {
    const [inner, outer] = [node.getBoundingClientRect(), this.box.getBoundingClientRect()];
    if (outer.height === 0) return;
    const { top, left, bottom, right } = inner;
    const isSeen = top >= outer.top && Math.min(bottom, top + NODE_HEAD_PX) <= outer.bottom;
    if (isSeen && left < outer.right && right > outer.left) return;
    this.box.scrollTo({
      top: this.box.scrollTop + top - outer.top - outer.height / 3,
      left: this.box.scrollLeft + (left + right) / 2 - (outer.left + outer.right) / 2,
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
    });
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const place = target.closest<SVGElement>("[data-insert]")?.dataset["insert"];
    const ref = target.closest<SVGElement>("a.node")?.dataset["ref"];
    if (place === undefined && ref === undefined) return;
    event.preventDefault();
    if (place !== undefined) this.host.add(place);
    else this.host.select(ref ?? "", event.detail === 0);
  }

  // Keyboard

  private stops(): SVGElement[] {
    return [...this.box.querySelectorAll<SVGElement>(STOPS)];
  }

  private node(ref: string): SVGElement | null {
    return ref ? this.box.querySelector<SVGElement>(`a.node[data-ref="${CSS.escape(ref)}"]`) : null;
  }

  /** One stop of the Tab key: where the focus is, else the selected task, else the first. */
  private rove(target: Element | null): void {
    const stops = this.stops();
    const here = target?.closest<SVGElement>(STOPS) ?? this.node(this.selected) ?? stops[0];
    for (const stop of stops) stop.setAttribute("tabindex", stop === here ? "0" : "-1");
  }

  private pressed(event: KeyboardEvent): void {
    const here = (event.target as Element).closest<SVGElement>(STOPS);
    const ref = here?.dataset["ref"] ?? "";
    const isWith = event.ctrlKey || event.metaKey;
    const command = commandFor(event, isWith);
    if (command && ref) {
      this.host.command(command, ref);
      event.preventDefault();
    } else if (!isWith && !event.altKey && !event.shiftKey && here && event.key in DIRECTIONS) {
      nearest(here, this.stops(), DIRECTIONS[event.key] ?? [0, 1])?.focus();
      event.preventDefault();
    }
  }

  private clipboard(kind: "copy" | "cut" | "paste", event: ClipboardEvent): void {
    const here = (event.target as Element).closest<SVGElement>("a.node");
    const ref = here?.dataset["ref"] ?? this.selected;
    if (kind === "paste") {
      const tasks = tasksIn(event.clipboardData?.getData("text/plain") ?? "");
      if (tasks.length === 0) return;
      this.host.paste(ref, tasks);
    } else {
      const text = ref ? this.host.textOf(ref) : "";
      if (!text || getSelection()?.toString()) return;
      event.clipboardData?.setData("text/plain", text);
      if (kind === "cut") this.host.command("remove", ref);
    }
    event.preventDefault();
  }
}

function commandFor(event: KeyboardEvent, isWith: boolean): Command | null {
  const { key, altKey } = event;
  if (isWith && key.toLowerCase() === "d") return "duplicate";
  if (altKey && key === "ArrowUp") return "up";
  if (altKey && key === "ArrowDown") return "down";
  return !isWith && (key === "Delete" || key === "Backspace") ? "remove" : null;
}

const DIRECTIONS: Record<string, [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** The next stop that way: what is straight ahead counts more than what is near but aside. */
function nearest(from: SVGElement, stops: SVGElement[], [x, y]: [number, number]): SVGElement | null {
  const start = middle(from);
  let best: SVGElement | null = null;
  let least = Infinity;
  for (const stop of stops) {
    if (stop === from) continue;
    const [dx, dy] = [middle(stop)[0] - start[0], middle(stop)[1] - start[1]];
    const [ahead, aside] = [dx * x + dy * y, Math.abs(dx * y) + Math.abs(dy * x)];
    if (ahead < 2) continue;
    const distance = ahead + 2.5 * aside;
    if (distance < least) [best, least] = [stop, distance];
  }
  return best;
}

/** A frame counts where its head is: its middle is the tasks inside it. */
function middle(stop: SVGElement): [number, number] {
  const { left, width, top, height } = stop.getBoundingClientRect();
  return [left + width / 2, top + Math.min(height, NODE_HEAD_PX) / 2];
}

function spotOf(focused: Element): string {
  const { ref, insert } = (focused as SVGElement).dataset;
  if (ref !== undefined) return `a.node[data-ref="${CSS.escape(ref)}"]`;
  return insert === undefined ? "" : `[data-insert="${CSS.escape(insert)}"]`;
}

/** A drawing of another size keeps the scale that was chosen. */
function keepScale(old: SVGSVGElement | null, fresh: SVGSVGElement): void {
  if (!old?.hasAttribute("data-zoomed")) return;
  // By its attribute: on a phone the pane may not be shown and then has no size.
  const scale = Number(old.getAttribute("width")) / old.viewBox.baseVal.width;
  const [, , width, height] = (fresh.getAttribute("viewBox") ?? "").split(" ").map(Number);
  fresh.setAttribute("data-zoomed", "");
  fresh.setAttribute("width", String(Math.round((width ?? 0) * scale)));
  fresh.setAttribute("height", String(Math.round((height ?? 0) * scale)));
}
