// Links and filters inside one page change it in place: the new page is fetched and morphed in,
// so focus and scroll stay. Anything unexpected falls back to a normal visit.

import { morph } from "./morph.js";

let latest = 0;

/** Fetch `url` and morph its <main>; resolves to false when the browser navigates instead. */
export async function show(url: URL, push: boolean): Promise<boolean> {
  const mine = ++latest;
  try {
    const page = await fetchPage(url);
    if (mine !== latest) return true;
    if (push) history.pushState(null, "", url);
    apply(page);
    return true;
  } catch {
    if (push) location.assign(url);
    return false;
  }
}

export async function fetchPage(url: URL): Promise<Document> {
  const response = await fetch(url, { headers: { Accept: "text/html" }, redirect: "error" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok || !page.querySelector("main")) throw new Error(`${response.status}`);
  return page;
}

export function apply(page: Document): void {
  const [current, next] = [document.querySelector("main"), page.querySelector("main")];
  if (!current || !next) return;
  // Let the browser show local times once, not first the server's and then ours.
  morph(current, document.adoptNode(next));
  const meters = [document.querySelector(".meter"), page.querySelector(".meter")];
  if (meters[0] && meters[1]) morph(meters[0], document.adoptNode(meters[1]));
  document.title = page.title;
  document.dispatchEvent(new CustomEvent("playground:morphed"));
}

export function inPlaceNavigation(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest<HTMLAnchorElement | SVGAElement>(
      "[data-in-place] a[href]:not([target], [download], [data-leave]), a[data-in-place]",
    );
    const url = link && urlOf(link);
    if (!url || url.pathname !== location.pathname || url.origin !== location.origin) return;
    // A place on this very page: the browser goes there, and opens what it is folded into.
    if (url.hash && url.search === location.search) return;
    event.preventDefault();
    const reveal = link.closest("[data-reveal]")?.getAttribute("data-reveal");
    void show(url, true).then((shown) => {
      if (shown && reveal) revealIfHidden(document.getElementById(reveal));
    });
  });
  document.addEventListener("change", (event) => {
    const field = event.target as Element;
    const form = field.closest<HTMLFormElement>("form[data-auto]");
    if (form && field.matches("select, [type=checkbox], [type=radio]")) {
      void show(withFields(new URL(form.action), form), true);
      return;
    }
    if (field instanceof HTMLSelectElement && field.dataset["load"]) {
      const url = new URL(field.dataset["load"], location.href);
      url.searchParams.set(field.name, field.value);
      void show(url, true);
    }
  });
  addEventListener("popstate", () => {
    void show(new URL(location.href), false).then((shown) => {
      if (!shown) location.reload();
    });
  });
}

/** On a phone the panel is below the diagram; where any of it is in view, nothing moves. */
function revealIfHidden(element: HTMLElement | null): void {
  if (!element) return;
  const { top, bottom } = element.getBoundingClientRect();
  if (top > innerHeight * 0.8 || bottom < 80) element.scrollIntoView({ behavior: "smooth" });
}

function urlOf(link: HTMLAnchorElement | SVGAElement): URL | null {
  const href = link.getAttribute("href");
  return href === null ? null : new URL(href, location.href);
}

function withFields(url: URL, form: HTMLFormElement): URL {
  url.search = "";
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value !== "") url.searchParams.append(name, value);
  }
  return url;
}
