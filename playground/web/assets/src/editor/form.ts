// The form of the selected task, or of the workflow where none is selected. It shows what the text
// says and changes the text in place; it has no state of its own.

import type { EditorView } from "@codemirror/view";
import type { Catalogue, Field } from "./catalogue.js";
import { typeOf } from "./catalogue.js";
import type { Change } from "./edits.js";
import {
  addEntry,
  format,
  insertItems,
  listOfTexts,
  moveTask,
  removeEntry,
  removeItems,
  removeTask,
  renameKey,
  renameRef,
  setField,
  sibling,
  wrapTask,
} from "./edits.js";
import { element } from "./elements.js";
import type { Outline, Task, Value } from "./outline.js";
import { child, follow, outlineOf, textOf } from "./outline.js";

export interface FormHost {
  view: EditorView;
  known: () => Catalogue | undefined;
  /** Change the text; the form is drawn again afterwards unless `quiet`. */
  apply: (changes: Change[], quiet?: boolean) => void;
  select: (ref: string) => void;
  add: (where: string) => void;
  say: (words: string) => void;
}

const COMMON: Field[] = [
  { path: "description", label: "Description", doc: "A sentence for people", kind: "text", choices: [] },
  {
    path: "optional",
    label: "Optional",
    doc: "Its failure does not fail the workflow",
    kind: "flag",
    choices: [],
  },
  {
    path: "startDelay",
    label: "Start delay",
    doc: "Seconds to wait before the first attempt",
    kind: "number",
    choices: [],
  },
  {
    path: "retryCount",
    label: "Retries",
    doc: "Instead of those of the task definition",
    kind: "number",
    choices: [],
  },
  {
    path: "asyncComplete",
    label: "Complete from outside",
    doc: "Stays in progress until somebody updates it",
    kind: "flag",
    choices: [],
  },
];

const WORKFLOW: Field[] = [
  { path: "name", label: "Name", doc: "How the workflow is called", kind: "text", choices: [] },
  { path: "description", label: "Description", doc: "A sentence for people", kind: "text", choices: [] },
  {
    path: "inputParameters",
    label: "Input parameters",
    doc: "Names of the inputs it knows",
    kind: "names",
    choices: [],
  },
  {
    path: "inputTemplate",
    label: "Input template",
    doc: "Inputs that are there when a start leaves them out",
    kind: "rows",
    choices: [],
  },
  {
    path: "outputParameters",
    label: "Output parameters",
    doc: "What an execution gives in the end",
    kind: "rows",
    choices: [],
  },
  {
    path: "variables",
    label: "Variables",
    doc: "Those an execution begins with",
    kind: "rows",
    choices: [],
  },
];

const WORKFLOW_MORE: Field[] = [
  {
    path: "timeoutSeconds",
    label: "Time-out",
    doc: "Seconds an execution may take; 0 for ever",
    kind: "number",
    choices: [],
  },
  {
    path: "timeoutPolicy",
    label: "When it takes longer",
    doc: "End it, or only say so",
    kind: "choice",
    choices: ["TIME_OUT_WF", "ALERT_ONLY"],
  },
  {
    path: "failureWorkflow",
    label: "Failure workflow",
    doc: "Runs when this one fails",
    kind: "workflow",
    choices: [],
  },
  {
    path: "ownerEmail",
    label: "Owner",
    doc: "Whom to ask",
    kind: "text",
    choices: [],
  },
  {
    path: "restartable",
    label: "Restartable",
    doc: "Ended executions may start again",
    kind: "flag",
    choices: [],
  },
  {
    path: "inputSchema",
    label: "Input schema",
    doc: 'A JSON Schema: {"type": "JSON", "data": {…}} or the name of a registered one',
    kind: "json",
    choices: [],
  },
  {
    path: "outputSchema",
    label: "Output schema",
    doc: "The same for outputs",
    kind: "json",
    choices: [],
  },
];

export class TaskForm {
  ref = "";
  private moreIsOpen = false;

  constructor(
    private readonly box: HTMLElement,
    private readonly host: FormHost,
  ) {
    this.box.addEventListener("submit", (event) => event.preventDefault());
  }

  private get outline(): Outline {
    return outlineOf(this.host.view.state);
  }

  task(): Task | null {
    return this.outline.byRef.get(this.ref) ?? null;
  }

  /** Draws the form for the text as it is; the focus stays where it was. */
  draw(): void {
    const active = document.activeElement;
    const inside = active instanceof HTMLElement && this.box.contains(active) ? active : null;
    const spot = inside?.dataset["spot"];
    const task = this.task();
    this.box.replaceChildren(task ? this.taskForm(task) : this.workflowForm());
    if (spot === undefined) return;
    const again = [...this.box.querySelectorAll<HTMLElement>("[data-spot]")].find(
      (one) => one.dataset["spot"] === spot,
    );
    again?.focus({ preventScroll: true });
  }

  // What the form changes

  private subject(): Value | null {
    return this.task()?.value ?? this.outline.root;
  }

  private set(path: string, raw: string | null, quiet = false): void {
    const subject = this.subject();
    if (!subject) return;
    this.host.apply(setField(this.host.view.state, subject, path.split("."), raw), quiet);
  }

  // Forms

  private workflowForm(): HTMLElement {
    const root = this.outline.root;
    if (root?.kind !== "object") {
      return element("p", { class: "muted pane-empty" }, "The form is back once the JSON is whole.");
    }
    return element(
      "form",
      { class: "task-form" },
      element(
        "header",
        {},
        element("h2", {}, "Workflow"),
        element("span", { class: "small muted" }, "Choose a task in the diagram for its own form"),
      ),
      ...this.fields(WORKFLOW, root),
      this.more("Time-outs, failure, schemas", this.fields(WORKFLOW_MORE, root)),
    );
  }

  private taskForm(task: Task): HTMLElement {
    const type = typeOf(task.type);
    const fields = type?.fields ?? [];
    const shown = new Set(fields.map((one) => one.path));
    const common = COMMON.filter((one) => !shown.has(one.path));
    return element(
      "form",
      { class: "task-form" },
      element(
        "header",
        {},
        element("h2", {}, task.ref || task.name || task.type),
        element("span", { class: "tag" }, task.type),
        this.close(),
      ),
      type ? element("p", { class: "small muted" }, `${type.doc}.`) : null,
      this.tools(task),
      this.refField(task),
      shown.has("name")
        ? null
        : this.field({ path: "name", label: "Name", doc: "To read in the diagram", kind: "text", choices: [] }, task.value),
      ...this.fields(fields, task.value),
      this.inputRows(task, fields),
      this.more("Description, retries, optional", this.fields(common, task.value)),
    );
  }

  private close(): HTMLElement {
    const button = element("button", { type: "button", class: "button quiet small" }, "Workflow");
    button.title = "Close the task and show the workflow";
    button.addEventListener("click", () => this.host.select(""));
    return button;
  }

  private tools(task: Task): HTMLElement {
    const bar = element("div", { class: "task-tools", role: "toolbar", "aria-label": "Task" });
    const tool = (words: string, label: string, run: () => void, enabled = true, tone = "") => {
      const button = element(
        "button",
        { type: "button", class: `button small ${tone}`, "aria-label": label, title: label },
        words,
      );
      button.dataset["spot"] = `tool:${label}`;
      button.disabled = !enabled;
      button.addEventListener("click", run);
      bar.append(button);
    };
    const { state } = this.host.view;
    // What is clicked acts on the task as it is then: the text may have changed since.
    const move = (direction: -1 | 1) => () => {
      const now = this.task();
      if (now) this.host.apply(moveTask(this.host.view.state, this.outline, now, direction));
    };
    tool("↑", "Move up", move(-1), moveTask(state, this.outline, task, -1).length > 0);
    tool("↓", "Move down", move(1), moveTask(state, this.outline, task, 1).length > 0);
    tool("+ Before", "Add a task before it", () => this.host.add(`before:${task.ref}`));
    tool("+ After", "Add a task after it", () => this.host.add(this.placeAfter()));
    bar.append(this.wrapChoice(task));
    const remove = () => {
      const now = this.task();
      if (!now) return;
      this.host.apply(removeTask(this.host.view.state, this.outline, now));
      this.host.select("");
      this.host.say(`${task.ref || "The task"} is removed. Ctrl Z in the JSON brings it back.`);
    };
    tool("Remove", "Remove the task", remove, true, "danger");
    return bar;
  }

  /** After the task of the form, else at the end; after a fork means after its JOIN. */
  placeAfter(): string {
    const task = this.task();
    if (!task) return "first";
    const next = sibling(this.outline, task, 1);
    const isFork = task.type.startsWith("FORK") && next?.type === "JOIN";
    return `after:${isFork ? next.ref : task.ref}`;
  }

  private wrapChoice(task: Task): HTMLElement {
    const select = element(
      "select",
      { class: "small", "aria-label": "Put into a fork, loop or switch" },
      element("option", { value: "" }, "Put into…"),
      element("option", { value: "fork" }, "a fork"),
      element("option", { value: "loop" }, "a loop"),
      element("option", { value: "switch" }, "a switch"),
    );
    select.disabled = task.type === "JOIN";
    select.addEventListener("change", () => {
      const kind = select.value as "fork" | "loop" | "switch";
      const now = this.task();
      if (now) this.host.apply(wrapTask(this.host.view.state, this.outline, now, kind));
    });
    return select;
  }

  private refField(task: Task): HTMLElement {
    const input = element("input", { type: "text", value: task.ref, autocomplete: "off" });
    input.addEventListener("change", () => {
      const [wanted, current] = [input.value.trim(), this.task()];
      if (!current || wanted === "" || wanted === current.ref) return;
      if (this.outline.byRef.has(wanted)) {
        this.host.say(`Another task is called ${wanted}.`);
        input.value = current.ref;
        return;
      }
      const changes = renameRef(this.host.view.state, this.outline, current, wanted);
      this.ref = wanted;
      this.host.apply(changes);
      this.host.select(wanted);
      if (changes.length > 1) this.host.say(`Renamed here and in ${changes.length - 1} other places.`);
    });
    const doc = "Unique; renaming it renames what reads it";
    return labelled("Reference name", doc, input, "taskReferenceName");
  }

  private more(title: string, fields: (HTMLElement | null)[]): HTMLElement {
    const details = element("details", { class: "more-fields" }, element("summary", {}, title));
    details.open = this.moreIsOpen;
    details.addEventListener("toggle", () => (this.moreIsOpen = details.open));
    details.append(element("div", { class: "more-body" }, ...fields));
    return details;
  }

  private fields(fields: readonly Field[], subject: Value): HTMLElement[] {
    return fields.map((one) => this.field(one, subject));
  }

  private field(field: Field, subject: Value): HTMLElement {
    const value = follow(subject, field.path.split("."));
    switch (field.kind) {
      case "flag":
        return this.flag(field, value);
      case "rows":
        return this.rows(field.label, field.doc, field.path, value);
      case "names":
        return this.names(field, value);
      case "refs":
        return this.joins(field, value);
      case "cases":
        return this.cases(field, value);
      case "branches":
        return this.branches(field, value);
      default:
        return this.plain(field, value);
    }
  }

  private raw(value: Value | null): string {
    return value ? this.host.view.state.sliceDoc(value.from, value.to) : "";
  }

  /** A text as it is, everything else as JSON. */
  private shown(value: Value | null): string {
    if (!value) return "";
    if (value.kind !== "string") return this.raw(value);
    return isJson(value.text) ? this.raw(value) : value.text;
  }

  private plain(field: Field, value: Value | null): HTMLElement {
    const isText = field.kind === "text" || field.kind === "code";
    const text = isText && value?.kind === "string" ? value.text : this.shown(value);
    const many = field.kind === "code" || field.kind === "json" || text.includes("\n");
    const control = many
      ? element("textarea", { class: "code small", spellcheck: "false" }, text)
      : element("input", { type: "text", value: text, autocomplete: "off", spellcheck: "false" });
    if (many) control.setAttribute("rows", String(Math.min(10, Math.max(2, text.split("\n").length))));
    if (field.kind === "number") control.setAttribute("inputmode", "numeric");
    const box = labelled(field.label, field.doc, control, field.path);
    this.suggest(field, control, box);
    const commit = (quiet: boolean) => {
      const typed = control.value;
      if (typed === text && quiet) return;
      const raw = rawOf(field.kind, typed);
      control.setAttribute("aria-invalid", String(raw === undefined));
      if (raw !== undefined) this.set(field.path, raw, quiet);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    control.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => commit(true), 300);
    });
    control.addEventListener("change", () => {
      clearTimeout(timer);
      commit(false);
    });
    return box;
  }

  private suggest(field: Field, control: HTMLElement, box: HTMLElement): void {
    const known = this.host.known();
    const words =
      field.kind === "workflow"
        ? (known?.workflows ?? [])
        : field.kind === "worker"
          ? Object.keys(known?.workers ?? {})
          : field.choices;
    if (words.length === 0 || control instanceof HTMLTextAreaElement) return;
    const list = element("datalist", { id: `list-${field.path}` });
    list.append(...words.map((one) => element("option", { value: one })));
    control.setAttribute("list", list.id);
    box.append(list);
  }

  private flag(field: Field, value: Value | null): HTMLElement {
    const box = element("input", { type: "checkbox" });
    const isOnByDefault = field.path === "restartable";
    box.checked = value ? this.raw(value) === "true" : isOnByDefault;
    box.dataset["spot"] = field.path;
    box.addEventListener("change", () => {
      const isDefault = box.checked === isOnByDefault;
      this.set(field.path, isDefault ? null : String(box.checked));
    });
    return element(
      "label",
      { class: "flag" },
      box,
      element(
        "span",
        {},
        element("strong", {}, field.label),
        element("span", { class: "hint" }, field.doc),
      ),
    );
  }

  private inputRows(task: Task, fields: readonly Field[]): HTMLElement {
    const own = fields
      .map((one) => one.path.split("."))
      .filter(([first]) => first === "inputParameters")
      .map(([, name]) => name ?? "");
    const label = own.length > 0 ? "Other inputs" : "Input parameters";
    const value = child(task.value, "inputParameters");
    return this.rows(label, "What the task gets; ${…} reads from the execution", "inputParameters", value, own);
  }

  /** Key and value rows of an object; `hidden` keys have fields of their own. */
  private rows(
    label: string,
    doc: string,
    path: string,
    value: Value | null,
    hidden: readonly string[] = [],
  ): HTMLElement {
    const box = group(label, doc);
    if (value && value.kind !== "object") {
      box.append(this.plain({ path, label, doc, kind: "json", choices: [] }, value));
      return box;
    }
    for (const one of value?.entries ?? []) {
      if (!hidden.includes(one.key)) box.append(this.row(path, one.key, one.value));
    }
    const add = element("button", { type: "button", class: "button quiet small" }, "+ Add");
    add.setAttribute("aria-label", `Add to ${label.toLowerCase()}`);
    add.dataset["spot"] = `${path}:add`;
    add.addEventListener("click", () => {
      const object = follow(this.subject(), path.split("."));
      const key = freeKey(object);
      if (object) this.host.apply([addEntry(this.host.view.state, object, key, '""')]);
      else this.set(path, format({ [key]: "" }));
      this.draw();
      const fresh = [...this.box.querySelectorAll<HTMLInputElement>("[data-spot]")].find(
        (field) => field.dataset["spot"] === `${path}:${key}:key`,
      );
      fresh?.focus();
      fresh?.select();
    });
    box.append(add);
    return box;
  }

  private row(path: string, key: string, value: Value | null): HTMLElement {
    const object = () => follow(this.subject(), path.split("."));
    const name = element("input", { type: "text", value: key, "aria-label": "Name" });
    name.dataset["spot"] = `${path}:${key}:key`;
    name.addEventListener("change", () => {
      const inside = object();
      const wanted = name.value.trim();
      if (!inside || wanted === "" || child(inside, wanted)) name.value = key;
      else this.host.apply(renameKey(inside, key, wanted));
    });
    const text = this.shown(value);
    const many = text.includes("\n");
    const field = many
      ? element("textarea", { class: "code small", "aria-label": `Value of ${key}`, rows: "3" }, text)
      : element("input", { type: "text", value: text, "aria-label": `Value of ${key}` });
    field.setAttribute("spellcheck", "false");
    field.dataset["spot"] = `${path}:${key}:value`;
    const commit = (quiet: boolean) => {
      const inside = object();
      if (!inside || (quiet && field.value === text)) return;
      const changes = setField(this.host.view.state, inside, [key], anyRaw(field.value));
      this.host.apply(changes, quiet);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => commit(true), 300);
    });
    field.addEventListener("change", () => {
      clearTimeout(timer);
      commit(false);
    });
    const remove = element(
      "button",
      { type: "button", class: "button quiet small icon-only", "aria-label": `Remove ${key}` },
      "✕",
    );
    remove.addEventListener("click", () => {
      const inside = object();
      if (inside) this.host.apply(removeEntry(inside, key));
    });
    return element("div", { class: "key-row" }, name, field, remove);
  }

  private names(field: Field, value: Value | null): HTMLElement {
    const text = (value?.items ?? []).map((one) => one.text).join(", ");
    const control = element("input", { type: "text", value: text, autocomplete: "off" });
    control.addEventListener("change", () => {
      const words = control.value.split(",").map((one) => one.trim());
      const found = words.filter((one) => one !== "");
      const list = follow(this.subject(), field.path.split("."));
      if (list?.kind === "array") this.host.apply(listOfTexts(this.host.view.state, list, found));
      else this.set(field.path, format(found));
    });
    return labelled(field.label, `${field.doc}, with commas between them`, control, field.path);
  }

  private joins(field: Field, value: Value | null): HTMLElement {
    const chosen = new Set((value?.items ?? []).map((one) => one.text));
    const task = this.task();
    const fork = task ? sibling(this.outline, task, -1) : null;
    const inside = this.outline.tasks.filter((one) => one.parent && one.parent === fork);
    const offered = new Set([...inside.map((one) => one.ref), ...chosen]);
    const box = group(field.label, field.doc);
    for (const ref of offered) {
      const check = element("input", { type: "checkbox" });
      check.checked = chosen.has(ref);
      check.dataset["spot"] = `${field.path}:${ref}`;
      check.addEventListener("change", () => {
        if (check.checked) chosen.add(ref);
        else chosen.delete(ref);
        this.set(field.path, format([...offered].filter((one) => chosen.has(one))));
      });
      box.append(element("label", { class: "flag" }, check, element("code", {}, ref)));
    }
    if (offered.size === 0) {
      box.append(element("p", { class: "small muted" }, "A dynamic fork's JOIN waits for all of its tasks."));
    }
    return box;
  }

  private cases(field: Field, value: Value | null): HTMLElement {
    const box = group(field.label, field.doc);
    for (const one of value?.entries ?? []) {
      const name = element("input", { type: "text", value: one.key, "aria-label": "Case" });
      name.dataset["spot"] = `${field.path}:${one.key}`;
      name.addEventListener("change", () => {
        const cases = follow(this.subject(), field.path.split("."));
        if (cases && !child(cases, name.value)) this.host.apply(renameKey(cases, one.key, name.value));
      });
      const count = one.value?.items.length ?? 0;
      const remove = element(
        "button",
        { type: "button", class: "button quiet small icon-only", "aria-label": `Remove case ${one.key}` },
        "✕",
      );
      remove.addEventListener("click", () => {
        const cases = follow(this.subject(), field.path.split("."));
        if (cases) this.host.apply(removeEntry(cases, one.key));
      });
      const words = element("span", { class: "small muted" }, `${count} task${count === 1 ? "" : "s"}`);
      box.append(element("div", { class: "key-row" }, name, words, remove));
    }
    const add = element("button", { type: "button", class: "button quiet small" }, "+ Add a case");
    add.addEventListener("click", () => {
      const cases = follow(this.subject(), field.path.split("."));
      const key = freeKey(cases, "case");
      if (cases) this.host.apply([addEntry(this.host.view.state, cases, key, "[]")]);
      else this.set(field.path, format({ [key]: [] }));
    });
    box.append(add);
    return box;
  }

  private branches(field: Field, value: Value | null): HTMLElement {
    const box = group(field.label, field.doc);
    for (const [at, branch] of (value?.items ?? []).entries()) {
      const refs = branch.items.map((one) => textOf(one, "taskReferenceName")).join(" → ");
      const remove = element(
        "button",
        { type: "button", class: "button quiet small icon-only", "aria-label": `Remove branch ${at + 1}` },
        "✕",
      );
      remove.addEventListener("click", () => {
        const list = follow(this.subject(), field.path.split("."));
        if (list) this.host.apply(removeItems(list, at, 1));
      });
      box.append(
        element(
          "div",
          { class: "key-row" },
          element("span", { class: "small muted" }, `${at + 1}`),
          element("code", {}, refs || "empty"),
          remove,
        ),
      );
    }
    const add = element("button", { type: "button", class: "button quiet small" }, "+ Add a branch");
    add.addEventListener("click", () => {
      const list = follow(this.subject(), field.path.split("."));
      const { state } = this.host.view;
      if (list?.kind === "array") this.host.apply(insertItems(state, list, list.items.length, ["[]"]));
      else this.set(field.path, "[[]]");
    });
    box.append(add);
    return box;
  }
}

let labels = 0;

function labelled(label: string, doc: string, control: HTMLElement, spot: string): HTMLElement {
  labels += 1;
  control.id = `field-${labels}`;
  control.dataset["spot"] = spot;
  const hint = element("span", { class: "hint", id: `hint-${labels}` }, doc);
  control.setAttribute("aria-describedby", hint.id);
  return element("div", { class: "field" }, element("label", { for: control.id }, label), control, hint);
}

function group(label: string, doc: string): HTMLElement {
  return element(
    "fieldset",
    { class: "rows" },
    element("legend", {}, label),
    element("span", { class: "hint" }, doc),
  );
}

function freeKey(object: Value | null, stem = "key"): string {
  let [key, count] = [stem, 1];
  while (child(object, key)) {
    count += 1;
    key = `${stem}${count}`;
  }
  return key;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What somebody typed as a value: JSON where it is JSON, else a text. */
function anyRaw(typed: string): string {
  return isJson(typed) ? typed.trim() : JSON.stringify(typed);
}

/** JSON text for a field; null takes the field away, undefined is nothing it can be. */
function rawOf(kind: string, typed: string): string | null | undefined {
  if (typed.trim() === "") return null;
  if (kind === "number") {
    if (/^\d+$/.test(typed.trim())) return typed.trim();
    return typed.includes("${") ? JSON.stringify(typed.trim()) : undefined;
  }
  if (kind === "json") {
    if (isJson(typed)) return typed.trim();
    return typed.trim().startsWith("${") ? JSON.stringify(typed.trim()) : undefined;
  }
  return JSON.stringify(typed);
}
