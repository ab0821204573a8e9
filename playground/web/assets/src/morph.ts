// Makes an element look like another while keeping what the reader is using: the focus, open
// details, the scroll position, the text being typed. Children are compared place by place; where
// kind or id differ, the new one takes the place. What a script says itself is marked data-keep.

export function morph(from: Element, to: Element): void {
  if (from.isEqualNode(to) || from.hasAttribute("data-keep")) return;
  if (from instanceof HTMLInputElement) field(from, to as HTMLInputElement);
  attributes(from, to);
  if (from instanceof HTMLTextAreaElement || from instanceof HTMLSelectElement) {
    if (from === document.activeElement) return;
    // Options that leave a list one by one make it choose the next of them: note the choice first.
    const { value } = to as HTMLTextAreaElement | HTMLSelectElement;
    from.replaceChildren(...to.childNodes);
    if (from instanceof HTMLSelectElement) from.value = value;
    return;
  }
  const fresh = [...to.childNodes];
  for (const [at, next] of fresh.entries()) {
    const current = from.childNodes[at];
    if (current === undefined) from.append(next);
    else if (!alike(current, next)) current.replaceWith(next);
    else if (current instanceof Element) morph(current, next as Element);
    else if (current.nodeValue !== next.nodeValue) current.nodeValue = next.nodeValue;
  }
  while (from.childNodes.length > fresh.length) from.lastChild?.remove();
}

function alike(one: Node, other: Node): boolean {
  if (one.nodeName !== other.nodeName) return false;
  return !(one instanceof Element) || one.id === (other as Element).id;
}

/** What the reader typed or ticked stays, unless the server now says something else than before. */
function field(from: HTMLInputElement, to: HTMLInputElement): void {
  if (from.defaultChecked !== to.defaultChecked) from.checked = to.defaultChecked;
  if (from.defaultValue === to.defaultValue || from === document.activeElement) return;
  from.defaultValue = to.defaultValue;
  from.value = to.defaultValue;
}

function attributes(from: Element, to: Element): void {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isReaders(from, name)) from.removeAttribute(name);
  }
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value && !isReaders(from, name)) from.setAttribute(name, value);
  }
}

/** Attributes that the reader sets by using the page. */
function isReaders(element: Element, name: string): boolean {
  if (name === "open") return element instanceof HTMLDetailsElement;
  if (element instanceof SVGSVGElement && element.hasAttribute("data-zoomed")) {
    return name === "width" || name === "height" || name === "data-zoomed";
  }
  return element instanceof HTMLInputElement && name === "value";
}
