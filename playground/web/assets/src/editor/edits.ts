// Changes to the text that keep everything else as its author wrote it: formatting, order, fields
// nobody here knows. Each function gives changes of one document; positions are those before it.

import type { EditorState } from "@codemirror/state";
import type { Outline, Task, Value } from "./outline.js";
import { child, entry, textOf } from "./outline.js";
import { format } from "./tidy.js";

export interface Change {
  from: number;
  to: number;
  insert: string;
}

export type Json = unknown;

const STEP = "  ";

function indented(text: string, indent: string): string {
  return text.replaceAll("\n", `\n${indent}`);
}

function indentAt(state: EditorState, position: number): string {
  return /^\s*/.exec(state.doc.lineAt(position).text)?.[0] ?? "";
}

// Lists

/** Put texts of JSON values into a list, before the item at `index`. */
export function insertItems(
  state: EditorState,
  list: Value,
  index: number,
  texts: string[],
): Change[] {
  const base = indentAt(state, list.from);
  const first = list.items[0];
  const inner = first && startsLine(state, first.from) ? indentAt(state, first.from) : base + STEP;
  const joined = texts.map((text) => indented(text, inner)).join(`,\n${inner}`);
  const last = list.items.at(-1);
  if (!last) {
    return [{ from: list.from, to: list.to, insert: `[\n${inner}${joined}\n${base}]` }];
  }
  const following = list.items[index];
  if (following) {
    return [{ from: following.from, to: following.from, insert: `${joined},\n${inner}` }];
  }
  return [{ from: last.to, to: last.to, insert: `,\n${inner}${joined}` }];
}

export function removeItems(list: Value, index: number, count: number): Change[] {
  const [first, last] = [list.items[index], list.items[index + count - 1]];
  if (!first || !last) return [];
  const [before, after] = [list.items[index - 1], list.items[index + count]];
  if (after) return [{ from: first.from, to: after.from, insert: "" }];
  if (before) return [{ from: before.to, to: last.to, insert: "" }];
  return [{ from: list.from, to: list.to, insert: "[]" }];
}

function startsLine(state: EditorState, position: number): boolean {
  const line = state.doc.lineAt(position);
  return state.sliceDoc(line.from, position).trim() === "";
}

// Objects

/** Give the field at `path` the JSON text `raw`, or take it away where that is null. */
export function setField(
  state: EditorState,
  object: Value,
  path: readonly string[],
  raw: string | null,
): Change[] {
  const [key, ...rest] = path;
  if (key === undefined) return [];
  const found = entry(object, key);
  if (found?.value && rest.length > 0 && found.value.kind === "object") {
    return setField(state, found.value, rest, raw);
  }
  if (raw === null) return found && rest.length === 0 ? removeEntry(object, key) : [];
  const text = rest.reduceRight((inner, name) => wrapped(name, inner), raw);
  if (!found) return [addEntry(state, object, key, text)];
  const from = found.value?.from ?? found.keyTo;
  const to = found.value?.to ?? found.keyTo;
  const colon = found.value ? "" : ": ";
  return [{ from, to, insert: colon + indented(text, indentAt(state, found.from)) }];
}

function wrapped(key: string, text: string): string {
  return `{\n${STEP}${JSON.stringify(key)}: ${indented(text, STEP)}\n}`;
}

export function addEntry(state: EditorState, object: Value, key: string, text: string): Change {
  const base = indentAt(state, object.from);
  const last = object.entries.at(-1);
  const pair = (indent: string) => `${JSON.stringify(key)}: ${indented(text, indent)}`;
  if (!last) {
    const inner = base + STEP;
    return { from: object.from, to: object.to, insert: `{\n${inner}${pair(inner)}\n${base}}` };
  }
  const end = last.value?.to ?? last.keyTo;
  if (!startsLine(state, last.from)) return { from: end, to: end, insert: `, ${pair(base)}` };
  const inner = indentAt(state, last.from);
  return { from: end, to: end, insert: `,\n${inner}${pair(inner)}` };
}

export function removeEntry(object: Value, key: string): Change[] {
  const index = object.entries.findIndex((one) => one.key === key);
  const found = object.entries[index];
  if (!found) return [];
  const end = found.value?.to ?? found.keyTo;
  const [before, after] = [object.entries[index - 1], object.entries[index + 1]];
  if (after) return [{ from: found.from, to: after.from, insert: "" }];
  if (before) return [{ from: before.value?.to ?? before.keyTo, to: end, insert: "" }];
  return [{ from: object.from, to: object.to, insert: "{}" }];
}

export function renameKey(object: Value, key: string, to: string): Change[] {
  const found = entry(object, key);
  return found ? [{ from: found.from, to: found.keyTo, insert: JSON.stringify(to) }] : [];
}

// Tasks

/** A task with its JOIN, where it is a fork: the two go together. */
export function unitOf(outline: Outline, task: Task): { index: number; count: number } {
  const follower = sibling(outline, task, 1);
  const pair = isFork(task) && follower?.type === "JOIN";
  return { index: task.index, count: pair ? 2 : 1 };
}

export function sibling(outline: Outline, task: Task, offset: number): Task | null {
  const wanted = task.list.items[task.index + offset];
  return outline.tasks.find((one) => one.value === wanted) ?? null;
}

function isFork(task: Task): boolean {
  return task.type === "FORK_JOIN" || task.type === "FORK" || task.type === "FORK_JOIN_DYNAMIC";
}

/** The place behind a task, as a diagram's "+" names it; behind a fork means behind its JOIN. */
export function placeAfter(outline: Outline, task: Task | null): string {
  if (!task) return "first";
  const unit = unitOf(outline, task);
  const last = task.list.items[unit.index + unit.count - 1] ?? task.value;
  return `after:${textOf(last, "taskReferenceName")}`;
}

interface Place {
  list: Value | null;
  index: number;
  /** The task around, and its field to create where there is no list yet. */
  owner: Value;
  field: string;
  /** The last task of the branch that is added to, and the fork around it. */
  after: Task | null;
  fork: Task | null;
}

/** The list and index that `where` of a diagram's "+" names. */
function placeOf(outline: Outline, where: string): Place | null {
  const root = outline.root;
  if (!root) return null;
  const match = /^(before|after|branch|case|default|loop):(?:(\d+):)?([\s\S]*)$/.exec(where);
  if (!match) {
    const list = child(root, "tasks");
    const index = list?.items.length ?? 0;
    return { list, index, owner: root, field: "tasks", after: null, fork: null };
  }
  const [kind, number] = [match[1] ?? "", Number(match[2] ?? 0)];
  // A reference may itself begin like "2:", and only branches and cases have a number.
  const numbered = kind === "branch" || kind === "case";
  const ref = numbered ? (match[3] ?? "") : where.slice(kind.length + 1);
  const task = outline.byRef.get(ref);
  if (!task) return null;
  const owner = task.value;
  const inside = (list: Value | null, field: string, fork: Task | null): Place => {
    return { list, index: 0, owner, field, after: null, fork };
  };
  if (kind === "branch") {
    return inside(child(owner, "forkTasks")?.items[number] ?? null, "forkTasks", task);
  }
  if (kind === "case") {
    return inside(child(owner, "decisionCases")?.entries[number]?.value ?? null, "", null);
  }
  if (kind === "default") return inside(child(owner, "defaultCase"), "defaultCase", null);
  if (kind === "loop") return inside(child(owner, "loopOver"), "loopOver", null);
  const index = task.index + (kind === "after" ? 1 : 0);
  const isLast = kind === "after" && index === task.list.items.length;
  const fork = isLast && task.field === "forkTasks" ? task.parent : null;
  return { list: task.list, index, owner, field: "", after: isLast ? task : null, fork };
}

/** Tasks made ready to insert: their reference names are new in this document. */
export function withNewRefs(outline: Outline, tasks: readonly Json[]): Json[] {
  const fresh = new Map<string, string>();
  const taken = new Set(outline.byRef.keys());
  visit(tasks, (key, text) => {
    if (key !== "taskReferenceName" || text === "" || fresh.has(text)) return;
    fresh.set(text, newRef(text, taken));
    taken.add(fresh.get(text) ?? text);
  });
  return JSON.parse(
    JSON.stringify(tasks, function rename(this: unknown, key: string, value: unknown) {
      if (typeof value !== "string") return value;
      if (key === "taskReferenceName") return fresh.get(value) ?? value;
      return [...fresh].reduce((text, [from, to]) => renamedIn(text, key, from, to), value);
    }),
    (key: string, value: unknown) => (key === "joinOn" ? renamedList(value, fresh) : value),
  ) as Json[];
}

function visit(value: Json, see: (key: string, text: string) => void, key = ""): void {
  if (typeof value === "string") see(key, value);
  else if (Array.isArray(value)) value.forEach((one) => visit(one, see, ""));
  else if (value !== null && typeof value === "object") {
    for (const [name, one] of Object.entries(value)) visit(one, see, name);
  }
}

function renamedList(value: unknown, fresh: ReadonlyMap<string, string>): unknown {
  return Array.isArray(value) ? value.map((one) => fresh.get(String(one)) ?? one) : value;
}

/** What reads `from` in a text reads `to`: `${from.output}`, and in scripts of loops `$.from`. */
function renamedIn(text: string, key: string, from: string, to: string): string {
  const plain = from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const read = text.replaceAll(new RegExp(`(\\$\\{\\s*)${plain}(?=[.[}])`, "g"), (_, start: string) => start + to);
  if (key !== "loopCondition") return read;
  const inScript = new RegExp(`(\\$\\.)${plain}(?=[.[])`, "g");
  return read.replaceAll(inScript, (_, start: string) => start + to);
}

export function newRef(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  const stem = wanted.replace(/_\d+$/, "");
  let count = 2;
  while (taken.has(`${stem}_${count}`)) count += 1;
  return `${stem}_${count}`;
}

/** Add tasks at a place of the diagram; a JOIN that waited for the branch's end goes on doing so. */
export function addTasks(
  state: EditorState,
  outline: Outline,
  where: string,
  tasks: readonly Json[],
): Change[] {
  const place = placeOf(outline, where);
  if (!place) return [];
  const texts = tasks.map((task) => format(task));
  const changes = place.list
    ? insertItems(state, place.list, place.index, texts)
    : setField(state, place.owner, [place.field], format(tasks));
  const last = tasks.at(-1) as { taskReferenceName?: string } | undefined;
  if (place.fork && last?.taskReferenceName) {
    changes.push(
      ...rejoin(state, outline, place.fork, place.after?.ref ?? "", last.taskReferenceName),
    );
  }
  return changes;
}

/** In the JOIN after `fork`: `now` in the place of `before`; "" adds or takes away. */
function rejoin(
  state: EditorState,
  outline: Outline,
  fork: Task,
  before: string,
  now: string,
): Change[] {
  const join = sibling(outline, fork, 1);
  const list = join?.type === "JOIN" ? child(join.value, "joinOn") : null;
  if (list?.kind !== "array") return [];
  const at = list.items.findIndex((one) => one.text === before);
  const found = list.items[at];
  if (before && !found) return [];
  if (!now) return removeItems(list, at, 1);
  if (found) return [{ from: found.from, to: found.to, insert: JSON.stringify(now) }];
  return listOfTexts(state, list, [...list.items.map((one) => one.text), now]);
}

export function listOfTexts(state: EditorState, list: Value, texts: string[]): Change[] {
  const insert = indented(format(texts), indentAt(state, list.from));
  return [{ from: list.from, to: list.to, insert }];
}

export function removeTask(state: EditorState, outline: Outline, task: Task): Change[] {
  const unit = unitOf(outline, task);
  const changes = removeItems(task.list, unit.index, unit.count);
  const isLast = unit.index + unit.count === task.list.items.length;
  if (task.field === "forkTasks" && task.parent && isLast) {
    const end = unit.count === 2 ? sibling(outline, task, 1) : task;
    const before = task.list.items[task.index - 1] ?? null;
    changes.push(
      ...rejoin(state, outline, task.parent, end?.ref ?? "", textOf(before, "taskReferenceName")),
    );
  }
  return changes;
}

/** Take a branch away; the JOIN after the fork no longer waits for its end. */
export function removeBranch(
  state: EditorState,
  outline: Outline,
  fork: Task,
  at: number,
): Change[] {
  const list = child(fork.value, "forkTasks");
  const end = list?.items[at]?.items.at(-1);
  if (!list) return [];
  const changes = removeItems(list, at, 1);
  const ref = end ? textOf(end, "taskReferenceName") : "";
  return ref ? [...changes, ...rejoin(state, outline, fork, ref, "")] : changes;
}

/** The JSON of a task, and of its JOIN where it is a fork; empty while it is not whole. */
export function jsonOf(state: EditorState, outline: Outline, task: Task): Json[] {
  const unit = unitOf(outline, task);
  const items = task.list.items.slice(unit.index, unit.index + unit.count);
  try {
    return items.map((one) => JSON.parse(state.sliceDoc(one.from, one.to)) as Json);
  } catch {
    return [];
  }
}

/** Change places with the task above (-1) or below (1); empty at the end of the list. */
export function moveTask(
  state: EditorState,
  outline: Outline,
  task: Task,
  direction: -1 | 1,
): Change[] {
  const mine = unitOf(outline, task);
  let other: { index: number; count: number };
  if (direction === 1) {
    const next = sibling(outline, task, mine.count);
    if (!next) return [];
    other = unitOf(outline, next);
  } else {
    const above = sibling(outline, task, -1);
    if (!above) return [];
    const fork = above.type === "JOIN" ? sibling(outline, above, -1) : null;
    other = fork && isFork(fork) ? unitOf(outline, fork) : unitOf(outline, above);
  }
  const [upper, lower] = direction === 1 ? [mine, other] : [other, mine];
  const span = (unit: { index: number; count: number }): [number, number] => [
    task.list.items[unit.index]?.from ?? 0,
    task.list.items[unit.index + unit.count - 1]?.to ?? 0,
  ];
  const [[upFrom, upTo], [lowFrom, lowTo]] = [span(upper), span(lower)];
  const between = state.sliceDoc(upTo, lowFrom);
  const insert = state.sliceDoc(lowFrom, lowTo) + between + state.sliceDoc(upFrom, upTo);
  return [{ from: upFrom, to: lowTo, insert }];
}

const HERE = { "@here": true };
const HERE_TEXT = /\{\s*"@here": true\s*\}/;

/** Put a task into a fork, a loop or a switch of its own. */
export function wrapTask(
  state: EditorState,
  outline: Outline,
  task: Task,
  kind: "fork" | "loop" | "switch",
): Change[] {
  const unit = unitOf(outline, task);
  const items = task.list.items.slice(unit.index, unit.index + unit.count);
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last) return [];
  const around = withNewRefs(outline, wrappers(textOf(last, "taskReferenceName"))[kind]);
  const own = startsLine(state, first.from);
  const inner = own ? indentAt(state, first.from) : indentAt(state, task.list.from) + STEP;
  const text = indented(around.map(format).join(",\n"), inner);
  const at = text.search(HERE_TEXT);
  const deeper = text.slice(text.lastIndexOf("\n", at) + 1, at).slice(inner.length);
  const kept = indented(state.sliceDoc(first.from, last.to), own ? deeper : "");
  return [{ from: first.from, to: last.to, insert: text.replace(HERE_TEXT, () => kept) }];
}

function wrappers(ref: string): Record<"fork" | "loop" | "switch", Json[]> {
  const named = (type: string, name: string, fields: object) => ({
    name: name.replace(/_ref$/, ""),
    taskReferenceName: name,
    type,
    ...fields,
  });
  return {
    fork: [
      named("FORK_JOIN", "fork_ref", {
        forkTasks: [[HERE], [named("NOOP", "beside_ref", {})]],
      }),
      named("JOIN", "join_ref", { joinOn: [ref, "beside_ref"] }),
    ],
    loop: [
      named("DO_WHILE", "loop_ref", {
        inputParameters: { times: 3 },
        loopCondition: "$.loop_ref.iteration < $.times",
        loopOver: [HERE],
      }),
    ],
    switch: [
      named("SWITCH", "switch_ref", {
        inputParameters: { value: "${workflow.input.value}" },
        evaluatorType: "value-param",
        expression: "value",
        decisionCases: { yes: [HERE] },
        defaultCase: [],
      }),
    ],
  };
}

/** Give a task another reference name, and everything that names it. */
export function renameRef(state: EditorState, outline: Outline, task: Task, to: string): Change[] {
  const changes: Change[] = [];
  const own = child(task.value, "taskReferenceName");
  const visit = (value: Value | null, key: string): void => {
    if (!value || value === own) return;
    for (const one of value.entries) visit(one.value, one.key);
    for (const item of value.items) visit(item, key);
    if (value.kind !== "string") return;
    const before = state.sliceDoc(value.from, value.to);
    const isNamed = key === "joinOn" && value.text === task.ref;
    const after = isNamed ? JSON.stringify(to) : renamedIn(before, key, task.ref, to);
    if (after !== before) changes.push({ from: value.from, to: value.to, insert: after });
  };
  visit(outline.root, "");
  changes.push(...setField(state, task.value, ["taskReferenceName"], JSON.stringify(to)));
  return changes;
}
