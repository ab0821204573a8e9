// What can be written at the cursor: task types, fields, values, names, and `${…}` paths.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { SyntaxNode } from "@lezer/common";
import type { Catalogue } from "./catalogue.js";
import { typeOf } from "./catalogue.js";
import type { Outline, Value } from "./outline.js";
import { child, outlineOf, unquoted } from "./outline.js";

type Source = (context: CompletionContext) => Promise<CompletionResult | null>;

export function completionSource(load: () => Promise<Catalogue>): Source {
  return async (context) => {
    const node = syntaxTree(context.state).resolveInner(context.pos, -1);
    const string = node.name === "String" || node.name === "PropertyName" ? node : null;
    const start = string?.from ?? context.pos;
    const before = context.state.sliceDoc(start, context.pos);
    const expression = string?.name === "String" ? /\$\{([^{}]*)$/.exec(before) : null;
    const isOpen = context.explicit || expression || before.startsWith('"');
    if (!isOpen) return null;
    const known = await load().catch(() => null);
    if (!known) return null;
    if (expression) return paths(context, known, expression[1] ?? "");
    if (string?.name === "String") return values(context, known, string);
    return keys(context, known, node);
  };
}

// Where the cursor is

/** Names of the properties around a node, innermost first; an array adds nothing. */
function keysAround(state: EditorState, node: SyntaxNode | null): string[] {
  const found: string[] = [];
  for (let at = node; at; at = at.parent) {
    if (at.name !== "Property") continue;
    const name = at.getChild("PropertyName");
    if (name) found.push(unquoted(state.sliceDoc(name.from, name.to)));
  }
  return found;
}

function objectAround(node: SyntaxNode | null): SyntaxNode | null {
  for (let at = node; at; at = at.parent) if (at.name === "Object") return at;
  return null;
}

function isTask(keys: string[]): boolean {
  const [first, second] = keys;
  if (first === "decisionCases") return false;
  return /^(tasks|loopOver|defaultCase|forkTasks)$/.test(first ?? "") || second === "decisionCases";
}

function typeInside(state: EditorState, object: SyntaxNode): string {
  for (const property of object.getChildren("Property")) {
    const name = property.getChild("PropertyName");
    if (!name || unquoted(state.sliceDoc(name.from, name.to)) !== "type") continue;
    const value = property.getChild("String");
    if (value) return unquoted(state.sliceDoc(value.from, value.to));
  }
  return "SIMPLE";
}

// Fields

function keys(
  context: CompletionContext,
  known: Catalogue,
  node: SyntaxNode,
): CompletionResult | null {
  const { state } = context;
  const object = objectAround(node);
  if (!object) return null;
  const around = keysAround(state, object);
  const fields = fieldsOf(known, state, object, around);
  const present = new Set(
    object
      .getChildren("Property")
      .map((one) => one.getChild("PropertyName"))
      .map((one) => (one ? unquoted(state.sliceDoc(one.from, one.to)) : "")),
  );
  const inName = node.name === "PropertyName";
  const current = inName ? unquoted(state.sliceDoc(node.from, node.to)) : "";
  const options = Object.entries(fields)
    .filter(([name]) => !present.has(name) || name === current)
    .map(([name, doc], at): Completion => ({
      label: `"${name}"`,
      displayLabel: name,
      detail: doc,
      type: "property",
      boost: -at / 10,
      apply: (view, _, from, to) => putKey(view, name, from, to),
    }));
  if (options.length === 0) return null;
  const from = inName ? node.from : wordStart(context);
  return { from, options, validFor: /^"?[\w$]*"?$/ };
}

function wordStart(context: CompletionContext): number {
  return context.matchBefore(/"?[\w$]*$/)?.from ?? context.pos;
}

function fieldsOf(
  known: Catalogue,
  state: EditorState,
  object: SyntaxNode,
  around: string[],
): Record<string, string> {
  if (around.length === 0) return known.workflowFields;
  if (isTask(around)) return forType(known, typeInside(state, object));
  const name = around[0] ?? "";
  if (name === "inputParameters") return inputsOf(objectAround(object.parent), state);
  return known.otherFields[name] ?? {};
}

/** Fields that this type needs come first, those of other types not at all. */
function forType(known: Catalogue, type: string): Record<string, string> {
  const own = (typeOf(type)?.fields ?? []).map((one) => one.path.split(".")[0] ?? "");
  const others = new Set(
    known.types.flatMap((one) => one.fields.map((field) => field.path.split(".")[0] ?? "")),
  );
  const first = ["name", "taskReferenceName", "type", ...own, "inputParameters"];
  const rest = Object.keys(known.taskFields).filter((one) => !others.has(one));
  const names = [...new Set([...first, ...rest])];
  return Object.fromEntries(names.map((name) => [name, known.taskFields[name] ?? ""]));
}

function inputsOf(task: SyntaxNode | null, state: EditorState): Record<string, string> {
  const type = task ? typeInside(state, task) : "";
  const fields = typeOf(type)?.fields ?? [];
  const found: Record<string, string> = {};
  for (const { path, doc } of fields) {
    const [first, name, ...rest] = path.split(".");
    if (first === "inputParameters" && name) found[name] ??= rest.length > 0 ? "" : doc;
  }
  return found;
}

function putKey(view: EditorView, name: string, from: number, to: number): void {
  const after = view.state.sliceDoc(to, to + 20);
  const end = after.startsWith('"') ? to + 1 : to;
  const hasColon = /^\s*:/.test(view.state.sliceDoc(end, end + 20));
  const insert = JSON.stringify(name) + (hasColon ? "" : ": ");
  view.dispatch({
    changes: { from, to: end, insert },
    selection: { anchor: from + insert.length },
    userEvent: "input.complete",
  });
}

// Values

function values(
  context: CompletionContext,
  known: Catalogue,
  string: SyntaxNode,
): CompletionResult | null {
  const { state } = context;
  const around = keysAround(state, string);
  const [key, outer] = around;
  const property = string.parent?.name === "Property" ? string.parent : null;
  const object = objectAround(string.parent);
  const inTask = object && isTask(keysAround(state, object));
  let options: Completion[] = [];
  if (property && inTask && key === "type") {
    options = known.types.map((one) => ({ label: one.type, detail: one.title, info: one.doc }));
  } else if (property && inTask && key === "name") {
    options = Object.entries(known.workers).map(([label, detail]) => ({ label, detail }));
  } else if (key === "joinOn") {
    options = refs(outlineOf(state));
  } else if (key === "failureWorkflow" || (key === "name" && /^(subWorkflowParam|startWorkflow)$/.test(outer ?? ""))) {
    options = known.workflows.map((label) => ({ label, type: "class" }));
  } else if (key && known.values[key]) {
    options = known.values[key].map((label) => ({ label, type: "enum" }));
  }
  if (options.length === 0) return null;
  const closed = state.sliceDoc(string.to - 1, string.to) === '"' && string.to > string.from + 1;
  const to = closed ? string.to - 1 : string.to;
  const put = (view: EditorView, { label }: Completion, from: number) => {
    const end = Math.max(from, Math.min(to, view.state.doc.length));
    const current = syntaxTree(view.state).resolveInner(from, 1);
    const stop = current.name === "String" && current.to > from ? current.to - 1 : end;
    view.dispatch({
      changes: { from, to: Math.max(from, stop), insert: label },
      selection: { anchor: from + label.length },
      userEvent: "input.complete",
    });
  };
  return {
    from: string.from + 1,
    options: options.map((one) => ({ ...one, apply: put })),
    validFor: /^[^"]*$/,
  };
}

function refs(outline: Outline): Completion[] {
  return outline.tasks
    .filter((one) => one.ref)
    .map((one) => ({ label: one.ref, detail: one.type, type: "variable" }));
}

// Paths

function paths(context: CompletionContext, known: Catalogue, typed: string): CompletionResult {
  const outline = outlineOf(context.state);
  const own = outline.at(context.pos);
  const found = new Map<string, Completion>();
  const offer = (label: string, detail: string, boost: number, type = "variable") => {
    if (!found.has(label)) found.set(label, { label, detail, boost, type, apply: putPath });
  };
  for (const name of inputNames(outline)) offer(`workflow.input.${name}`, "input", 20);
  for (const [path, kind] of Object.entries(known.inputs)) {
    offer(`workflow.input${path.startsWith("[") ? "" : "."}${path}`, `${kind}, seen in a run`, 15);
  }
  for (const task of outline.tasks) {
    if (!task.ref || task === own) continue;
    const near = Math.max(0, 10 - outline.tasks.indexOf(task));
    for (const [path, kind] of Object.entries(known.outputs[task.ref] ?? {})) {
      const dot = path.startsWith("[") ? "" : ".";
      offer(`${task.ref}.output${dot}${path}`, `${kind}, seen in a run`, near + 5);
    }
    for (const path of typeOf(task.type)?.outputs ?? []) {
      offer(`${task.ref}.output.${path}`, task.type, near);
    }
    offer(`${task.ref}.output`, task.type, near - 1);
    for (const one of child(task.value, "inputParameters")?.entries ?? []) {
      offer(`${task.ref}.input.${one.key}`, "its input", near - 5);
    }
  }
  for (const name of variables(outline)) offer(`workflow.variables.${name}`, "variable", 5);
  for (const name of known.environment) offer(`workflow.env.${name}`, "environment", 0);
  for (const name of known.secrets) offer(`workflow.secrets.${name}`, "secret", 0);
  for (const [path, doc] of Object.entries(known.paths)) offer(path, doc, -10, "keyword");
  return {
    from: context.pos - typed.length,
    options: [...found.values()],
    validFor: /^[^{}"]*$/,
  };
}

function putPath(view: EditorView, { label }: Completion, from: number, to: number): void {
  const rest = view.state.sliceDoc(to, to + 200);
  // What is left of the path that stood there goes, and the brace is closed if it was not.
  const old = /^[\w.[\]'$-]*/.exec(rest)?.[0].length ?? 0;
  const isClosed = rest.slice(old).startsWith("}");
  const insert = isClosed ? label : `${label}}`;
  view.dispatch({
    changes: { from, to: to + (isClosed ? old : 0), insert },
    selection: { anchor: from + label.length + 1 },
    userEvent: "input.complete",
  });
}

function inputNames(outline: Outline): string[] {
  const declared = child(outline.root, "inputParameters")?.items.map((one) => one.text) ?? [];
  const template = child(outline.root, "inputTemplate")?.entries.map((one) => one.key) ?? [];
  return [...new Set([...declared, ...template])].filter((one) => one !== "");
}

function variables(outline: Outline): string[] {
  const first: Value | null = child(outline.root, "variables");
  const set = outline.tasks
    .filter((one) => one.type === "SET_VARIABLE")
    .flatMap((one) => child(one.value, "inputParameters")?.entries ?? []);
  return [...new Set([...(first?.entries ?? []), ...set].map((one) => one.key))];
}
