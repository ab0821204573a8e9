// JSON as people write it: a step for each level, short lists of plain values on one line. Numbers
// and strings stay as they are in the text, so what JavaScript cannot hold (long numbers, a name
// twice) is still there afterwards.

import type { Entry, Value } from "./json.js";
import { readJson } from "./json.js";

const STEP = "  ";
const SHORT = 72;

/** The same document, tidily. Throws a `SyntaxError` for what is no JSON. */
export function tidy(text: string): string {
  JSON.parse(text);
  const value = readJson(text);
  return value ? written(text, value, "\n") : "";
}

/** A value that JavaScript holds, as such a text. */
export function format(value: unknown): string {
  return tidy(JSON.stringify(value));
}

function written(text: string, value: Value, newline: string): string {
  const deeper = newline + STEP;
  const told = (one: Value) => written(text, one, deeper);
  const member = ({ from, keyTo, value }: Entry) =>
    `${text.slice(from, keyTo)}: ${value ? told(value) : "null"}`;
  if (value.entries.length > 0) return `{${deeper}${value.entries.map(member).join(`,${deeper}`)}${newline}}`;
  if (value.items.length === 0) return text.slice(value.from, value.to).replace(/^([[{])\s*([\]}])$/, "$1$2");
  const items = value.items.map(told);
  const line = `[${items.join(", ")}]`;
  const isPlain = value.items.every(({ kind }) => kind !== "object" && kind !== "array");
  if (isPlain && line.length <= SHORT) return line;
  return `[${deeper}${items.join(`,${deeper}`)}${newline}]`;
}
