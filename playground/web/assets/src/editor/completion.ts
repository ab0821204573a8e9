// What can be written at the cursor: task types, fields, values, names, and `${…}` paths. What is
// behind the cursor need not make sense: whoever types has not closed the string yet.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { EditorState } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { Catalogue } from "./catalogue.js";
import { typeOf } from "./catalogue.js";
import type { Spot } from "./json.js";
import { spotAt } from "./json.js";
import type { Outline, Value } from "./outline.js";
import { child, outlineOf, textOf } from "./outline.js";

type Source = (context: CompletionContext) => Promise<CompletionResult | null>;

export function completionSource(load: () => Promise<Catalogue>): Source {
  return async (context) => {
    const { state, pos } = context;
    const spot = spotOf(state, pos);
    const before = spot.token ? state.sliceDoc(spot.token.from, pos) : "";
    const expression = spot.part === "value" ? /\$\{([^{}]*)$/.exec(before) : null;
    if (!context.explicit && !expression && !spot.token?.quoted) return null;
    const known = await load().catch(() => null);
    if (!known || !spot.object) return null;
    if (expression) return paths(context, known, expression[1] ?? "");
    return spot.part === "key" ? keys(context, known, spot) : values(context, known, spot);
  };
}

// Where the cursor is

function spotOf(state: EditorState, position: number): Spot {
  return spotAt(outlineOf(state).root, position);
}

/** Whether an object inside these properties is a task. */
function isTask(around: readonly string[]): boolean {
  const [first, second] = around;
  if (first === "decisionCases") return false;
  return /^(tasks|loopOver|defaultCase|forkTasks)$/.test(first ?? "") || second === "decisionCases";
}

function typeInside(object: Value): string {
  return textOf(object, "type") || "SIMPLE";
}

// Fields

function keys(context: CompletionContext, known: Catalogue, spot: Spot): CompletionResult | null {
  const { object, token } = spot;
  if (!object) return null;
  const from = token?.from ?? context.pos;
  const present = new Set(object.entries.filter((one) => one.from !== from).map((one) => one.key));
  const options = Object.entries(fieldsOf(known, spot))
    .filter(([name]) => !present.has(name))
    .map(([name, doc], at): Completion => ({
      label: `"${name}"`,
      displayLabel: name,
      detail: doc,
      type: "property",
      boost: -at / 10,
      apply: (view, _, from, to) => putKey(view, name, from, to),
    }));
  return options.length > 0 ? { from, options, validFor: /^"?[\w$]*"?$/ } : null;
}

function fieldsOf(known: Catalogue, spot: Spot): Record<string, string> {
  const { object, around, outer } = spot;
  if (!object) return {};
  if (around.length === 0) return known.workflowFields;
  if (isTask(around)) return forType(known, typeInside(object));
  const name = around[0] ?? "";
  if (name === "inputParameters") return inputsOf(outer[0] ?? null);
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

function inputsOf(task: Value | null): Record<string, string> {
  const fields = typeOf(task ? typeInside(task) : "")?.fields ?? [];
  const found: Record<string, string> = {};
  for (const { path, doc } of fields) {
    const [first, name, ...rest] = path.split(".");
    if (first === "inputParameters" && name) found[name] ??= rest.length > 0 ? "" : doc;
  }
  return found;
}

function putKey(view: EditorView, name: string, from: number, to: number): void {
  const token = spotOf(view.state, to).token;
  const end = token ? Math.max(to, token.closed ? token.to : to) : to;
  const hasColon = /^\s*:/.test(view.state.sliceDoc(end, end + 20));
  const insert = JSON.stringify(name) + (hasColon ? "" : ": ");
  view.dispatch({
    changes: { from, to: end, insert },
    selection: { anchor: from + insert.length },
    userEvent: "input.complete",
  });
}

// Values

function values(context: CompletionContext, known: Catalogue, spot: Spot): CompletionResult | null {
  const options = valuesFor(known, spot, outlineOf(context.state));
  if (options.length === 0) return null;
  const from = spot.token ? spot.token.from + (spot.token.quoted ? 1 : 0) : context.pos;
  return {
    from,
    // In the order they were given in, not by the alphabet.
    options: options.map((one, at) => ({ ...one, boost: -Math.min(99, at), apply: putValue })),
    validFor: /^[^"\n]*$/,
  };
}

function valuesFor(known: Catalogue, spot: Spot, outline: Outline): Completion[] {
  const { key, around, object } = spot;
  const isPlain = !spot.inList;
  const inTask = object !== null && isTask(around);
  if (isPlain && inTask && key === "type") {
    return known.types.map((one) => ({ label: one.type, detail: one.title, info: one.doc }));
  }
  if (isPlain && inTask && key === "name") {
    return Object.entries(known.workers).map(([label, detail]) => ({ label, detail }));
  }
  if (key === "joinOn") return refs(outline);
  const namesChild = key === "name" && /^(subWorkflowParam|startWorkflow)$/.test(around[0] ?? "");
  if (isPlain && (key === "failureWorkflow" || namesChild)) {
    return known.workflows.map((label) => ({ label, type: "class" }));
  }
  if (isPlain && known.flags.includes(key) && !spot.token?.quoted) {
    return ["true", "false"].map((label) => ({ label, type: "keyword" }));
  }
  return (known.values[key] ?? []).map((label) => ({ label, type: "enum" }));
}

/** Puts a value in the place of the one that stands there, with the quotes it needs. */
function putValue(view: EditorView, { label, type }: Completion, from: number, to: number): void {
  const token = spotOf(view.state, to).token;
  const isQuoted = token?.quoted ?? false;
  const typed = /^[\w-]*/.exec(view.state.sliceDoc(to, to + 200))?.[0].length ?? 0;
  const end = isQuoted && token?.closed ? token.to : to + typed;
  const isText = type !== "keyword";
  const insert = isText ? JSON.stringify(label) : label;
  const start = isQuoted ? from - 1 : from;
  view.dispatch({
    changes: { from: start, to: end, insert },
    selection: { anchor: start + insert.length },
    userEvent: "input.complete",
  });
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
  // What is left of the path that stood there goes; brace and string are closed if they were not.
  const old = /^[\w.[\]'$-]*/.exec(rest)?.[0].length ?? 0;
  const isClosed = rest.slice(old).startsWith("}");
  const quote = spotOf(view.state, to).token?.closed === false ? '"' : "";
  view.dispatch({
    changes: { from, to: to + (isClosed ? old + 1 : 0), insert: `${label}}${quote}` },
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
