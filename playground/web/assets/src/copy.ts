// Buttons that copy the text of the element they name: <button data-copy="id">. They are hidden
// in the HTML, because without a script they could do nothing.

export function copyButtons(): void {
  document.documentElement.dataset["script"] = "on";
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset["copy"] ?? "");
    const text = source?.textContent?.trim() ?? "";
    void navigator.clipboard.writeText(text).then(
      () => toast("Copied"),
      () => toast("Your browser did not allow copying"),
    );
  });
}

export function toast(message: string): void {
  document.querySelector(".toast")?.remove();
  const element = document.createElement("output");
  element.className = "toast";
  element.textContent = message;
  document.body.append(element);
  setTimeout(() => element.remove(), 2400);
}
