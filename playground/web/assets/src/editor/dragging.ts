// Dragging a task of the diagram onto a "+": it goes there, a fork together with its JOIN. Whoever
// cannot drag has the arrows of the task's form, which do the same step by step.

import { undo } from "@codemirror/commands";
import type { EditorView } from "@codemirror/view";
import type { Change, Json } from "./edits.js";
import { addTasks, removeTask, unitOf } from "./edits.js";
import { outlineOf } from "./outline.js";

const FAR_PX = 6;

/** Let tasks be dragged: `moved` gets the reference and the place of the "+" it was let go on. */
export function dragTasks(picture: HTMLElement, moved: (ref: string, where: string) => void): void {
  picture.addEventListener("pointerdown", (event) => {
    const node = (event.target as Element).closest<SVGElement>("a.node");
    const ref = node?.dataset["ref"];
    if (!node || !ref || event.button !== 0 || event.pointerType !== "mouse") return;
    // The pane behind it would move with the pointer.
    event.stopPropagation();
    follow(picture, node, ref, event, moved);
  });
  picture.addEventListener("dragstart", (event) => event.preventDefault());
}

function follow(
  picture: HTMLElement,
  node: SVGElement,
  ref: string,
  from: PointerEvent,
  moved: (ref: string, where: string) => void,
): void {
  let label: HTMLElement | null = null;
  let over: SVGElement | null = null;
  const at = (event: PointerEvent) => {
    const far = Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > FAR_PX;
    if (!label && !far) return;
    label ??= begin(picture, node, ref);
    label.style.left = `${event.clientX + 12}px`;
    label.style.top = `${event.clientY + 12}px`;
    const found = document.elementFromPoint(event.clientX, event.clientY);
    over?.removeAttribute("data-over");
    over = found?.closest<SVGElement>("[data-insert]") ?? null;
    over?.setAttribute("data-over", "");
  };
  const end = (event: Event) => {
    removeEventListener("pointermove", at);
    removeEventListener("pointerup", end);
    removeEventListener("keydown", escape, true);
    if (!label) return;
    label.remove();
    delete picture.dataset["dragging"];
    node.removeAttribute("data-dragged");
    over?.removeAttribute("data-over");
    // The click that ends it opens nothing.
    const swallow = (click: Event) => {
      click.preventDefault();
      click.stopPropagation();
    };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
    const where = over?.dataset["insert"];
    if (event.type === "pointerup" && where !== undefined) moved(ref, where);
  };
  const escape = (event: KeyboardEvent) => {
    if (event.key === "Escape") end(event);
  };
  addEventListener("pointermove", at);
  addEventListener("pointerup", end);
  addEventListener("keydown", escape, true);
}

function begin(picture: HTMLElement, node: SVGElement, ref: string): HTMLElement {
  const label = document.createElement("div");
  label.className = "drag-label";
  label.textContent = ref;
  document.body.append(label);
  picture.dataset["dragging"] = "";
  node.setAttribute("data-dragged", "");
  return label;
}

/** Move the task, with `apply` for each change; false where it cannot go there. */
export function moveTo(
  view: EditorView,
  ref: string,
  where: string,
  apply: (changes: Change[]) => void,
): boolean {
  const outline = outlineOf(view.state);
  const task = outline.byRef.get(ref);
  if (!task || task.type === "JOIN") return false;
  const unit = unitOf(outline, task);
  const items = task.list.items.slice(unit.index, unit.index + unit.count);
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last) return false;
  const aim = [...outline.byRef.keys()].find((one) => where.endsWith(`:${one}`));
  const inside = aim === undefined ? undefined : outline.byRef.get(aim)?.value.from;
  // Next to itself nothing moves, and into itself nothing can.
  if (inside !== undefined && inside >= first.from && inside < last.to) return false;
  const tasks = JSON.parse(`[${view.state.sliceDoc(first.from, last.to)}]`) as Json[];
  apply(removeTask(view.state, outline, task));
  const changes = addTasks(view.state, outlineOf(view.state), where, tasks);
  if (changes.length === 0) {
    undo(view);
    return false;
  }
  apply(changes);
  return true;
}
