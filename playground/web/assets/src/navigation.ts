// The groups of the navigation: which of them are folded is kept in a cookie, so that the next page
// comes as this one was left. What is current is in view.

const A_YEAR_SECONDS = 31_536_000;

export function navigation(): void {
  const nav = document.querySelector<HTMLElement>("[data-nav]");
  if (!nav) return;
  const folded = new Set((nav.dataset["nav"] ?? "").split(".").filter(Boolean));
  nav.addEventListener("click", (event) => {
    const group = (event.target as Element).closest("summary")?.parentElement;
    const name = group?.dataset["group"];
    if (!(group instanceof HTMLDetailsElement) || !name) return;
    // The click opens or closes it after this.
    if (group.open) folded.add(name);
    else folded.delete(name);
    const value = [...folded].join(".");
    document.cookie = `nav=${value}; path=${nav.dataset["path"]}; max-age=${A_YEAR_SECONDS}; samesite=lax`;
  });
  const current = nav.querySelector<HTMLElement>("[aria-current]");
  if (current && nav.scrollHeight > nav.clientHeight) {
    nav.scrollTop = current.offsetTop - nav.offsetTop - nav.clientHeight / 2;
  }
}
