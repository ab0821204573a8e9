// The palette: which task to add, by group, with a search that the arrow keys walk through.

import type { Catalogue } from "./catalogue.js";
import { refOf } from "./commands.js";
import type { Json } from "./edits.js";
import { element } from "./elements.js";

interface Offer {
  group: string;
  title: string;
  type: string;
  doc: string;
  tasks: Json[];
}

const MOST_NAMES = 200;
const FEW_NAMES = 8;

function offersOf(known: Catalogue, copied: Json[]): Offer[] {
  const types = known.types
    .filter((one) => known.groups.includes(one.group))
    .map((one) => ({ ...one, tasks: one.starter }));
  const workers = Object.entries(known.workers).map(([name, doc]) => ({
    group: "Workers",
    title: name,
    type: "SIMPLE",
    doc: doc || "A task definition of this namespace",
    tasks: [{ name, taskReferenceName: `${name}_ref`, type: "SIMPLE", inputParameters: {} }],
  }));
  const workflows = known.workflows.map((name) => ({
    group: "Workflows",
    title: name,
    type: "SUB_WORKFLOW",
    doc: "Runs as a sub-workflow",
    tasks: [
      {
        name,
        taskReferenceName: `${name}_ref`,
        type: "SUB_WORKFLOW",
        inputParameters: {},
        subWorkflowParam: { name },
      },
    ],
  }));
  const again = copied.length > 0 ? [copyOf(copied)] : [];
  const order = ["Copied", "System", "Operators", "Waiting", "Workers", "Workflows"];
  return [...again, ...types, ...workers, ...workflows].sort(
    (one, other) => order.indexOf(one.group) - order.indexOf(other.group),
  );
}

function copyOf(tasks: Json[]): Offer {
  const type = (tasks[0] as { type?: string } | undefined)?.type ?? "SIMPLE";
  const doc = "The task you copied, under a new reference name";
  return { group: "Copied", title: refOf(tasks), type, doc, tasks };
}

/** Opens the palette; resolves to the tasks chosen, or null. */
export function choose(known: Catalogue, where: string, copied: Json[]): Promise<Json[] | null> {
  const offers = offersOf(known, copied);
  const input = element("input", {
    type: "search",
    placeholder: "Search tasks",
    "aria-label": "Search tasks",
    autocomplete: "off",
    "aria-controls": "palette-list",
  });
  const groups = ["All", ...new Set(offers.map((one) => one.group))];
  const filter = element("div", { class: "palette-groups", role: "group", "aria-label": "Groups" });
  const list = element("div", { class: "palette-list", id: "palette-list" });
  const close = element("button", { type: "button", class: "button quiet small" }, "Close");
  const dialog = element(
    "dialog",
    { class: "palette", "aria-label": "Add a task" },
    element(
      "header",
      {},
      element("h2", {}, "Add a task"),
      element("span", { class: "small muted" }, where),
      close,
    ),
    input,
    filter,
    list,
  );
  return new Promise((resolve) => {
    let group = "All";
    let answer: Json[] | null = null;
    const draw = () => {
      const word = input.value.trim().toLowerCase();
      const matches = offers.filter(
        (one) =>
          (group === "All" || one.group === group) &&
          `${one.title} ${one.type} ${one.doc}`.toLowerCase().includes(word),
      );
      list.replaceChildren(...groupsOf(matches, word === "" && group === "All", take));
      if (matches.length === 0) {
        list.append(element("p", { class: "muted" }, `Nothing is called “${input.value}”.`));
      }
    };
    const take = (offer: Offer) => {
      answer = offer.tasks;
      dialog.close();
    };
    for (const name of groups) {
      const button = element("button", { type: "button", class: "check" }, name);
      button.setAttribute("aria-pressed", String(name === group));
      button.addEventListener("click", () => {
        group = name;
        for (const one of filter.children) one.setAttribute("aria-pressed", String(one === button));
        draw();
      });
      filter.append(button);
    }
    input.addEventListener("input", draw);
    dialog.addEventListener("keydown", (event) => walk(event, input, list));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    draw();
    dialog.showModal();
    input.focus();
  });
}

function groupsOf(matches: Offer[], isOverview: boolean, take: (offer: Offer) => void): Node[] {
  const found: Node[] = [];
  for (const group of new Set(matches.map((one) => one.group))) {
    const inside = matches.filter((one) => one.group === group);
    // Of many names the first show what there is; searching finds the others.
    const shown = inside.slice(0, isOverview && /^Work/.test(group) ? FEW_NAMES : MOST_NAMES);
    found.push(element("h3", {}, group));
    const box = element("div", { class: "palette-offers" });
    for (const offer of shown) {
      const button = element(
        "button",
        { type: "button", class: "offer" },
        element(
          "span",
          { class: "offer-title" },
          element("strong", {}, offer.title),
          element("span", { class: "tag" }, offer.type),
        ),
        element("span", { class: "small muted" }, offer.doc),
      );
      button.addEventListener("click", () => take(offer));
      box.append(button);
    }
    found.push(box);
    if (inside.length > shown.length) {
      const rest = inside.length - shown.length;
      found.push(element("p", { class: "small muted" }, `and ${rest} more: search for them`));
    }
  }
  return found;
}

/** Arrows go through the offers, Enter in the search takes the first. */
function walk(event: KeyboardEvent, input: HTMLInputElement, list: HTMLElement): void {
  const offers = [...list.querySelectorAll<HTMLElement>(".offer")];
  const at = offers.indexOf(document.activeElement as HTMLElement);
  if (event.key === "Enter" && document.activeElement === input) {
    event.preventDefault();
    offers[0]?.click();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    (offers[at + 1] ?? offers[0])?.focus();
  } else if (event.key === "ArrowUp") {
    event.preventDefault();
    (at <= 0 ? input : offers[at - 1])?.focus();
  }
}
