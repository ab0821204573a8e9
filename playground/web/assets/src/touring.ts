// Where the guided tour begins and goes on; the tour itself is fetched only by those who take it.

const KEY = "tour";

/** Take the tour from a button, and go on with it on the page that a step of it led to. */
export function touring(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-tour]");
    if (button) void begin(button.dataset["tour"] ?? "");
  });
  const next = sessionStorage.getItem(KEY);
  if (next === null) return;
  sessionStorage.removeItem(KEY);
  if (document.querySelector(".diagram-pane")) void begin(next);
}

async function begin(chapter: string): Promise<void> {
  const { takeTour } = await import("./tour.js");
  takeTour(chapter, () => sessionStorage.setItem(KEY, "execution"));
}
