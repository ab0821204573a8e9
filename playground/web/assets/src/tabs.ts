// A row of tabs that is wider than the window shows the open one, and a little of its neighbour.

const NEIGHBOUR_PX = 40;
const shown = new WeakMap<Element, string>();

/** Moves a row when its open tab has changed: where people scrolled it to since, it stays. */
export function openTabs(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".tabs [aria-current]")) {
    const row = tab.closest(".tabs");
    const name = tab.textContent ?? "";
    if (!row || shown.get(row) === name) continue;
    shown.set(row, name);
    const [inner, outer] = [tab.getBoundingClientRect(), row.getBoundingClientRect()];
    const [before, behind] = [outer.left - inner.left, inner.right - outer.right];
    if (behind > 0) row.scrollLeft += behind + NEIGHBOUR_PX;
    else if (before > 0) row.scrollLeft -= before + NEIGHBOUR_PX;
  }
}
