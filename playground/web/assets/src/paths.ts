// A click on a key or value of a document says by which expression it is read: `${t.output.a[0]}`,
// to copy or to evaluate. Where keys are links already, those do the same.

const root = "[data-root]";
let card: HTMLElement | undefined;

function member(path: string, key: string, isItem: boolean): string {
  if (isItem) return `${path}[${key}]`;
  if (/^[A-Za-z0-9_-]+$/.test(key)) return `${path}.${key}`;
  return `${path}['${key.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;
}

/** The path of the innermost entry around an element, from the root of its document. */
export function pathOf(element: Element): string | undefined {
  const document = element.closest<HTMLElement>(root);
  if (!document) return undefined;
  const keys: [string, boolean][] = [];
  let entry = element.closest("li");
  while (entry && document.contains(entry)) {
    const label = entry.querySelector(":scope > .key, :scope > details > summary > .key");
    if (!label) return undefined;
    keys.unshift([label.textContent ?? "", entry.parentElement?.classList.contains("items") ?? false]);
    entry = entry.parentElement?.closest("li") ?? null;
  }
  return keys.reduce((path, [key, isItem]) => member(path, key, isItem), document.dataset["root"] ?? "");
}

function close(): void {
  card?.remove();
  card = undefined;
}

function show(at: Element, path: string): void {
  close();
  const expression = `\${${path}}`;
  card = document.createElement("div");
  card.className = "path-card";
  card.setAttribute("role", "status");
  const code = document.createElement("code");
  code.id = "path-of-value";
  code.textContent = expression;
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "button small";
  copy.dataset["copy"] = "path-of-value";
  copy.textContent = "Copy";
  const evaluate = document.createElement("a");
  evaluate.className = "button small";
  evaluate.href = `?tab=expressions&program=${encodeURIComponent(expression)}`;
  evaluate.textContent = "Evaluate";
  card.append(code, copy, evaluate);
  document.body.append(card);
  const place = at.getBoundingClientRect();
  card.style.top = `${place.bottom + scrollY + 4}px`;
  const room = document.documentElement.clientWidth - card.offsetWidth - 12;
  card.style.left = `${Math.max(12, Math.min(place.left, room)) + scrollX}px`;
}

export function pathsOfValues(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (card?.contains(target)) return;
    close();
    const value = target.closest(".key, .text, .value-number, .value-word");
    if (!value || value instanceof HTMLAnchorElement || getSelection()?.toString()) return;
    const path = pathOf(value);
    if (path === undefined) return;
    // A key in a summary says its path and leaves the entry as open as it is.
    event.preventDefault();
    show(value, path);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
}
