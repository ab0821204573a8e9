// A tour that points at the real controls: a card beside each in turn, that Escape puts away.
// In its first step one runs a sample; the execution that this opens has steps of its own.

interface Step {
  /** What the step points at; one that is not on the page is left out. */
  at: string;
  title: string;
  text: string;
}

const CHAPTERS: Record<string, Step[]> = {
  home: [
    {
      at: '.sample .actions button[aria-label^="Run "]',
      title: "Run a sample",
      text: "Press Run and its execution opens: this tour goes on there. Or look around here first.",
    },
    {
      at: '.nav a[href$="/executions"]',
      title: "Every run is kept",
      text: "Find executions by name, status, your own words or what was in their input.",
    },
    {
      at: '.nav a[href$="/definitions/workflows"]',
      title: "Write your own",
      text: "Begin with a copy of a sample. The diagram follows while you type, and problems are named.",
    },
    {
      at: '.nav a[href$="/workers"]',
      title: "Work in your language",
      text: "Download a worker project, start it, and see its first poll arrive.",
    },
    {
      at: '.nav a[href$="/access-keys"]',
      title: "Use any Conductor SDK",
      text: "An access key and this address are all that an unmodified client needs.",
    },
    {
      at: ".palette-open",
      title: "Find anything",
      text: "Press Ctrl K or ⌘ K anywhere and type a part of its name.",
    },
    {
      at: '.nav a[href*="/feedback"]',
      title: "Tell us",
      text: "What was not clear? A sentence is enough.",
    },
  ],
  execution: [
    {
      at: ".diagram-pane .node[href]",
      title: "The run as a picture",
      text: "Each task lights up as it goes on. Open one to see what went in and what came out.",
    },
    {
      at: ".tabs",
      title: "The same run in other ways",
      text: "As a list, along the clock, as a replay, or compared with another run.",
    },
    {
      at: "#actions",
      title: "Take a hand in it",
      text: "Pause it, run it again, or go back to one of its tasks.",
    },
  ],
};

const MARGIN_PX = 12;

class Tour {
  private readonly steps: Step[];
  private readonly card: HTMLElement;
  private at = -1;
  private readonly from = document.activeElement;

  constructor(steps: Step[], private readonly goOn: () => void) {
    this.steps = steps.filter((step) => document.querySelector(step.at));
    this.card = document.createElement("section");
    this.card.className = "tour card";
    this.card.popover = "manual";
    this.card.setAttribute("role", "dialog");
    this.card.setAttribute("aria-labelledby", "tour-title");
    this.card.tabIndex = -1;
    document.body.append(this.card);
    this.card.addEventListener("click", (event) => {
      const action = (event.target as Element).closest<HTMLElement>("[data-go]")?.dataset["go"];
      if (action === "end") this.end();
      else if (action) this.go(Number(action));
    });
    addEventListener("keydown", this.key);
    addEventListener("resize", this.place);
    addEventListener("scroll", this.place, true);
    document.addEventListener("submit", this.leave, true);
  }

  start(): void {
    if (this.steps.length > 0) this.go(1);
    else this.end();
  }

  private readonly key = (event: KeyboardEvent) => {
    if (event.key === "Escape") this.end();
    else if (event.key === "ArrowRight" && this.at < this.steps.length - 1) this.go(1);
    else if (event.key === "ArrowLeft" && this.at > 0) this.go(-1);
  };

  /** Running the sample from within the tour: the page it opens is a part of it. */
  private readonly leave = (event: Event) => {
    if ((event.target as Element).closest(".sample")) this.goOn();
  };

  private get target(): HTMLElement | null {
    return document.querySelector<HTMLElement>(this.steps[this.at]?.at ?? "");
  }

  private go(by: number): void {
    this.unmark();
    this.at += by;
    const target = this.target;
    if (!target) return this.end();
    this.reveal(target);
    target.classList.add("tour-at");
    target.scrollIntoView({ block: "center" });
    this.draw();
    this.card.hidePopover();
    this.card.showPopover();
    this.place();
    this.card.querySelector<HTMLElement>("[data-next]")?.focus({ preventScroll: true });
  }

  /** On a phone the menu is behind a button, and a lesson may be folded. */
  private reveal(target: HTMLElement): void {
    const side = document.getElementById("side");
    if (side?.contains(target) && target.getClientRects().length === 0) side.showPopover();
    else if (side?.matches(":popover-open") && !side.contains(target)) side.hidePopover();
    const folded = target.closest("details");
    if (folded && target.closest("summary") === null && folded.id !== "actions") folded.open = true;
  }

  private draw(): void {
    const step = this.steps[this.at];
    if (!step) return;
    const title = document.createElement("h2");
    title.id = "tour-title";
    title.textContent = step.title;
    const text = document.createElement("p");
    text.textContent = step.text;
    const count = document.createElement("span");
    count.className = "small muted";
    count.textContent = `${this.at + 1} of ${this.steps.length}`;
    const actions = document.createElement("div");
    actions.className = "actions";
    const isLast = this.at === this.steps.length - 1;
    actions.append(count, button("End tour", "end", "quiet"));
    if (this.at > 0) actions.append(button("Back", "-1", ""));
    const next = isLast ? button("Done", "end", "primary") : button("Next", "1", "primary");
    next.dataset["next"] = "";
    actions.append(next);
    this.card.replaceChildren(title, text, actions);
  }

  private readonly place = () => {
    const target = this.target;
    if (!target) return;
    const [to, own] = [target.getBoundingClientRect(), this.card.getBoundingClientRect()];
    const beside = to.right + MARGIN_PX + own.width < innerWidth && to.width < innerWidth / 2;
    const below = to.bottom + MARGIN_PX + own.height < innerHeight;
    const left = beside ? to.right + MARGIN_PX : to.left + to.width / 2 - own.width / 2;
    const top = beside
      ? to.top + to.height / 2 - own.height / 2
      : below
        ? to.bottom + MARGIN_PX
        : to.top - own.height - MARGIN_PX;
    this.card.style.left = `${between(left, innerWidth - own.width)}px`;
    this.card.style.top = `${between(top, innerHeight - own.height)}px`;
  };

  private unmark(): void {
    for (const marked of document.querySelectorAll(".tour-at")) marked.classList.remove("tour-at");
  }

  private end(): void {
    this.unmark();
    removeEventListener("keydown", this.key);
    removeEventListener("resize", this.place);
    removeEventListener("scroll", this.place, true);
    document.removeEventListener("submit", this.leave, true);
    this.card.remove();
    running = null;
    if (this.from instanceof HTMLElement) this.from.focus();
  }
}

function button(words: string, go: string, tone: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button small ${tone}`;
  made.dataset["go"] = go;
  made.textContent = words;
  return made;
}

/** Within the window, with a margin at both ends. */
function between(wanted: number, most: number): number {
  return Math.max(MARGIN_PX, Math.min(wanted, most - MARGIN_PX));
}

let running: Tour | null = null;

/** Show a chapter; `goOn` notes that the next page goes on with it. */
export function takeTour(chapter: string, goOn: () => void): void {
  if (running) return;
  running = new Tour(CHAPTERS[chapter] ?? [], goOn);
  running.start();
}
