// Zoom, panning and finding in the diagram. The drawing is scaled by its width and height
// attributes, so that the surrounding pane scrolls as usual and the text stays sharp.

const STEPS = [0.1, 0.17, 0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2];
const DRAG_PX = 5;
const READABLE = 0.6;

// The scale the reader chose; a redraw may bring a drawing of another size.
let lastScale = 0;

const pane = () => document.querySelector<HTMLElement>(".diagram-pane");
const drawing = () => pane()?.querySelector<SVGSVGElement>("svg.diagram") ?? null;

function scaleOf(svg: SVGSVGElement): number {
  return svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
}

/** Scale, with what is at (x, y) of the window staying there; the middle of the pane without. */
function zoom(svg: SVGSVGElement, scale: number, x?: number, y?: number): void {
  const frame = pane();
  if (!frame) return;
  const seen = frame.getBoundingClientRect();
  const [atX, atY] = [x ?? seen.left + seen.width / 2, y ?? seen.top + seen.height / 2];
  const before = svg.getBoundingClientRect();
  const across = (atX - before.left) / before.width;
  const down = (atY - before.top) / before.height;
  const { width, height } = svg.viewBox.baseVal;
  svg.dataset["zoomed"] = "";
  svg.setAttribute("width", String(Math.round(width * scale)));
  svg.setAttribute("height", String(Math.round(height * scale)));
  const after = svg.getBoundingClientRect();
  frame.scrollLeft += after.left + across * after.width - atX;
  frame.scrollTop += after.top + down * after.height - atY;
  lastScale = scale;
  sayScale();
}

function fit(svg: SVGSVGElement): void {
  const frame = pane();
  const { width, height } = svg.viewBox.baseVal;
  const highest = Math.max(320, Math.min(innerHeight * 0.78, 960));
  if (frame) zoom(svg, Math.min(1, frame.clientWidth / width, highest / height));
}

function reset(svg: SVGSVGElement): void {
  zoom(svg, 1);
}

function nextStep(svg: SVGSVGElement, direction: number): number {
  const scale = scaleOf(svg);
  const steps = direction > 0 ? STEPS : [...STEPS].reverse();
  const beyond = (step: number) => (direction > 0 ? step > scale + 0.01 : step < scale - 0.01);
  return steps.find(beyond) ?? scale;
}

function sayScale(): void {
  const [svg, button] = [drawing(), document.querySelector(".percent")];
  if (svg && button) button.textContent = `${Math.round(scaleOf(svg) * 100)}%`;
}

/** A wide drawing begins readable, with the open task, else its middle: the start, in view. */
function showStart(): void {
  const [frame, svg] = [pane(), drawing()];
  if (!frame || !svg) return;
  if (scaleOf(svg) < READABLE) zoom(svg, READABLE);
  frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
  const node = svg.querySelector("[aria-current].node");
  if (!node) return;
  const [seen, at] = [frame.getBoundingClientRect(), node.getBoundingClientRect()];
  frame.scrollLeft += at.left + at.width / 2 - seen.left - seen.width / 2;
  if (at.bottom > seen.bottom) frame.scrollTop += at.top - seen.top - seen.height / 3;
}

/** A drawing of another size after a redraw keeps the scale. */
function keepScale(): void {
  const svg = drawing();
  if (!svg || !("zoomed" in svg.dataset)) return;
  const { width, height } = svg.viewBox.baseVal;
  svg.setAttribute("width", String(Math.round(width * lastScale)));
  svg.setAttribute("height", String(Math.round(height * lastScale)));
}

const ACTIONS: Record<string, (svg: SVGSVGElement) => void> = {
  fit,
  reset,
  in: (svg) => zoom(svg, nextStep(svg, 1)),
  out: (svg) => zoom(svg, nextStep(svg, -1)),
};

/** Drag with the mouse to move what is seen; a finger scrolls anyway. */
function panning(): void {
  document.addEventListener("pointerdown", (event) => {
    const frame = (event.target as Element).closest<HTMLElement>(".diagram-pane");
    if (!frame || event.button !== 0 || event.pointerType !== "mouse") return;
    const from = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
    let moved = false;
    const move = (at: PointerEvent) => {
      const [dx, dy] = [at.clientX - from.x, at.clientY - from.y];
      moved ||= Math.abs(dx) + Math.abs(dy) > DRAG_PX;
      if (!moved) return;
      frame.dataset["panning"] = "";
      frame.scrollTo(from.left - dx, from.top - dy);
    };
    const end = () => {
      removeEventListener("pointermove", move);
      delete frame.dataset["panning"];
      if (!moved) return;
      // The click that ends a drag opens nothing.
      const swallow = (click: Event) => {
        click.preventDefault();
        click.stopPropagation();
      };
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  });
  document.addEventListener("dragstart", (event) => {
    if ((event.target as Element).closest?.(".diagram-pane")) event.preventDefault();
  });
}

let at = -1;

function found(): Element[] {
  return [...document.querySelectorAll(".diagram-pane .node.found")];
}

/** Mark the nodes whose title has the words; all others step back. */
function find(): void {
  const field = document.querySelector<HTMLInputElement>("[data-find] input");
  const frame = pane();
  if (!field || !frame) return;
  const words = field.value.trim().toLowerCase();
  for (const node of frame.querySelectorAll(".node")) {
    const title = node.querySelector("title")?.textContent?.toLowerCase() ?? "";
    node.classList.toggle("found", words !== "" && title.includes(words));
  }
  frame.toggleAttribute("data-finding", words !== "");
  const output = document.querySelector<HTMLOutputElement>("[data-find] output");
  const count = found().length;
  if (!output) return;
  output.textContent = words === "" ? "" : count === 0 ? "none drawn" : `${count}`;
  const link = listLink();
  if (words !== "" && count === 0 && link) output.replaceChildren(link);
}

/** What is folded, or of an earlier turn, is in the list of tasks: a link that looks there. */
function listLink(): HTMLAnchorElement | undefined {
  const field = document.querySelector<HTMLInputElement>("[data-find] input");
  const list = field?.closest<HTMLElement>("[data-find]")?.dataset["list"];
  if (!field || !list) return undefined;
  const url = new URL(list, location.href);
  url.searchParams.set("q", field.value.trim());
  const link = document.createElement("a");
  link.href = url.href;
  link.dataset["inPlace"] = "";
  link.textContent = "in the list?";
  link.title = "Not drawn; look in the task list";
  return link;
}

function goToNext(direction: number): void {
  const nodes = found();
  if (nodes.length === 0) document.querySelector<HTMLElement>("[data-find] output a")?.click();
  if (nodes.length === 0) return;
  at = (at + direction + nodes.length) % nodes.length;
  nodes[at]?.scrollIntoView({ block: "center", inline: "center", behavior: "smooth" });
  const output = document.querySelector<HTMLOutputElement>("[data-find] output");
  if (output) output.textContent = `${at + 1} of ${nodes.length}`;
}

function finding(): void {
  const show = () => document.querySelector("[data-find]")?.removeAttribute("hidden");
  show();
  document.addEventListener("playground:morphed", () => {
    show();
    find();
    keepScale();
    sayScale();
  });
  document.addEventListener("input", (event) => {
    if (!(event.target as Element).closest("[data-find]")) return;
    at = -1;
    find();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.target as Element).closest?.("[data-find]") || event.key !== "Enter") return;
    event.preventDefault();
    goToNext(event.shiftKey ? -1 : 1);
  });
}

export function diagramTools(): void {
  showStart();
  sayScale();
  panning();
  finding();
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-zoom]");
    const svg = drawing();
    if (button && svg) ACTIONS[button.dataset["zoom"] ?? ""]?.(svg);
  });
  document.addEventListener(
    "wheel",
    (event) => {
      const svg = drawing();
      const inside = (event.target as Element).closest?.(".diagram-pane");
      if (!svg || !inside || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      zoom(svg, nextStep(svg, event.deltaY < 0 ? 1 : -1), event.clientX, event.clientY);
    },
    { passive: false },
  );
}
