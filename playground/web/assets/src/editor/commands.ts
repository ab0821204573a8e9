// What can be done with a task as a whole, from the form, the diagram and the keyboard.

import type { EditorState } from "@codemirror/state";
import type { Change, Json } from "./edits.js";
import { addTasks, jsonOf, moveTask, placeAfter, removeTask, unitOf, withNewRefs, wrapTask } from "./edits.js";
import type { Outline, Task } from "./outline.js";
import { textOf } from "./outline.js";

export type Command = "up" | "down" | "duplicate" | "copy" | "remove" | "fork" | "loop" | "switch";

export interface Outcome {
  changes: Change[];
  /** The task that is selected afterwards. */
  ref: string;
  say: string;
}

export function carryOut(name: Command, state: EditorState, outline: Outline, task: Task): Outcome {
  switch (name) {
    case "up":
    case "down": {
      const changes = moveTask(state, outline, task, name === "up" ? -1 : 1);
      return { changes, ref: task.ref, say: "" };
    }
    case "remove":
      return {
        changes: removeTask(state, outline, task),
        ref: neighbour(outline, task),
        say: `${task.ref || "The task"} is removed. Ctrl Z brings it back.`,
      };
    case "duplicate": {
      const tasks = withNewRefs(outline, jsonOf(state, outline, task));
      const changes = addTasks(state, outline, placeAfter(outline, task), tasks);
      return { changes, ref: refOf(tasks) || task.ref, say: "" };
    }
    case "copy": {
      const isKept = keepCopy(jsonOf(state, outline, task));
      const say = isKept ? `${task.ref} is copied: Add task offers it, here and elsewhere.` : "";
      return { changes: [], ref: task.ref, say };
    }
    default:
      return { changes: wrapTask(state, outline, task, name), ref: task.ref, say: "" };
  }
}

/** Who is selected when a task is gone: the next of its list, else the one before, else around. */
function neighbour(outline: Outline, task: Task): string {
  const unit = unitOf(outline, task);
  const { items } = task.list;
  const near = items[unit.index + unit.count] ?? items[unit.index - 1];
  return near ? textOf(near, "taskReferenceName") : (task.parent?.ref ?? "");
}

export function refOf(tasks: readonly Json[]): string {
  return (tasks[0] as { taskReferenceName?: string } | undefined)?.taskReferenceName ?? "";
}

// A copied task is kept in the browser, so that it can be put into another definition.

const COPIED = "editor:copied";

function keepCopy(tasks: Json[]): boolean {
  if (tasks.length === 0) return false;
  try {
    localStorage.setItem(COPIED, JSON.stringify(tasks));
    return true;
  } catch {
    return false;
  }
}

export function copied(): Json[] {
  try {
    return tasksIn(localStorage.getItem(COPIED) ?? "");
  } catch {
    return [];
  }
}

/** The tasks that a text is: one, a list of them, or nothing. */
export function tasksIn(text: string): Json[] {
  try {
    const found: unknown = JSON.parse(text);
    const list: unknown[] = Array.isArray(found) ? found : [found];
    const isTask = (one: unknown) =>
      typeof (one as { taskReferenceName?: unknown } | null)?.taskReferenceName === "string";
    return list.length > 0 && list.every(isTask) ? list : [];
  } catch {
    return [];
  }
}
