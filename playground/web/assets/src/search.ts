// The search pages: a query that completes itself, one tick for a whole page of executions.

const OPERATORS = ["=", "!=", "IN (", ">", "<", ">=", "<="];

interface Completion {
  /** Where the word being typed begins. */
  from: number;
  words: string[];
}

/** What can stand where the caret is: a field, an operator, a value, or AND. */
export function completions(
  text: string,
  fields: readonly string[],
  values: (field: string) => readonly string[],
): Completion {
  const clause = /(?:^|\sAND\s+)((?:"[^"]*"|'[^']*'|(?!\sAND\s).)*)$/i.exec(text);
  const said = clause?.[1] ?? "";
  const start = text.length - said.length;
  const parts = /^(\s*)([\w.-]*)(\s*)(!=|>=|<=|=|>|<|IN\s*\(?)?(\s*)(.*)$/is.exec(said);
  if (!parts) return { from: text.length, words: [] };
  const [, blank = "", field = "", space = "", operator = "", gap = "", value = ""] = parts;
  const begins = (typed: string) => (word: string) =>
    word.toLowerCase().startsWith(typed.toLowerCase()) && word !== typed;
  if (!operator && !space) {
    return { from: start + blank.length, words: fields.filter(begins(field)) };
  }
  if (!operator) return { from: text.length - value.length, words: OPERATORS.filter(begins(value)) };
  const typed = /[^,(\s"']*$/.exec(value)?.[0] ?? "";
  const ended = /[^\s]\s+$/.test(gap + value) && !operator.toUpperCase().startsWith("IN");
  if (ended) return { from: text.length, words: ["AND "] };
  return { from: text.length - typed.length, words: values(field).filter(begins(typed)) };
}

function listed(id: string): string[] {
  const list = document.getElementById(id);
  return list instanceof HTMLDataListElement ? [...list.options].map((one) => one.value) : [];
}

function queryCompletion(field: HTMLInputElement): void {
  const fields = (field.dataset["fields"] ?? "").split(" ");
  const statuses = (field.dataset["statuses"] ?? "").split(" ");
  const values = (name: string): string[] => {
    if (name === "status") return statuses;
    if (name === "workflowType" || name === "workflowName") return listed("workflows").concat(listed("names"));
    return name === "taskDefName" ? listed("names") : [];
  };
  const list = document.createElement("ul");
  list.className = "completions";
  list.id = "query-completions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  list.hidden = true;
  field.after(list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");
  let from = 0;
  let chosen = -1;

  function close(): void {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function choose(at: number): void {
    chosen = at;
    for (const [index, item] of [...list.children].entries()) {
      item.setAttribute("aria-selected", String(index === at));
      if (index === at) {
        field.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    }
  }
  function take(word: string): void {
    const rest = field.value.slice(field.selectionStart ?? field.value.length);
    const head = field.value.slice(0, from) + word + (word.endsWith(" ") || word.endsWith("(") ? "" : " ");
    field.value = head + rest;
    field.setSelectionRange(head.length, head.length);
    field.focus();
    open();
  }
  function open(): void {
    const caret = field.selectionStart ?? field.value.length;
    const found = completions(field.value.slice(0, caret), fields, values);
    from = found.from;
    list.replaceChildren(
      ...found.words.slice(0, 12).map((word, at) => {
        const item = document.createElement("li");
        item.id = `query-completion-${at}`;
        item.setAttribute("role", "option");
        item.textContent = word;
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(word);
        });
        return item;
      }),
    );
    list.hidden = found.words.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(-1);
  }
  field.addEventListener("input", open);
  field.addEventListener("focus", open);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    const count = list.children.length;
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) return;
    if (list.hidden || count === 0) return;
    if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen - 1 + count) % count);
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0)
      take(list.children[chosen]?.textContent ?? "");
    else return;
    event.preventDefault();
  });
}

function tickAll(box: HTMLInputElement): void {
  const each = () =>
    document.querySelectorAll<HTMLInputElement>(`input[name="${box.dataset["tickAll"]}"]`);
  box.hidden = false;
  box.addEventListener("change", () => {
    for (const one of each()) one.checked = box.checked;
  });
}

function enrich(): void {
  const query = document.querySelector<HTMLInputElement>("input[data-fields]:not([role])");
  if (query) queryCompletion(query);
  for (const box of document.querySelectorAll<HTMLInputElement>("[data-tick-all][hidden]")) tickAll(box);
}

enrich();
document.addEventListener("playground:morphed", enrich);
// An open menu closes when the reader goes elsewhere, or with Escape.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.pop[open]")) {
    if (!open.contains(event.target as Node)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector<HTMLDetailsElement>("details.pop[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary")?.focus();
});
