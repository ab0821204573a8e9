// The JSON document as a tree of places, and the tasks in it. Built from the editor's own parser,
// which goes on after an error, so the tasks are known while somebody is in the middle of typing.

import { ensureSyntaxTree, syntaxTree } from "@codemirror/language";
import type { EditorState, Text } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";

export type Kind = "object" | "array" | "string" | "number" | "word";

export interface Value {
  kind: Kind;
  from: number;
  to: number;
  entries: Entry[];
  items: Value[];
  /** The text of a string, unescaped; "" for everything else. */
  text: string;
}

export interface Entry {
  key: string;
  from: number;
  keyTo: number;
  value: Value | null;
}

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

const KINDS: Record<string, Kind> = {
  Object: "object",
  Array: "array",
  String: "string",
  Number: "number",
  True: "word",
  False: "word",
  Null: "word",
};
const DEEPEST = 100;

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
  const tree = ensureSyntaxTree(state, state.doc.length, 400) ?? syntaxTree(state);
  const top = tree.topNode.firstChild;
  const outline = new Outline(top ? read(top, state, 0) : null);
  known.set(state.doc, outline);
  return outline;
}

function read(node: SyntaxNode, state: EditorState, depth: number): Value | null {
  const kind = KINDS[node.name];
  if (!kind) return null;
  const value: Value = { kind, from: node.from, to: node.to, entries: [], items: [], text: "" };
  if (kind === "string") value.text = unquoted(state.sliceDoc(node.from, node.to));
  if (depth > DEEPEST) return value;
  for (let inner = node.firstChild; inner; inner = inner.nextSibling) {
    if (inner.name === "Property") {
      const name = inner.getChild("PropertyName");
      if (!name) continue;
      const last = inner.lastChild;
      value.entries.push({
        key: unquoted(state.sliceDoc(name.from, name.to)),
        from: inner.from,
        keyTo: name.to,
        value: last && last.from >= name.to ? read(last, state, depth + 1) : null,
      });
    } else if (kind === "array") {
      const item = read(inner, state, depth + 1);
      if (item) value.items.push(item);
    }
  }
  return value;
}

export function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text.replace(/^"|"$/g, "");
  }
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
