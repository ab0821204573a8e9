// The theme form answers at once; the server keeps the choice in a cookie for the next page.

export function themeSwitch(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = (event as SubmitEvent).submitter;
    if (!(form instanceof HTMLFormElement) || !form.matches(".theme")) return;
    if (!(button instanceof HTMLButtonElement)) return;
    event.preventDefault();
    document.documentElement.dataset["theme"] = button.value;
    for (const other of form.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    const body = new URLSearchParams([...new FormData(form)].map(([k, v]) => [k, String(v)]));
    body.set(button.name, button.value);
    // It arrives even if the next page is asked for at once.
    void fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true });
  });
}
