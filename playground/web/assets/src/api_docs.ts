// API docs. Each operation's form is sent from here with a token of the person's own session: asked
// for when first needed, kept in this variable alone, gone with the page. The list is narrowed as
// one types; without a script its form does that on the server.

import { toast } from "./copy.js";

interface Held {
  token: string;
  until: number;
}

const SOON_MS = 30_000;
const MOST_SHOWN = 200_000;

let held: Held | undefined;
let sending: AbortController | undefined;

const query = <E extends Element>(selector: string, within: ParentNode = document): E | null =>
  within.querySelector<E>(selector);

interface Call {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

async function tokenOf(form: HTMLFormElement, anew = false): Promise<string> {
  if (!anew && held && held.until - performance.now() > SOON_MS) return held.token;
  const csrf = query<HTMLInputElement>("[name=csrf_token]", form)?.value ?? "";
  const response = await fetch(form.dataset["token"] ?? "", {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
    redirect: "error",
  });
  if (!response.ok) throw new Error("Your session has ended. Please sign in again.");
  const given = (await response.json()) as { token: string; expiresInSeconds: number };
  held = { token: given.token, until: performance.now() + given.expiresInSeconds * 1000 };
  return held.token;
}

/** What the form says, as path with query, headers and body. */
function callOf(form: HTMLFormElement): Call {
  let path = form.dataset["path"] ?? "";
  const search = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[data-place]")) {
    const value = field.value;
    if (field.dataset["place"] === "path") {
      path = path.replace(`{${field.name}}`, value ? encodeURIComponent(value) : `<${field.name}>`);
    } else if (value !== "" && field.dataset["place"] === "query") {
      search.append(field.name, value);
    } else if (value !== "") {
      headers[field.name] = value;
    }
  }
  const media = form.dataset["media"] ?? "";
  const text = query<HTMLTextAreaElement>("textarea[name=body]", form)?.value ?? "";
  const body = media !== "" && text !== "" ? text : undefined;
  if (body !== undefined) headers["Content-Type"] = media;
  return { path: path + (search.size ? `?${search}` : ""), headers, body };
}

function showCommand(form: HTMLFormElement): void {
  const command = document.getElementById("command");
  if (!command) return;
  const call = callOf(form);
  const url = (form.dataset["origin"] ?? "") + call.path;
  const parts = [`curl -i -X ${form.dataset["method"]} ${shell(url)}`];
  if (form.dataset["token"]) parts.push('-H "X-Authorization: $TOKEN"');
  for (const [name, value] of Object.entries(call.headers)) {
    parts.push(`-H ${shell(`${name}: ${value}`)}`);
  }
  if (call.body !== undefined) parts.push(`-d ${shell(call.body)}`);
  command.textContent = parts.join(" \\\n  ");
}

function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function send(form: HTMLFormElement): Promise<void> {
  sending?.abort();
  const mine = (sending = new AbortController());
  busy(form, true);
  try {
    const call = callOf(form);
    const needsToken = Boolean(form.dataset["token"]);
    const once = async (anew: boolean): Promise<[Response, number, number]> => {
      const headers = new Headers(call.headers);
      if (needsToken) headers.set("X-Authorization", await tokenOf(form, anew));
      const began = performance.now();
      const response = await fetch((form.dataset["base"] ?? "") + call.path, {
        method: form.dataset["method"] ?? "GET",
        headers,
        body: call.body ?? null,
        signal: mine.signal,
        cache: "no-store",
        credentials: "omit",
        redirect: "manual",
      });
      return [response, began, performance.now()];
    };
    let [response, began, ended] = await once(false);
    if (response.status === 401 && needsToken) [response, began, ended] = await once(true);
    const body = await response.text();
    if (mine === sending) showAnswer(response, body, ended - began);
  } catch (error) {
    if (mine !== sending) return;
    if (mine.signal.aborted) toast("Cancelled");
    else showFailure(error instanceof Error ? error.message : String(error));
  } finally {
    if (mine === sending) busy(form, false);
  }
}

function busy(form: HTMLFormElement, is: boolean): void {
  document.getElementById("answer")?.setAttribute("aria-busy", String(is));
  const cancel = query<HTMLButtonElement>("[data-cancel]", form);
  if (cancel) cancel.hidden = !is;
}

function showAnswer(response: Response, body: string, ms: number): void {
  const bytes = new TextEncoder().encode(body).length;
  const status = response.status < 400 ? "COMPLETED" : "FAILED";
  const facts = [`${Math.max(1, Math.round(ms))} ms`, `${bytes.toLocaleString("en")} bytes`];
  const type = response.headers.get("Content-Type") ?? "";
  const name = `${response.status} ${response.statusText}`.trim();
  show(name, status, facts, type.includes("json") ? indented(body) : body);
  const list = query<HTMLElement>(".answer-headers");
  list?.replaceChildren(...[...response.headers].map(([key, value]) => fact(key, value)));
}

function showFailure(message: string): void {
  show("No answer", "FAILED", [], message);
  query<HTMLElement>(".answer-headers")?.replaceChildren();
}

function show(name: string, status: string, facts: string[], body: string): void {
  const answer = document.getElementById("answer");
  const line = query<HTMLElement>(".answer-facts", answer ?? document);
  const code = document.getElementById("answer-body");
  if (!answer || !line || !code) return;
  const chip = document.createElement("span");
  chip.className = "chip plain";
  chip.dataset["status"] = status;
  chip.textContent = name;
  const said = facts.map((text) => {
    const element = document.createElement("span");
    element.className = "small muted";
    element.textContent = text;
    return element;
  });
  line.replaceChildren(chip, ...said);
  const cut = body.length > MOST_SHOWN;
  code.textContent = body === "" ? "No body" : cut ? `${body.slice(0, MOST_SHOWN)}\n…` : body;
  answer.hidden = false;
  // On a phone the answer is below the form.
  const { top } = answer.getBoundingClientRect();
  if (top > innerHeight * 0.8 || top < 0) answer.scrollIntoView({ block: "start" });
}

/** JSON with line breaks; its numbers as they came, which JSON.parse would round. */
function indented(body: string): string {
  try {
    JSON.parse(body);
  } catch {
    return body;
  }
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return body.replace(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|\s+/g, (token) => {
    if (/^\s/.test(token)) return "";
    if (token === "," ) return `,${line()}`;
    if (token === ":") return ": ";
    if (token === "{" || token === "[") {
      depth += 1;
      return token + line();
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      return line() + token;
    }
    return token;
  });
}

function fact(name: string, value: string): HTMLElement {
  const [pair, term, said] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  if (!pair || !term || !said) throw new Error("no elements");
  term.textContent = name;
  said.textContent = value;
  pair.append(term, said);
  return pair;
}

function narrow(field: HTMLInputElement): void {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let total = 0;
  for (const group of document.querySelectorAll<HTMLElement>("#endpoints > section")) {
    let left = 0;
    for (const row of group.querySelectorAll<HTMLElement>("li")) {
      const text = [...row.querySelectorAll("span")].map((one) => one.textContent).join(" ");
      row.hidden = !words.every((word) => text.toLowerCase().includes(word));
      if (!row.hidden) left += 1;
    }
    group.hidden = left === 0;
    total += left;
  }
  const none = document.getElementById("none-found");
  if (none) none.hidden = total > 0;
}

const form = query<HTMLFormElement>("form[data-try]");
if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
  form.addEventListener("input", () => showCommand(form));
  query("[data-cancel]", form)?.addEventListener("click", () => sending?.abort());
  const own = query<HTMLElement>("[data-own-token]");
  if (own) own.hidden = false;
  query("[data-show-token]")?.addEventListener("click", () => {
    void tokenOf(form).then(
      (token) => {
        const code = document.getElementById("own-token");
        if (code) code.textContent = token;
        code?.closest<HTMLElement>(".snippet")?.removeAttribute("hidden");
      },
      (error: Error) => toast(error.message),
    );
  });
}

const field = query<HTMLInputElement>("input[data-find]");
field?.addEventListener("input", () => narrow(field));
