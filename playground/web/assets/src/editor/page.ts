// Puts the editor together: text, picture, form, findings, draft, saving; one place to look at for
// what happens when.

import { setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { toast } from "../copy.js";
import { catalogue, knownCatalogue } from "./catalogue.js";
import type { Answer, Note } from "./check.js";
import { Checker, countWords, diagnostics, factsWords } from "./check.js";
import { completionSource } from "./completion.js";
import { ago, Drafts } from "./draft.js";
import { dragTasks, moveTo } from "./dragging.js";
import type { Change, Json } from "./edits.js";
import { addTasks, format, withNewRefs } from "./edits.js";
import { element } from "./elements.js";
import { TaskForm } from "./form.js";
import { outlineOf } from "./outline.js";
import { choose } from "./palette.js";
import { download, pictureOf, pngOf } from "../picture.js";
import { createText, markTask } from "./text.js";

const wide = matchMedia("(min-width: 1000px)");

export function openEditor(root: HTMLElement): void {
  new Editor(root).open();
}

class Editor {
  private readonly area = byId<HTMLTextAreaElement>("definition");
  private readonly form = byId<HTMLFormElement>("pane-json");
  private readonly picture = byId("picture");
  private readonly drafts: Drafts;
  private readonly checker: Checker;
  private readonly view: EditorView;
  private readonly taskForm: TaskForm;
  private saved: string;
  private selected = "";
  private notes: Note[] = [];
  private leaving = false;
  /** The cursor is being moved by the page: what follows from moving it does not. */
  private moving = false;
  private quiet = false;
  private drawing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly root: HTMLElement) {
    this.saved = this.area.value;
    this.drafts = new Drafts(this.data("draft"));
    this.checker = new Checker(
      this.data("check"),
      this.data("csrf"),
      (answer) => this.show(answer),
      () => this.state("offline", "Not checked: the server cannot be reached"),
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
      apply: (changes, quiet) => this.apply(changes, quiet ?? false),
      select: (ref) => this.select(ref, true),
      add: (where) => void this.add(where),
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
    if (this.quiet) return;
    clearTimeout(this.drawing);
    this.drawing = setTimeout(() => this.taskForm.draw(), 120);
  }

  private apply(changes: Change[], quiet: boolean): void {
    if (changes.length === 0) return;
    this.quiet = quiet;
    this.moving = true;
    this.view.dispatch({ changes, userEvent: "input.form" });
    this.moving = false;
    this.quiet = false;
    this.mark();
  }

  private updateState(): void {
    if (this.dirty) this.state("changed", "Unsaved changes");
    else if (this.saved === "" || !byName(this.form, "base_version")) this.state("new", "Not saved yet");
    else this.state("saved", "Saved");
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
    for (const node of this.picture.querySelectorAll<SVGElement>("a.node")) {
      const isIt = this.selected !== "" && node.dataset["ref"] === this.selected;
      if (isIt && !node.hasAttribute("aria-current")) this.reveal(node);
      if (isIt) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
  }

  private reveal(node: SVGElement): void {
    const [inner, outer] = [node.getBoundingClientRect(), this.picture.getBoundingClientRect()];
    if (outer.height === 0) return;
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      const top = this.picture.scrollTop + inner.top - outer.top - outer.height / 3;
      this.picture.scrollTo({ top, behavior: "smooth" });
    }
  }

  private tab(name: string): void {
    this.root.dataset["tab"] = name;
    for (const tab of this.root.querySelectorAll<HTMLElement>('[role="tab"]')) {
      const isIt = tab.dataset["tab"] === name;
      tab.setAttribute("aria-selected", String(isIt));
      tab.tabIndex = isIt ? 0 : -1;
    }
    if (name === "json") this.view.requestMeasure();
  }

  // What the server says

  private show(answer: Answer): void {
    this.notes = answer.notes;
    this.view.dispatch(setDiagnostics(this.view.state, diagnostics(answer.notes, this.text.length)));
    if (answer.svg !== null) this.draw(answer.svg);
    this.picture.toggleAttribute("data-stale", answer.svg === null);
    if (answer.facts) {
      byId("facts").textContent = factsWords(answer.facts);
      if (answer.facts.name) byId("editor-name").textContent = answer.facts.name;
    }
    this.list();
    if (byId("edit-state").dataset["state"] === "offline") this.updateState();
  }

  private draw(svg: string): void {
    const fresh = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    const old = this.picture.querySelector("svg");
    if (!fresh) return;
    if (old?.hasAttribute("data-zoomed")) {
      // By its attribute: on a phone the pane may not be shown and then has no size.
      const scale = Number(old.getAttribute("width")) / old.viewBox.baseVal.width;
      const [, , width, height] = (fresh.getAttribute("viewBox") ?? "").split(" ").map(Number);
      fresh.setAttribute("data-zoomed", "");
      fresh.setAttribute("width", String(Math.round((width ?? 0) * scale)));
      fresh.setAttribute("height", String(Math.round((height ?? 0) * scale)));
    }
    const focused = document.activeElement;
    const spot = focused && this.picture.contains(focused) ? spotOf(focused) : null;
    this.picture.replaceChildren(document.adoptNode(fresh));
    const worst = new Map<string, string>();
    for (const { ref, severity } of this.notes) if (ref && !worst.has(ref)) worst.set(ref, severity);
    for (const node of this.picture.querySelectorAll<SVGElement>("a.node")) {
      const severity = worst.get(node.dataset["ref"] ?? "");
      if (severity && severity !== "hint") node.dataset["finding"] = severity;
    }
    if (spot) this.picture.querySelector<SVGElement>(spot)?.focus({ preventScroll: true });
    this.mark();
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

  private async add(where: string): Promise<void> {
    const known = await catalogue(this.data("completions")).catch(() => null);
    if (!known) return toast("The list of tasks cannot be reached");
    const chosen = await choose(known, wordsOf(where));
    if (chosen) this.insert(where, chosen);
  }

  private insert(where: string, chosen: Json[]): void {
    const outline = outlineOf(this.view.state);
    const tasks = withNewRefs(outline, chosen);
    const changes = addTasks(this.view.state, outline, where, tasks);
    if (changes.length === 0) return toast("That place is not there any more");
    this.apply(changes, false);
    const first = tasks[0] as { taskReferenceName?: string } | undefined;
    void this.checker.now(this.text);
    this.select(first?.taskReferenceName ?? "", true);
    if (!wide.matches) this.tab("task");
  }

  // Saving and leaving

  private async save(): Promise<void> {
    this.area.value = this.text;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) body.append(name, String(value));
    try {
      const answer = await fetch(this.form.action, { method: "POST", body });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const review = page.getElementById("review");
      if (review) return this.review(review);
      if (answer.status === 400) {
        await this.checker.now(this.text);
        byId<HTMLDetailsElement>("findings").open = true;
        return toast("It cannot be saved like this: see the findings");
      }
      throw new Error(`${answer.status}`);
    } catch {
      toast("Saving did not work: the server cannot be reached. Your text is kept here.");
    }
  }

  private review(content: HTMLElement): void {
    const dialog = element("dialog", { class: "review", "aria-label": "Save" });
    dialog.append(document.adoptNode(content));
    const cancel = dialog.querySelector("[data-cancel-save]");
    cancel?.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("submit", () => {
      this.drafts.keep(this.text);
      this.leaving = true;
      try {
        sessionStorage.setItem("editor:cursor", String(this.view.state.selection.main.head));
      } catch {
        // Then the cursor is at the beginning.
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      this.view.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector<HTMLElement>("[data-confirm-save]")?.focus();
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
    const svg = this.picture.querySelector("svg");
    if (action === "save") void this.save();
    else if (action === "palette") void this.add(this.nextPlace());
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

  /** After the selected task, else at the end. */
  private nextPlace(): string {
    return this.taskForm.placeAfter();
  }

  private tidy(): void {
    try {
      this.replace(format(JSON.parse(this.text)), "Tidy");
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
        void this.save();
      } else if (action) {
        event.preventDefault();
        this.do(action);
        target.closest<HTMLElement>("[popover]")?.hidePopover();
      }
      const tab = target.closest<HTMLElement>('[role="tab"]')?.dataset["tab"];
      if (tab) this.tab(tab);
    });
    this.picture.addEventListener("click", (event) => this.clicked(event));
    dragTasks(this.picture, (ref, where) => this.moved(ref, where));
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
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      const action = { s: "save", e: "run" }[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      this.root.querySelector<HTMLElement>(`[data-do="${action}"]`)?.click();
    });
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

  private clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const place = target.closest<SVGElement>("[data-insert]")?.dataset["insert"];
    const ref = target.closest<SVGElement>("a.node")?.dataset["ref"];
    if (place === undefined && ref === undefined) return;
    event.preventDefault();
    if (place !== undefined) return void this.add(place);
    this.select(ref ?? "", true);
    if (!wide.matches) this.tab("task");
    else if (event.detail > 0 && this.root.dataset["tab"] === "json") this.view.focus();
  }
}

function spotOf(focused: Element): string | null {
  const { ref, insert } = (focused as SVGElement).dataset;
  if (ref !== undefined) return `a.node[data-ref="${CSS.escape(ref)}"]`;
  return insert === undefined ? null : `[data-insert="${CSS.escape(insert)}"]`;
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
