// The controls of a form: each shows what stands at a path of the document and changes it there.
// They hold no state but what is being typed, and that for a moment only.

import type { EditorView } from "@codemirror/view";
import type { Catalogue, Field } from "./catalogue.js";
import type { Change } from "./edits.js";
import {
  addEntry,
  insertItems,
  listOfTexts,
  removeBranch,
  removeEntry,
  renameKey,
  setField,
  sibling,
} from "./edits.js";
import { element } from "./elements.js";
import type { Entry, Outline, Task, Value } from "./outline.js";
import { child, follow, textOf } from "./outline.js";
import { format } from "./tidy.js";

export interface ControlsHost {
  view: EditorView;
  known: () => Catalogue | undefined;
  /** Change the text; `typing` while somebody still types in the control. */
  apply: (changes: Change[], typing?: boolean) => void;
  outline: () => Outline;
  /** The task of the form, null where it is the workflow's. */
  task: () => Task | null;
  /** Draw the form at once, then focus the control that is known by this. */
  redraw: (spot?: string) => void;
}

type Control = HTMLInputElement | HTMLTextAreaElement;

const TYPING_MS = 300;

export class Controls {
  private pending: { timer: ReturnType<typeof setTimeout>; commit: () => void } | null = null;

  constructor(private readonly host: ControlsHost) {}

  /** What is being typed goes into the document now. */
  flush(): void {
    const waiting = this.pending;
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.pending = null;
    waiting.commit();
  }

  field(field: Field, subject: Value): HTMLElement {
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

  // What the controls change

  private at(path: string): Value | null {
    const subject = this.host.task()?.value ?? this.host.outline().root;
    return path === "" ? subject : follow(subject, path.split("."));
  }

  private set(path: string, raw: string | null, typing = false): void {
    const subject = this.at("");
    if (!subject) return;
    this.host.apply(setField(this.host.view.state, subject, path.split("."), raw), typing);
  }

  /** Calls `commit(true)` while somebody types, and `commit(false)` when they go on. */
  private watch(control: Control, commit: (typing: boolean) => void): void {
    control.addEventListener("input", () => {
      if (this.pending) clearTimeout(this.pending.timer);
      const run = () => commit(true);
      const timer = setTimeout(() => this.flush(), TYPING_MS);
      this.pending = { timer, commit: run };
    });
    control.addEventListener("change", () => {
      if (this.pending) clearTimeout(this.pending.timer);
      this.pending = null;
      commit(false);
    });
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

  // One value

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
    let last = text;
    this.watch(control, (typing) => {
      const typed = control.value;
      if (typed === last) return;
      const raw = rawOf(field.kind, typed);
      control.setAttribute("aria-invalid", String(raw === undefined));
      if (raw === undefined) return;
      last = typed;
      this.set(field.path, raw, typing);
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

  private names(field: Field, value: Value | null): HTMLElement {
    const text = (value?.items ?? []).map((one) => one.text).join(", ");
    const control = element("input", { type: "text", value: text, autocomplete: "off" });
    this.watch(control, (typing) => {
      if (typing) return;
      const words = control.value.split(",").map((one) => one.trim());
      const found = words.filter((one) => one !== "");
      const list = this.at(field.path);
      if (list?.kind === "array") this.host.apply(listOfTexts(this.host.view.state, list, found));
      else if (found.length > 0) this.set(field.path, format(found));
    });
    return labelled(field.label, `${field.doc}, with commas between them`, control, field.path);
  }

  // Objects as rows

  /** Key and value rows of an object; `hidden` keys have fields of their own. */
  rows(
    label: string,
    doc: string,
    path: string,
    value: Value | null,
    hidden: readonly string[] = [],
  ): HTMLElement {
    if (value && value.kind !== "object") {
      return this.plain({ path, label, doc, kind: "json", choices: [] }, value);
    }
    const box = group(label, doc);
    for (const [index, one] of (value?.entries ?? []).entries()) {
      if (!hidden.includes(one.key)) box.append(this.row(path, index, one));
    }
    box.append(
      this.button("+ Add", `Add to ${label.toLowerCase()}`, `${path}:add`, () => {
        const object = this.at(path);
        const key = freeKey(object);
        if (object) this.host.apply([addEntry(this.host.view.state, object, key, '""')]);
        else this.set(path, format({ [key]: "" }));
        this.host.redraw(`${path}#${object?.entries.length ?? 0}:key`);
      }),
    );
    return box;
  }

  /** A row is known by its place: its name may change while somebody is in it. */
  private row(path: string, index: number, entry: Entry): HTMLElement {
    const now = () => {
      const object = this.at(path);
      const found = object?.entries[index];
      return object && found ? { object, found } : null;
    };
    const name = element("input", { type: "text", value: entry.key, "aria-label": "Name" });
    name.dataset["spot"] = `${path}#${index}:key`;
    name.addEventListener("change", () => {
      const here = now();
      const wanted = name.value.trim();
      if (!here || wanted === here.found.key) return;
      const isTaken = here.object.entries.some((one) => one.key === wanted);
      if (wanted === "" || isTaken) name.value = here.found.key;
      else this.host.apply(renameKey(here.object, here.found.key, wanted));
    });
    const text = this.shown(entry.value);
    const value = text.includes("\n")
      ? element("textarea", { class: "code small", rows: "3" }, text)
      : element("input", { type: "text", value: text, autocomplete: "off" });
    value.setAttribute("aria-label", `Value of ${entry.key}`);
    value.setAttribute("spellcheck", "false");
    value.dataset["spot"] = `${path}#${index}:value`;
    let last = text;
    this.watch(value, (typing) => {
      const here = now();
      if (!here || value.value === last) return;
      last = value.value;
      const changes = setField(this.host.view.state, here.object, [here.found.key], anyRaw(last));
      this.host.apply(changes, typing);
    });
    const remove = this.remove(`Remove ${entry.key}`, `${path}#${index}:remove`, () => {
      const here = now();
      if (here) this.host.apply(removeEntry(here.object, here.found.key));
    });
    return element("div", { class: "key-row" }, name, value, remove);
  }

  // What operators hold

  private joins(field: Field, value: Value | null): HTMLElement {
    const chosen = new Set((value?.items ?? []).map((one) => one.text));
    const task = this.host.task();
    const outline = this.host.outline();
    const fork = task ? sibling(outline, task, -1) : null;
    const inside = outline.tasks.filter((one) => one.parent && one.parent === fork);
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
      const words = "A dynamic fork's JOIN waits for all of its tasks.";
      box.append(element("p", { class: "small muted" }, words));
    }
    return box;
  }

  private cases(field: Field, value: Value | null): HTMLElement {
    const box = group(field.label, field.doc);
    for (const [index, one] of (value?.entries ?? []).entries()) {
      box.append(this.caseRow(field.path, index, one));
    }
    box.append(
      this.button("+ Add a case", "Add a case", `${field.path}:add`, () => {
        const cases = this.at(field.path);
        const key = freeKey(cases, "case");
        if (cases) this.host.apply([addEntry(this.host.view.state, cases, key, "[]")]);
        else this.set(field.path, format({ [key]: [] }));
        this.host.redraw(`${field.path}#${cases?.entries.length ?? 0}:key`);
      }),
    );
    return box;
  }

  private caseRow(path: string, index: number, entry: Entry): HTMLElement {
    const name = element("input", { type: "text", value: entry.key, "aria-label": "Case" });
    name.dataset["spot"] = `${path}#${index}:key`;
    name.addEventListener("change", () => {
      const cases = this.at(path);
      const found = cases?.entries[index];
      if (!cases || !found || found.key === name.value) return;
      if (child(cases, name.value)) name.value = found.key;
      else this.host.apply(renameKey(cases, found.key, name.value));
    });
    const remove = this.remove(`Remove case ${entry.key}`, `${path}#${index}:remove`, () => {
      const cases = this.at(path);
      const found = cases?.entries[index];
      if (cases && found) this.host.apply(removeEntry(cases, found.key));
    });
    const words = plural(entry.value?.items.length ?? 0, "task");
    return element("div", { class: "key-row" }, name, element("span", { class: "small muted" }, words), remove);
  }

  private branches(field: Field, value: Value | null): HTMLElement {
    const box = group(field.label, field.doc);
    for (const [at, branch] of (value?.items ?? []).entries()) {
      const refs = branch.items.map((one) => textOf(one, "taskReferenceName")).join(" → ");
      const remove = this.remove(`Remove branch ${at + 1}`, `${field.path}#${at}:remove`, () => {
        const task = this.host.task();
        if (task) this.host.apply(removeBranch(this.host.view.state, this.host.outline(), task, at));
      });
      box.append(
        element(
          "div",
          { class: "key-row" },
          element("span", { class: "small muted" }, `Branch ${at + 1}`),
          element("code", {}, refs || "empty"),
          remove,
        ),
      );
    }
    box.append(
      this.button("+ Add a branch", "Add a branch", `${field.path}:add`, () => {
        const list = this.at(field.path);
        const { state } = this.host.view;
        if (list?.kind === "array") this.host.apply(insertItems(state, list, list.items.length, ["[]"]));
        else this.set(field.path, "[[]]");
        this.host.redraw();
      }),
    );
    return box;
  }

  // Buttons

  private button(words: string, label: string, spot: string, run: () => void): HTMLElement {
    const button = element("button", { type: "button", class: "button quiet small" }, words);
    button.setAttribute("aria-label", label);
    button.dataset["spot"] = spot;
    button.addEventListener("click", () => {
      this.flush();
      run();
    });
    return button;
  }

  private remove(label: string, spot: string, run: () => void): HTMLElement {
    const button = this.button("✕", label, spot, () => {
      run();
      this.host.redraw(spot);
    });
    button.classList.add("icon-only");
    button.title = label;
    return button;
  }
}

let labels = 0;

export function labelled(label: string, doc: string, control: HTMLElement, spot: string): HTMLElement {
  labels += 1;
  control.id = `field-${labels}`;
  control.dataset["spot"] = spot;
  const hint = element("span", { class: "hint", id: `hint-${labels}`, title: doc }, doc);
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

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function freeKey(object: Value | null, stem = "key"): string {
  const taken = new Set(object?.entries.map((one) => one.key));
  let [key, count] = [stem, 1];
  while (taken.has(key)) {
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
