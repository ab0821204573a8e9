// Asks the server what it thinks of the text: findings, picture and facts come in one answer.

import type { Diagnostic } from "@codemirror/lint";
import type { Session } from "./session.js";
import { SignedOut } from "./session.js";

export interface Note {
  severity: "error" | "warning" | "hint";
  message: string;
  path: string;
  ref: string;
  line: number;
  column: number;
  start: number;
  end: number;
}

export interface Facts {
  name: string;
  version: number;
  tasks: number;
  inputs: string[];
  workers: string[];
  children: string[];
}

export interface Answer {
  valid: boolean;
  notes: Note[];
  svg: string | null;
  facts: Facts | null;
  /** HTML: the definition in one sentence, and told task by task. */
  brief: string;
  words: string;
}

const QUIET_MS = 250;

/** Calls `show` with the answer to the newest text; older answers are dropped. */
export class Checker {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;

  constructor(
    private readonly address: string,
    private readonly session: Session,
    private readonly show: (answer: Answer) => void,
    private readonly fail: (words: string) => void,
  ) {}

  soon(text: () => string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.now(text()), QUIET_MS);
  }

  async now(text: string): Promise<void> {
    clearTimeout(this.timer);
    this.running?.abort();
    const mine = new AbortController();
    this.running = mine;
    try {
      const answer = await this.session.post(this.address, () => text, mine.signal);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const found = (await answer.json()) as Answer;
      if (!mine.signal.aborted) this.show(found);
    } catch (error) {
      if (mine.signal.aborted) return;
      const isOut = error instanceof SignedOut;
      this.fail(isOut ? "Not checked: you are signed out" : "Not checked: the server cannot be reached");
    }
  }
}

export function diagnostics(notes: readonly Note[], length: number): Diagnostic[] {
  return notes
    .filter((note) => note.severity !== "hint")
    .map((note): Diagnostic => {
      const from = Math.min(note.start, length);
      // A whole task underlined would say nothing: its beginning is enough.
      const to = Math.min(note.end, length, from + 120);
      return {
        from,
        to: Math.max(from, to),
        severity: note.severity === "error" ? "error" : "warning",
        message: note.message,
      };
    })
    .sort((one, other) => one.from - other.from);
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;

export function countWords(notes: readonly Note[]): string {
  const count = (severity: string) => notes.filter((one) => one.severity === severity).length;
  const [errors, warnings, hints] = [count("error"), count("warning"), count("hint")];
  const parts = [
    errors ? plural(errors, "error") : "",
    warnings ? plural(warnings, "warning") : "",
    hints ? plural(hints, "hint") : "",
  ].filter((one) => one !== "");
  if (errors + warnings === 0) parts.unshift("No problems found");
  return parts.join(", ");
}

export function factsWords(facts: Facts): string {
  return [
    plural(facts.tasks, "task"),
    facts.workers.length ? `needs ${facts.workers.join(", ")}` : "",
    facts.inputs.length ? `reads ${facts.inputs.join(", ")}` : "",
  ]
    .filter((one) => one !== "")
    .join(" · ");
}
