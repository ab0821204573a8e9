// A worker in this tab: polls the API like any other, has the program run in the frame, reports.

interface Task {
  taskId: string;
  workflowInstanceId: string;
  inputData: Record<string, unknown>;
}

interface Outcome {
  output?: unknown;
  problem?: string;
}

const PATIENCE_MS = 10_000;
const POLL_MS = 3_000;
const AGAIN_MS = 2_000;
const SOON_MS = 30_000;
const MOST_SHOWN = 50;

const root = byId("browser-worker");
const frame = byId<HTMLIFrameElement>("program-frame");
const program = byId<HTMLTextAreaElement>("program");
const name = `tab-${crypto.randomUUID().slice(0, 8)}`;
let isOn = false;
let count = 0;
let held: { token: string; until: number } | null = null;

async function token(): Promise<string> {
  if (held && held.until - performance.now() > SOON_MS) return held.token;
  const answer = await fetch(data("token"), {
    method: "POST",
    headers: { "X-CSRF-Token": data("csrf") },
  });
  if (!answer.ok) throw new Error("You are signed out: reload this page");
  const given = (await answer.json()) as { token: string; expiresInSeconds: number };
  held = { token: given.token, until: performance.now() + given.expiresInSeconds * 1000 };
  return given.token;
}

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = { "X-Authorization": await token(), "Content-Type": "application/json" };
  const answer = await fetch(`${data("api")}${path}`, { ...options, headers });
  if (answer.status === 401) held = null;
  if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
  return answer;
}

async function poll(): Promise<Task[]> {
  const query = `count=1&timeout=${POLL_MS}&workerid=${name}`;
  const answer = await ask(`/poll/batch/${encodeURIComponent(data("task"))}?${query}`);
  return answer.status === 204 ? [] : ((await answer.json()) as Task[]);
}

/** Have the program run in the frame; it answers in any case. */
function run(task: Task): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (event: MessageEvent<Outcome & { id: string }>) => {
      if (event.source !== frame.contentWindow || event.data.id !== task.taskId) return;
      removeEventListener("message", done);
      resolve(event.data);
    };
    addEventListener("message", done);
    const work = { id: task.taskId, program: program.value, input: task.inputData };
    // Its origin is opaque, so there is no other name for it than any.
    frame.contentWindow?.postMessage({ ...work, patienceMs: PATIENCE_MS }, "*");
  });
}

async function work(task: Task): Promise<void> {
  const outcome = await run(task);
  const output = typeof outcome.output === "object" ? outcome.output : { result: outcome.output };
  await ask("", {
    method: "POST",
    body: JSON.stringify({
      taskId: task.taskId,
      workflowInstanceId: task.workflowInstanceId,
      workerId: name,
      status: outcome.problem === undefined ? "COMPLETED" : "FAILED",
      reasonForIncompletion: outcome.problem,
      outputData: outcome.problem === undefined ? output : {},
    }),
  });
  list(task, outcome.problem === undefined ? { output } : outcome);
}

function list(task: Task, outcome: Outcome): void {
  const box = byId("worked");
  box.querySelector("[data-none]")?.remove();
  const item = document.createElement("li");
  const head = document.createElement("p");
  const failed = outcome.problem !== undefined;
  head.append(part("strong", failed ? "Failed" : "Completed"), " ", link(task), " ");
  head.append(part("span", new Date().toLocaleTimeString(), "small muted"));
  item.append(head, line("in", task.inputData));
  item.append(line(failed ? "why" : "out", failed ? outcome.problem : outcome.output));
  item.dataset["outcome"] = failed ? "failed" : "completed";
  box.prepend(item);
  while (box.children.length > MOST_SHOWN) box.lastElementChild?.remove();
  count += 1;
  byId("worked-count").textContent = `${count} done here`;
}

function link(task: Task): HTMLElement {
  const found = document.createElement("a");
  found.href = `${data("api").replace(/\/api\/tasks$/, "")}/executions/${task.workflowInstanceId}`;
  found.textContent = "its execution";
  return found;
}

function line(label: string, value: unknown): HTMLElement {
  const row = document.createElement("div");
  const text = typeof value === "string" ? value : JSON.stringify(value);
  row.append(part("span", label, "small muted"), part("code", text));
  return row;
}

function part(tag: string, text: string, classes = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}

function say(words: string, state: string): void {
  const element = byId("worker-state");
  element.textContent = words;
  element.dataset["state"] = state;
}

async function goOn(): Promise<void> {
  while (isOn) {
    try {
      const tasks = await poll();
      say(`Polling as ${name}`, "live");
      for (const task of tasks) await work(task);
    } catch (error) {
      say(`${error instanceof Error ? error.message : "Not reached"}. Trying again.`, "lost");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
  say("Stopped", "");
}

byId("worker-switch").addEventListener("click", () => {
  isOn = !isOn;
  const words = byId("worker-switch").querySelector("span");
  if (words) words.textContent = isOn ? "Stop working" : "Start working";
  if (isOn) {
    say("Starting", "live");
    void goOn();
  }
});

function data(key: string): string {
  return root.dataset[key] ?? "";
}

function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found as T;
}

export {};
