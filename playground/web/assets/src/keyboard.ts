// What the keyboard can do beyond Tab and Enter: arrows go from node to node of a diagram and from
// entry to entry of a menu; Escape closes a menu and gives the focus back to what opened it.

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};
const MENUS = "details.actions-menu, details.pop";
const SHEETS = ".menu-list, .sheet";

interface Point {
  x: number;
  y: number;
}

function middle(element: Element): Point {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}

/** The nearest node in a direction; what lies aside counts double. */
function nextNode(from: Element, [dx, dy]: readonly [number, number]): Element | undefined {
  const here = middle(from);
  let best: Element | undefined;
  let least = Infinity;
  for (const node of from.closest("svg")?.querySelectorAll("a.node") ?? []) {
    const at = middle(node);
    const [across, down] = [at.x - here.x, at.y - here.y];
    const along = across * dx + down * dy;
    const aside = Math.abs(across * dy) + Math.abs(down * dx);
    if (along < 4 || (dx !== 0 && aside > along * 2)) continue;
    const cost = along + 2 * aside;
    if (cost < least) [best, least] = [node, cost];
  }
  return best;
}

function inDiagram(event: KeyboardEvent, node: Element): void {
  const direction = ARROWS[event.key];
  if (!direction) return;
  event.preventDefault();
  const next = nextNode(node, direction);
  if (!(next instanceof SVGElement)) return;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function inMenu(event: KeyboardEvent, sheet: Element): void {
  const direction = ARROWS[event.key]?.[1];
  if (!direction) return;
  event.preventDefault();
  const entries = [...sheet.querySelectorAll<HTMLElement>("a[href], button")];
  const at = entries.indexOf(document.activeElement as HTMLElement);
  entries[(at + direction + entries.length) % entries.length]?.focus();
}

/** From the button of a menu that is open, down goes to its first entry. */
function intoMenu(event: KeyboardEvent, opener: Element): void {
  if (event.key !== "ArrowDown") return;
  const popover = document.getElementById(opener.getAttribute("popovertarget") ?? "");
  const open = opener.parentElement?.matches("details[open]") || popover?.matches(":popover-open");
  const sheet = open && (popover ?? opener.parentElement?.querySelector(".sheet"));
  if (!sheet) return;
  event.preventDefault();
  sheet.querySelector<HTMLElement>("a[href], button")?.focus();
}

function closeMenu(menu: HTMLDetailsElement): void {
  menu.open = false;
  menu.querySelector("summary")?.focus();
}

export function keyboard(): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as Element;
    if (event.altKey || event.ctrlKey || event.metaKey || !target.closest) return;
    const menu = target.closest<HTMLDetailsElement>(MENUS);
    if (event.key === "Escape") {
      if (menu?.open) closeMenu(menu);
      return;
    }
    const node = target.closest("svg.diagram a.node");
    const sheet = target.closest(SHEETS);
    if (node) inDiagram(event, node);
    else if (sheet) inMenu(event, sheet);
    else if (target.matches("[popovertarget], summary")) intoMenu(event, target);
  });
  // A menu that the reader has left is in the way.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>(MENUS)) {
      if (menu.open && !menu.contains(event.target as Node)) menu.open = false;
    }
  });
}
