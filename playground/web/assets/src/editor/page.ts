// Puts the editor together: text, picture, form, findings, draft, saving; one place to look at for
// what happens when.

import { redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { toast } from "../copy.js";
import { catalogue, knownCatalogue } from "./catalogue.js";
import type { Answer, Note } from "./check.js";
import { Checker, countWords, diagnostics, factsWords } from "./check.js";
import type { Command } from "./commands.js";
import { carryOut, copied, refOf } from "./commands.js";
import { completionSource } from "./completion.js";
import { ago, Drafts } from "./draft.js";
import { dragTasks, moveTo } from "./dragging.js";
import type { Change, Json } from "./edits.js";
import { addTasks, jsonOf, placeAfter, withNewRefs } from "./edits.js";
import { element } from "./elements.js";
import { TaskForm } from "./form.js";
import { outlineOf } from "./outline.js";
import { choose } from "./palette.js";
import { Picture } from "./picture.js";
import { download, pictureOf, pngOf } from "../picture.js";
import { Saving } from "./saving.js";
import { Session } from "./session.js";
import { createText, markTask } from "./text.js";
import { format, tidy } from "./tidy.js";

const wide = matchMedia("(min-width: 1000px)");
const DRAWING_MS = 120;

export function openEditor(root: HTMLElement): void {
  new Editor(root).open();
}

class Editor {
  private readonly area = byId<HTMLTextAreaElement>("definition");
  private readonly form = byId<HTMLFormElement>("pane-json");
  private readonly words = byId("words");
  private readonly drafts: Drafts;
  private readonly checker: Checker;
  private readonly view: EditorView;
  private readonly taskForm: TaskForm;
  private readonly picture: Picture;
  private readonly saving: Saving;
  private saved: string;
  private selected = "";
  private notes: Note[] = [];
  private leaving = false;
  /** The cursor is being moved by the page: what follows from moving it does not. */
  private moving = false;
  private typing = false;
  private drawing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly root: HTMLElement) {
    this.saved = this.area.value;
    this.drafts = new Drafts(this.data("draft"));
    const session = new Session(this.data("csrf"), this.data("draft").split("/")[0] ?? "");
    this.checker = new Checker(
      this.data("check"),
      session,
      (answer) => this.show(answer),
      (words) => this.state("offline", words),
    );
    const place = element("div", { class: "text" });
    this.area.before(place);
    this.area.hidden = true;
    this.view = createText({
      parent: place,
      text: this.saved,
      nonce: this.data("nonce"),
      source: completionSource(() => catalogue(this.data("completions"))),
      extensions: EditorView.updateListener.of((update) => {
        if (update.docChanged) this.changed();
        if (update.selectionSet && !this.moving) this.follow();
      }),
    });
    this.taskForm = new TaskForm(byId("pane-task"), {
      view: this.view,
      known: knownCatalogue,
      apply: (changes, typing) => this.apply(changes, typing ?? false),
      select: (ref) => this.select(ref, true),
      renamed: (ref) => (this.selected = ref),
      add: (where) => void this.add(where),
      command: (name) => this.command(name, this.selected, false),
      say: toast,
    });
    this.picture = new Picture(byId("picture"), {
      select: (ref, byKey) => this.opened(ref, byKey),
      add: (where) => void this.add(where),
      command: (name, ref) => this.command(name, ref, true),
      paste: (ref, tasks) => this.insert(this.after(ref), tasks),
      textOf: (ref) => this.jsonText(ref),
    });
    this.saving = new Saving({
      form: this.form,
      session,
      text: () => this.text,
      refused: () => this.refused(),
      leaving: () => this.keep(),
      // The browser gives the focus back to where it was; the text has it where that is gone.
      closed: () => {
        if (document.activeElement === document.body) this.view.focus();
      },
      say: toast,
    });
  }

  open(): void {
    this.root.dataset["ready"] = "";
    this.listen();
    this.offerDraft();
    this.taskForm.draw();
    void catalogue(this.data("completions")).then(
      () => this.taskForm.draw(),
      () => undefined,
    );
    void this.checker.now(this.text);
    this.updateState();
  }

  private data(name: string): string {
    return this.root.dataset[name] ?? "";
  }

  private get text(): string {
    return this.view.state.doc.toString();
  }

  private get dirty(): boolean {
    return this.text !== this.saved;
  }

  // Changes

  private changed(): void {
    this.checker.soon(() => this.text);
    if (this.dirty) this.drafts.soon(() => this.text);
    else this.drafts.forget();
    this.updateState();
    // While somebody types in the form it shows what they type already.
    if (!this.typing) this.drawSoon();
  }

  private drawSoon(): void {
    clearTimeout(this.drawing);
    this.drawing = setTimeout(() => this.taskForm.draw(), DRAWING_MS);
  }

  /** All changes are one step to undo; typing in one field is, as long as nobody pauses. */
  private apply(changes: Change[], typing: boolean): void {
    const real = changes.filter(
      ({ from, to, insert }) => this.view.state.sliceDoc(from, to) !== insert,
    );
    if (real.length > 0) {
      this.typing = typing;
      this.moving = true;
      this.view.dispatch({ changes: real, userEvent: typing ? "input.type.form" : "input.form" });
      this.moving = false;
      this.typing = false;
      this.mark();
    }
    if (!typing) this.drawSoon();
  }

  private travel(step: (view: EditorView) => boolean): void {
    this.taskForm.flush();
    step(this.view);
    this.taskForm.draw();
  }

  private command(name: Command, ref: string, inPicture: boolean): void {
    const outline = outlineOf(this.view.state);
    const task = outline.byRef.get(ref);
    if (!task) return;
    const outcome = carryOut(name, this.view.state, outline, task);
    if (inPicture) this.picture.focusNext(outcome.ref);
    this.apply(outcome.changes, false);
    if (outcome.changes.length > 0) {
      void this.checker.now(this.text);
      this.select(outcome.ref, true);
      if (!inPicture && outcome.ref !== ref) this.taskForm.focus();
    }
    if (outcome.say) toast(outcome.say);
  }

  private jsonText(ref: string): string {
    const outline = outlineOf(this.view.state);
    const task = outline.byRef.get(ref);
    const found = task ? jsonOf(this.view.state, outline, task) : [];
    return found.length === 1 ? format(found[0]) : found.length > 1 ? format(found) : "";
  }

  private updateState(): void {
    if (this.dirty) this.state("changed", "Unsaved changes");
    else if (this.saved === "" || !byName(this.form, "base_version")) this.state("new", "Not saved yet");
    else this.state("saved", "Saved");
    this.button("undo").disabled = undoDepth(this.view.state) === 0;
    this.button("redo").disabled = redoDepth(this.view.state) === 0;
  }

  private button(action: string): HTMLButtonElement {
    const found = this.root.querySelector<HTMLButtonElement>(`[data-do="${action}"]`);
    if (!found) throw new Error(`no button ${action}`);
    return found;
  }

  private state(state: string, words: string): void {
    const element = byId("edit-state");
    element.dataset["state"] = state;
    if (element.textContent !== words) element.textContent = words;
  }

  // Selection: node ↔ lines ↔ form

  private select(ref: string, move: boolean): void {
    this.selected = ref;
    this.taskForm.ref = ref;
    this.taskForm.draw();
    this.mark();
    const task = outlineOf(this.view.state).byRef.get(ref);
    if (move && task) {
      this.moving = true;
      this.view.dispatch({
        selection: { anchor: task.value.from },
        effects: EditorView.scrollIntoView(task.value.from, { y: "start", yMargin: 60 }),
      });
      this.moving = false;
    }
  }

  /** The cursor went somewhere: its task is the one that is selected. */
  private follow(): void {
    const task = outlineOf(this.view.state).at(this.view.state.selection.main.head);
    const ref = task?.ref ?? "";
    if (ref === this.selected) return;
    setTimeout(() => this.select(ref, false));
  }

  private mark(): void {
    const task = outlineOf(this.view.state).byRef.get(this.selected);
    this.moving = true;
    markTask(this.view, task ? task.value : null);
    this.moving = false;
    this.picture.mark(this.selected);
  }

  /** A task was opened in the picture or in the words. */
  private opened(ref: string, byKey: boolean): void {
    this.select(ref, true);
    if (!wide.matches) this.tab("task");
    else if (!byKey && this.root.dataset["tab"] === "json") this.view.focus();
  }

  private tab(name: string): void {
    this.root.dataset["tab"] = name;
    for (const tab of this.root.querySelectorAll<HTMLElement>('[role="tab"]')) {
      const isIt = tab.dataset["tab"] === name;
      tab.setAttribute("aria-selected", String(isIt));
      tab.tabIndex = isIt ? 0 : -1;
    }
    if (name === "json") this.view.requestMeasure();
    if (name === "task") this.taskForm.draw();
  }

  // What the server says

  private show(answer: Answer): void {
    this.notes = answer.notes;
    this.view.dispatch(setDiagnostics(this.view.state, diagnostics(answer.notes, this.text.length)));
    if (answer.svg !== null) {
      this.picture.draw(answer.svg, answer.notes);
      this.tell(answer);
    }
    this.picture.stale(answer.svg === null);
    if (answer.facts) {
      byId("facts").textContent = factsWords(answer.facts);
      if (answer.facts.name) byId("editor-name").textContent = answer.facts.name;
    }
    this.list();
    if (byId("edit-state").dataset["state"] === "offline") this.updateState();
  }

  /** The definition in plain words, beside its picture. */
  private tell(answer: Answer): void {
    replaceHtml(byId("words-brief"), answer.brief);
    const body = byId("words-body");
    const top = body.firstElementChild?.scrollTop ?? 0;
    replaceHtml(body, answer.words);
    if (body.firstElementChild) body.firstElementChild.scrollTop = top;
  }

  private list(): void {
    const worst = this.notes[0]?.severity ?? "none";
    const count = byId("findings-count");
    const words = countWords(this.notes);
    if (count.textContent?.trim() !== words) count.textContent = words;
    count.dataset["worst"] = worst === "hint" ? "none" : worst;
    byId("findings-list").replaceChildren(...this.notes.map((note) => this.item(note)));
  }

  private item(note: Note): HTMLElement {
    const link = element(
      "a",
      { href: "#definition" },
      element("span", { class: "severity" }, note.severity),
      element("span", { class: "line" }, `Line ${note.line}:${note.column}`),
      note.ref ? element("code", {}, note.ref) : null,
      element("span", {}, note.message),
    );
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.jump(note);
    });
    const item = element("li", {}, link);
    item.dataset["severity"] = note.severity;
    return item;
  }

  private jump(note: Note): void {
    if (note.ref) this.select(note.ref, false);
    this.tab("json");
    const at = Math.min(note.start, this.text.length);
    this.moving = true;
    this.view.dispatch({
      selection: { anchor: at },
      effects: EditorView.scrollIntoView(at, { y: "center" }),
    });
    this.moving = false;
    this.view.focus();
  }

  // Adding

  private after(ref: string): string {
    const outline = outlineOf(this.view.state);
    return placeAfter(outline, outline.byRef.get(ref) ?? null);
  }

  private async add(where: string): Promise<void> {
    this.taskForm.flush();
    const known = await catalogue(this.data("completions")).catch(() => null);
    if (!known) return toast("The list of tasks cannot be reached");
    const inPicture = this.picture.hasFocus;
    const chosen = await choose(known, wordsOf(where), copied());
    if (!chosen) return;
    const ref = this.insert(where, chosen);
    if (inPicture) this.picture.focusNext(ref);
    else if (this.root.dataset["tab"] === "task") this.taskForm.focus();
  }

  private insert(where: string, chosen: Json[]): string {
    const outline = outlineOf(this.view.state);
    const tasks = withNewRefs(outline, chosen);
    const changes = addTasks(this.view.state, outline, where, tasks);
    if (changes.length === 0) {
      toast("That place is not there any more");
      return "";
    }
    this.apply(changes, false);
    void this.checker.now(this.text);
    this.select(refOf(tasks), true);
    if (!wide.matches) this.tab("task");
    return refOf(tasks);
  }

  // Saving and leaving

  private save(): void {
    this.taskForm.flush();
    this.area.value = this.text;
    void this.saving.begin();
  }

  private async refused(): Promise<void> {
    await this.checker.now(this.text);
    byId<HTMLDetailsElement>("findings").open = true;
    toast("It cannot be saved like this: see the findings");
  }

  private keep(): void {
    this.drafts.keep(this.text);
    this.leaving = true;
    try {
      sessionStorage.setItem("editor:cursor", String(this.view.state.selection.main.head));
    } catch {
      // Then the cursor is at the beginning.
    }
  }

  private offerDraft(): void {
    const wasSaved = this.data("saved") !== "0";
    const draft = this.drafts.read();
    if (wasSaved) {
      this.drafts.forget();
      new Drafts(`${this.data("draft").split("/")[0]}//0`).forget();
      const at = Number(sessionStorage.getItem("editor:cursor") ?? 0);
      this.view.dispatch({ selection: { anchor: Math.min(at, this.text.length) }, scrollIntoView: true });
      return;
    }
    if (!draft || draft.text === this.saved) return;
    byId("draft-time").textContent = ago(draft.at);
    byId("draft-offer").hidden = false;
  }

  private do(action: string): void {
    const name = outlineName(this.view) || "workflow";
    const { svg } = this.picture;
    if (action === "save") this.save();
    else if (action === "palette") void this.add(this.after(this.selected));
    else if (action === "undo") this.travel(undo);
    else if (action === "redo") this.travel(redo);
    else if (action === "keys") byId<HTMLDialogElement>("editor-keys").showModal();
    else if (action === "download") download(`${name}.json`, json(this.text));
    else if (action === "svg" && svg) {
      download(`${name}.svg`, new Blob([pictureOf(svg)], { type: "image/svg+xml" }));
    } else if (action === "png" && svg) {
      void pngOf(svg).then((png) => png && download(`${name}.png`, png));
    } else if (action === "tidy") this.tidy();
    else if (action === "reset") this.replace(this.saved, "What is saved is back. Ctrl Z returns to yours.");
    else if (action === "restore") {
      const draft = this.drafts.read();
      if (draft) this.replace(draft.text, "Your changes are back");
      byId("draft-offer").hidden = true;
    } else if (action === "discard") {
      this.drafts.forget();
      byId("draft-offer").hidden = true;
    }
  }

  private tidy(): void {
    try {
      this.replace(tidy(this.text), "Tidy");
    } catch {
      toast("The JSON has to be whole for that");
    }
  }

  private replace(text: string, words: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    toast(words);
  }

  // Events

  private listen(): void {
    this.form.addEventListener("submit", (event) => {
      this.area.value = this.text;
      if ((event as SubmitEvent).submitter?.dataset["do"] !== "save") this.leaving = true;
    });
    this.root.addEventListener("click", (event) => {
      const target = event.target as Element;
      const action = target.closest<HTMLElement>("[data-do]")?.dataset["do"];
      if (action === "run") {
        if (!this.dirty) return;
        event.preventDefault();
        toast("Save first: a run uses what is saved");
        this.save();
      } else if (action) {
        event.preventDefault();
        this.do(action);
        target.closest<HTMLElement>("[popover]")?.hidePopover();
      }
      const tab = target.closest<HTMLElement>('[role="tab"]')?.dataset["tab"];
      if (tab) this.tab(tab);
    });
    this.words.addEventListener("click", (event) => this.sentence(event));
    dragTasks(byId("picture"), (ref, where) => this.moved(ref, where));
    this.root.querySelector('[role="tablist"]')?.addEventListener("keydown", (event) => {
      const { key } = event as KeyboardEvent;
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      const tabs = [...this.root.querySelectorAll<HTMLElement>('[role="tab"]')].filter(
        (one) => one.offsetParent !== null,
      );
      const at = tabs.findIndex((one) => one.getAttribute("aria-selected") === "true");
      const next = tabs.at((at + (key === "ArrowRight" ? 1 : -1)) % tabs.length);
      next?.click();
      next?.focus();
    });
    // Before CodeMirror and the browser: what these keys do is the same everywhere in the editor.
    document.addEventListener("keydown", (event) => this.pressed(event), { capture: true });
    this.root.querySelector("[data-version] select")?.addEventListener("change", (event) => {
      (event.target as HTMLSelectElement).form?.submit();
    });
    addEventListener("beforeunload", (event) => {
      if (this.dirty && !this.leaving) event.preventDefault();
    });
    addEventListener("pagehide", () => {
      if (this.dirty) this.drafts.keep(this.text);
    });
  }

  private moved(ref: string, where: string): void {
    const apply = (changes: Change[]) => this.apply(changes, false);
    if (!moveTo(this.view, ref, where, apply)) return toast("It cannot go there");
    void this.checker.now(this.text);
    this.select(ref, true);
  }

  private pressed(event: KeyboardEvent): void {
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "F6") {
      event.preventDefault();
      return this.nextPane(event.shiftKey ? -1 : 1);
    }
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const inText = this.view.hasFocus;
    const key = `${event.shiftKey ? "shift " : ""}${event.key.toLowerCase()}`;
    const action = KEYS[key] ?? (inText ? undefined : KEYS_OUTSIDE_TEXT[key]);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    // What is new has nothing to run yet.
    this.root.querySelector<HTMLElement>(`[data-do="${action}"]`)?.click();
  }

  /** Text or form, picture, findings, and round again. */
  private nextPane(step: 1 | -1): void {
    const isForm = this.root.dataset["tab"] === "task";
    const panes = [
      { box: this.root.querySelector(isForm ? "#pane-task" : "#pane-json"), go: () => this.focusText() },
      { box: byId("pane-diagram"), go: () => this.focusPicture() },
      { box: byId("findings"), go: () => byId("findings").querySelector("summary")?.focus() },
    ];
    const at = panes.findIndex((one) => one.box?.contains(document.activeElement));
    const next = panes.at(at < 0 ? 0 : (at + step) % panes.length);
    next?.go();
  }

  private focusText(): void {
    if (!wide.matches && this.root.dataset["tab"] === "diagram") this.tab("json");
    if (this.root.dataset["tab"] === "task") this.taskForm.focus();
    else this.view.focus();
  }

  private focusPicture(): void {
    if (!wide.matches) this.tab("diagram");
    this.picture.focus();
  }

  private sentence(event: MouseEvent): void {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a.sentence");
    const ref = link?.title;
    if (ref === undefined) return;
    event.preventDefault();
    this.opened(ref, event.detail === 0);
  }
}

const KEYS: Record<string, string> = { s: "save", e: "run", enter: "palette" };
const KEYS_OUTSIDE_TEXT: Record<string, string> = { z: "undo", "shift z": "redo", y: "redo" };

/** Our own server's HTML: it escapes every text itself. */
function replaceHtml(box: HTMLElement, html: string): void {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  box.replaceChildren(...[...body.childNodes].map((one) => document.adoptNode(one)));
}

function wordsOf(where: string): string {
  const [kind = "", ...rest] = where.split(":");
  if (kind === "before" || kind === "after") return `${kind} ${rest.join(":")}`;
  return { branch: "in this branch", case: "in this case", loop: "in this loop" }[kind] ?? "at the end";
}

function outlineName(view: EditorView): string {
  const root = outlineOf(view.state).root;
  return root?.entries.find((one) => one.key === "name")?.value?.text ?? "";
}

function json(text: string): Blob {
  return new Blob([text], { type: "application/json" });
}

function byName(form: HTMLFormElement, name: string): boolean {
  const field = form.elements.namedItem(name);
  return field instanceof HTMLInputElement && field.value !== "0";
}

function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found as T;
}
