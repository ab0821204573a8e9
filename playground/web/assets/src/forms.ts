// JSON fields say at once whether they parse; forms marked data-confirm ask; a form is sent once.

export function formWarnings(): void {
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement && field.matches("[data-json]")) checkJSON(field);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
    const question = form.dataset["confirm"];
    if (question && !confirm(question)) {
      event.preventDefault();
      return;
    }
    if (form.method !== "post") return;
    // A second click while the first is on its way must not start a second run. The button stays
    // enabled until the form data is collected, or its own value would be missing.
    if (form.dataset["sent"] === "yes") {
      event.preventDefault();
      return;
    }
    form.dataset["sent"] = "yes";
    setTimeout(() => delete form.dataset["sent"], 3000);
  });
}

function checkJSON(field: HTMLTextAreaElement): void {
  let problem = "";
  if (field.value.trim() !== "") {
    try {
      JSON.parse(field.value);
    } catch (error) {
      problem = error instanceof Error ? error.message : "This is not JSON";
    }
  }
  field.setAttribute("aria-invalid", String(problem !== ""));
  const output = document.getElementById(field.dataset["json"] ?? "");
  if (output) output.textContent = problem;
}
