// The language whose program was looked at last is the one that opens, on every page.

const KEY = "language";

export function languages(): void {
  document.addEventListener("change", (event) => {
    const label = (event.target as HTMLElement).dataset["language"];
    if (label) localStorage.setItem(KEY, label);
  });
  const open = () => {
    const last = localStorage.getItem(KEY);
    if (last === null) return;
    for (const one of document.querySelectorAll<HTMLInputElement>("input[data-language]")) {
      if (one.dataset["language"] === last) one.checked = true;
    }
  };
  open();
  document.addEventListener("playground:morphed", open);
}
