// The tasks of the document that is being written, by reference and by place.

import type { EditorState, Text } from "@codemirror/state";
import type { Entry, Value } from "./json.js";
import { readJson } from "./json.js";

export type { Entry, Value };

export interface Task {
  ref: string;
  name: string;
  type: string;
  value: Value;
  /** The array the task stands in, and where. */
  list: Value;
  index: number;
  parent: Task | null;
  /** The field of the parent that holds `list`. */
  field: string;
}

export class Outline {
  readonly tasks: Task[] = [];
  readonly byRef = new Map<string, Task>();

  constructor(readonly root: Value | null) {
    if (root) this.collect(child(root, "tasks"), null, "tasks");
  }

  /** The innermost task around a position. */
  at(position: number): Task | null {
    let found: Task | null = null;
    for (const task of this.tasks) {
      if (task.value.from <= position && position <= task.value.to) {
        if (!found || task.value.from >= found.value.from) found = task;
      }
    }
    return found;
  }

  private collect(list: Value | null, parent: Task | null, field: string): void {
    if (list?.kind !== "array") return;
    for (const [index, value] of list.items.entries()) {
      if (value.kind !== "object") continue;
      const task: Task = {
        ref: textOf(value, "taskReferenceName"),
        name: textOf(value, "name"),
        type: textOf(value, "type") || "SIMPLE",
        value,
        list,
        index,
        parent,
        field,
      };
      this.tasks.push(task);
      if (task.ref && !this.byRef.has(task.ref)) this.byRef.set(task.ref, task);
      for (const [name, inner] of listsOf(value)) this.collect(inner, task, name);
    }
  }
}

function listsOf(value: Value): [string, Value][] {
  const found: [string, Value][] = [];
  for (const { key, value: inner } of value.entries) {
    if (!inner) continue;
    if (key === "loopOver" || key === "defaultCase") found.push([key, inner]);
    if (key === "forkTasks") {
      for (const branch of inner.items) found.push([key, branch]);
    }
    if (key === "decisionCases") {
      for (const one of inner.entries) if (one.value) found.push([key, one.value]);
    }
  }
  return found;
}

const known = new WeakMap<Text, Outline>();

export function outlineOf(state: EditorState): Outline {
  const before = known.get(state.doc);
  if (before) return before;
  const outline = new Outline(readJson(state.doc.toString()));
  known.set(state.doc, outline);
  return outline;
}

export function entry(object: Value | null, key: string): Entry | null {
  return object?.entries.find((one) => one.key === key) ?? null;
}

export function child(object: Value | null, key: string): Value | null {
  return entry(object, key)?.value ?? null;
}

export function textOf(object: Value | null, key: string): string {
  return child(object, key)?.text ?? "";
}

/** What a path such as `inputParameters.http_request.uri` leads to. */
export function follow(object: Value | null, path: readonly string[]): Value | null {
  return path.reduce<Value | null>((value, key) => child(value, key), object);
}
