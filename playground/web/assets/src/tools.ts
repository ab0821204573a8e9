// Zoom for the diagram. The drawing is scaled by its width and height attributes, so that the
// surrounding pane scrolls as usual and the text stays sharp.

const STEPS = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2];

function drawing(): SVGSVGElement | null {
  return document.querySelector<SVGSVGElement>(".diagram-pane svg.diagram");
}

function currentScale(svg: SVGSVGElement): number {
  return svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
}

function zoom(svg: SVGSVGElement, scale: number): void {
  const { width, height } = svg.viewBox.baseVal;
  svg.dataset["zoomed"] = "";
  svg.setAttribute("width", String(Math.round(width * scale)));
  svg.setAttribute("height", String(Math.round(height * scale)));
}

function fit(svg: SVGSVGElement): void {
  const { width, height } = svg.viewBox.baseVal;
  delete svg.dataset["zoomed"];
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
}

function nextStep(svg: SVGSVGElement, direction: number): number {
  const scale = currentScale(svg);
  const steps = direction > 0 ? STEPS : [...STEPS].reverse();
  const beyond = (step: number) => (direction > 0 ? step > scale + 0.01 : step < scale - 0.01);
  return steps.find(beyond) ?? scale;
}

/** Where the drawing is wider than its pane, as on a phone, its middle is shown: the start. */
function showMiddle(): void {
  const pane = document.querySelector(".diagram-pane");
  if (pane) pane.scrollLeft = (pane.scrollWidth - pane.clientWidth) / 2;
}

export function diagramTools(): void {
  showMiddle();
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-zoom]");
    const svg = drawing();
    if (!button || !svg) return;
    const action = button.dataset["zoom"];
    if (action === "fit") fit(svg);
    else zoom(svg, nextStep(svg, action === "in" ? 1 : -1));
  });
  document.addEventListener(
    "wheel",
    (event) => {
      const svg = drawing();
      const inside = (event.target as Element).closest?.(".diagram-pane");
      if (!svg || !inside || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      zoom(svg, nextStep(svg, event.deltaY < 0 ? 1 : -1));
    },
    { passive: false },
  );
}
