// The diagram as a PNG, drawn in the browser as it is seen: the theme, the fonts, what is unfolded.
// A copy of the SVG gets its colours as attributes (a picture has no stylesheet), and a canvas twice
// its size, so that it stays sharp on slides.

const SCALE = 2;
// What every browser can make; beyond it the picture is made smaller.
const MOST_PX = 8192;
const MARGIN = 16;

const PROPERTIES = [
  ...["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"],
  ...["stroke-linecap", "stroke-linejoin", "opacity", "color", "visibility", "display"],
  ...["font-family", "font-size", "font-weight", "text-anchor", "text-decoration-line"],
];

function painted(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [seen, drawn] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  for (const [at, element] of [...seen].entries()) {
    const target = drawn[at];
    // What stands in <defs> takes its colours from where it is used.
    if (!target || element.closest("defs, title, desc")) continue;
    const style = getComputedStyle(element);
    for (const name of PROPERTIES) {
      const attribute = name === "text-decoration-line" ? "text-decoration" : name;
      target.setAttribute(attribute, style.getPropertyValue(name));
    }
  }
  // Tools to unfold and to page mean nothing on paper.
  for (const tool of copy.querySelectorAll(".tool, .insert")) tool.remove();
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  return copy;
}

function image(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const text = new XMLSerializer().serializeToString(svg);
  const picture = new Image();
  return new Promise((resolve, reject) => {
    picture.addEventListener("load", () => resolve(picture));
    picture.addEventListener("error", () => reject(new Error("the picture cannot be read")));
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
}

export async function png(svg: SVGSVGElement): Promise<Blob> {
  const { width, height } = svg.viewBox.baseVal;
  const scale = Math.min(SCALE, MOST_PX / (Math.max(width, height) + 2 * MARGIN));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((width + 2 * MARGIN) * scale);
  canvas.height = Math.ceil((height + 2 * MARGIN) * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  const pane = svg.closest(".diagram-pane");
  context.fillStyle = pane ? getComputedStyle(pane).backgroundColor : "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const picture = await image(painted(svg));
  context.drawImage(picture, MARGIN * scale, MARGIN * scale, width * scale, height * scale);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("too large"))), "image/png");
  });
}

async function save(button: HTMLButtonElement): Promise<void> {
  const svg = document.querySelector<SVGSVGElement>(".diagram-pane svg.diagram");
  if (!svg) return;
  const said = button.querySelector("[data-said]");
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await png(svg));
    link.download = `${button.dataset["png"] ?? "diagram"}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    button.closest<HTMLElement>("[popover]")?.hidePopover();
  } catch {
    if (said) said.textContent = "This one is too large for a PNG: take the SVG.";
  }
}

export function savePictures(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-png]");
    if (button) void save(button);
  });
}
