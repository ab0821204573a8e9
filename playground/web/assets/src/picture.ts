// The diagram as a file, drawn in the browser as it is seen: the theme, the fonts, what is unfolded.
// A copy of the SVG gets its colours as attributes (a picture has no stylesheet); for a PNG it is
// drawn on a canvas twice its size, so that it stays sharp on slides.

const SCALE = 2;
// What every browser can make; beyond it the picture is made smaller.
const MOST_PX = 8000;
const MARGIN = 16;

const LOOKS = [
  ...["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"],
  ...["stroke-linecap", "stroke-linejoin", "opacity", "color", "visibility", "display"],
  ...["font-family", "font-size", "font-weight", "text-anchor", "text-decoration-line"],
];

/** The drawing as the text of an .svg file, on its ground and with a margin. */
export function pictureOf(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [seen, drawn] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  for (const [at, element] of [...seen].entries()) {
    const twin = drawn[at];
    // What stands in <defs> takes its colours from where it is used.
    if (!twin || element.closest("defs, title, desc")) continue;
    const style = getComputedStyle(element);
    for (const name of LOOKS) {
      const attribute = name === "text-decoration-line" ? "text-decoration" : name;
      twin.setAttribute(attribute, style.getPropertyValue(name));
    }
  }
  // Tools mean nothing on paper, and links lead to places of this page only.
  for (const tool of copy.querySelectorAll(".tool, .insert")) tool.remove();
  for (const link of copy.querySelectorAll("a")) link.removeAttribute("href");
  const [width, height] = sizeOf(svg);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${width} ${height}`);
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.prepend(groundOf(svg, width, height));
  return new XMLSerializer().serializeToString(copy);
}

function sizeOf(svg: SVGSVGElement): [number, number] {
  const { width, height } = svg.viewBox.baseVal;
  return [width + 2 * MARGIN, height + 2 * MARGIN];
}

function groundOf(svg: SVGSVGElement, width: number, height: number): SVGRectElement {
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const place = { x: -MARGIN, y: -MARGIN, width, height };
  for (const [name, value] of Object.entries(place)) ground.setAttribute(name, String(value));
  const behind = svg.closest(".diagram-pane") ?? document.body;
  ground.setAttribute("fill", getComputedStyle(behind).backgroundColor);
  return ground;
}

/** Null where the browser cannot make a picture that large. */
export async function pngOf(svg: SVGSVGElement): Promise<Blob | null> {
  const [width, height] = sizeOf(svg);
  const scale = Math.min(SCALE, MOST_PX / Math.max(width, height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(pictureOf(svg))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function save(button: HTMLButtonElement): Promise<void> {
  const svg = document.querySelector<SVGSVGElement>(".diagram-pane svg.diagram");
  if (!svg) return;
  const picture = await pngOf(svg).catch(() => null);
  if (picture) {
    download(`${button.dataset["png"] ?? "diagram"}.png`, picture);
    button.closest<HTMLElement>("[popover]")?.hidePopover();
    return;
  }
  const said = button.querySelector("[data-said]");
  if (said) said.textContent = "This one is too large for a PNG: take the SVG.";
}

export function savePictures(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-png]");
    if (button) void save(button);
  });
}
