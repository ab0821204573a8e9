// The form of the selected task, or of the workflow where none is selected. It shows what the text
// says and changes the text in place; it has no state of its own.

import type { EditorView } from "@codemirror/view";
import type { Catalogue, Field } from "./catalogue.js";
import { typeOf } from "./catalogue.js";
import type { Command } from "./commands.js";
import { Controls, labelled } from "./controls.js";
import type { Change } from "./edits.js";
import { moveTask, placeAfter, renameRef } from "./edits.js";
import { element } from "./elements.js";
import { COMMON, WORKFLOW, WORKFLOW_MORE } from "./form_fields.js";
import type { Outline, Task, Value } from "./outline.js";
import { child, outlineOf } from "./outline.js";

export interface FormHost {
  view: EditorView;
  known: () => Catalogue | undefined;
  /** Change the text; `typing` while somebody still types in the form. */
  apply: (changes: Change[], typing?: boolean) => void;
  select: (ref: string) => void;
  add: (where: string) => void;
  command: (name: Command) => void;
  /** The selected task has another reference name from now on. */
  renamed: (ref: string) => void;
  say: (words: string) => void;
}

export class TaskForm {
  ref = "";
  private moreIsOpen = false;
  private readonly controls: Controls;

  constructor(
    private readonly box: HTMLElement,
    private readonly host: FormHost,
  ) {
    this.box.addEventListener("submit", (event) => event.preventDefault());
    this.controls = new Controls({
      view: host.view,
      known: host.known,
      apply: host.apply,
      outline: () => this.outline,
      task: () => this.task(),
      redraw: (spot) => this.draw(spot),
    });
  }

  private get outline(): Outline {
    return outlineOf(this.host.view.state);
  }

  task(): Task | null {
    return this.outline.byRef.get(this.ref) ?? null;
  }

  /** What is being typed goes into the document now. */
  flush(): void {
    this.controls.flush();
  }

  /** The heading, where nothing else can have the focus any more. */
  focus(): void {
    this.box.querySelector<HTMLElement>("h2")?.focus();
  }

  /** Draws the form for the text as it is; the focus stays where it was, or goes to `wanted`. */
  draw(wanted?: string): void {
    if (this.box.offsetParent === null && this.box.childElementCount > 0) return;
    // An open menu would close under the pointer; closing it draws.
    if (this.box.querySelector(":popover-open")) return;
    this.flush();
    const active = document.activeElement;
    const inside = active instanceof HTMLElement && this.box.contains(active) ? active : null;
    const top = this.box.scrollTop;
    const task = this.task();
    this.box.replaceChildren(task ? this.taskForm(task) : this.workflowForm());
    this.box.scrollTop = top;
    if (wanted) this.goTo(wanted);
    else if (inside) this.keepFocus(inside);
  }

  /** A control by its name; the one to add with where a row is gone. */
  private spot(name: string): HTMLElement | undefined {
    const all = [...this.box.querySelectorAll<HTMLElement>("[data-spot]")];
    const named = (wanted: string) => all.find((one) => one.dataset["spot"] === wanted);
    return named(name) ?? named(name.replace(/#.*$/, ":add"));
  }

  private goTo(name: string): void {
    const found = this.spot(name);
    found?.focus();
    if (found && isTyped(found)) found.select();
  }

  /** The same control of the new form, with what was being typed in it. */
  private keepFocus(before: HTMLElement): void {
    const after = this.spot(before.dataset["spot"] ?? "");
    if (!after || after.matches(":disabled")) return this.focus();
    after.focus({ preventScroll: true });
    if (!isTyped(before) || !isTyped(after)) return;
    // What no field can take yet is not in the document, so it would be lost.
    if (before.getAttribute("aria-invalid") === "true") {
      after.value = before.value;
      after.setAttribute("aria-invalid", "true");
    }
    if (after.type !== "checkbox") after.setSelectionRange(before.selectionStart, before.selectionEnd);
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
        element("h2", { tabindex: "-1" }, "Workflow"),
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
        element("h2", { tabindex: "-1" }, task.ref || task.name || task.type),
        element("span", { class: "tag" }, task.type),
        this.close(),
      ),
      type ? element("p", { class: "small muted" }, `${type.doc}.`) : null,
      this.tools(task),
      this.refField(task),
      shown.has("name") ? null : this.controls.field(NAME, task.value),
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
      button.addEventListener("click", () => {
        this.flush();
        run();
      });
      bar.append(button);
    };
    const { state } = this.host.view;
    const can = (direction: -1 | 1) => moveTask(state, this.outline, task, direction).length > 0;
    tool("↑", "Move up", () => this.host.command("up"), can(-1), "icon-only");
    tool("↓", "Move down", () => this.host.command("down"), can(1), "icon-only");
    tool("+ Before", "Add a task before it", () => this.host.add(`before:${this.ref}`));
    tool("+ After", "Add a task after it", () => this.host.add(placeAfter(this.outline, this.task())));
    bar.append(...this.menu(task));
    tool("Remove", "Remove the task", () => this.host.command("remove"), true, "danger");
    return bar;
  }

  private menu(task: Task): HTMLElement[] {
    const id = "task-menu";
    const button = element(
      "button",
      { type: "button", class: "button small", popovertarget: id, "aria-haspopup": "menu" },
      "More",
    );
    button.dataset["spot"] = "tool:more";
    const list = element("div", { class: "menu-list", id, popover: true });
    list.addEventListener("toggle", () => {
      if (!list.matches(":popover-open") && list.isConnected) this.draw();
    });
    for (const [name, words] of Object.entries(MENU)) {
      const isJoin = task.type === "JOIN" && name !== "copy" && name !== "duplicate";
      if (isJoin) continue;
      const choice = element("button", { type: "button" }, words);
      choice.addEventListener("click", () => {
        list.hidePopover();
        this.flush();
        this.host.command(name as Command);
      });
      list.append(choice);
    }
    return [button, list];
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
      // Drawing the form now would take the focus from the field that Tab leads to.
      this.ref = wanted;
      this.host.renamed(wanted);
      this.host.apply(changes);
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
    return fields.map((one) => this.controls.field(one, subject));
  }

  private inputRows(task: Task, fields: readonly Field[]): HTMLElement {
    const own = fields
      .map((one) => one.path.split("."))
      .filter(([first]) => first === "inputParameters")
      .map(([, name]) => name ?? "");
    const label = own.length > 0 ? "Other inputs" : "Input parameters";
    const value = child(task.value, "inputParameters");
    const doc = "What the task gets; ${…} reads from the execution";
    return this.controls.rows(label, doc, "inputParameters", value, own);
  }
}

const MENU: Partial<Record<Command, string>> = {
  duplicate: "Duplicate",
  copy: "Copy for another workflow",
  fork: "Put into a fork",
  loop: "Put into a loop",
  switch: "Put into a switch",
};

const NAME: Field = {
  path: "name",
  label: "Name",
  doc: "To read in the diagram",
  kind: "text",
  choices: [],
};

function isTyped(control: HTMLElement): control is HTMLInputElement | HTMLTextAreaElement {
  return control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement;
}
