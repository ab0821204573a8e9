// A file chosen or dropped goes into the text field it belongs to: the form sends text either way.

for (const box of document.querySelectorAll<HTMLElement>("[data-file]")) {
  const input = box.querySelector<HTMLInputElement>('input[type="file"]');
  const field = document.getElementById(box.dataset["file"] ?? "");
  if (!input || !(field instanceof HTMLTextAreaElement)) continue;
  box.hidden = false;
  const take = async (file: File | undefined) => {
    if (file) field.value = await file.text();
  };
  input.addEventListener("change", () => void take(input.files?.[0]));
  field.addEventListener("dragover", (event) => event.preventDefault());
  field.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    void take(file);
  });
}
