// What the server knows of types, fields, names and past runs; fetched once, when it is needed.

import type { Json } from "./edits.js";

export interface Field {
  path: string;
  label: string;
  doc: string;
  kind: string;
  choices: string[];
}

export interface TaskType {
  type: string;
  group: string;
  title: string;
  doc: string;
  fields: Field[];
  outputs: string[];
  starter: Json[];
}

export interface Catalogue {
  types: TaskType[];
  groups: string[];
  taskFields: Record<string, string>;
  workflowFields: Record<string, string>;
  otherFields: Record<string, Record<string, string>>;
  values: Record<string, string[]>;
  /** Names of the fields that are true or false. */
  flags: string[];
  paths: Record<string, string>;
  workers: Record<string, string>;
  workflows: string[];
  environment: string[];
  secrets: string[];
  outputs: Record<string, Record<string, string>>;
  inputs: Record<string, string>;
}

let fetched: Promise<Catalogue> | undefined;
let there: Catalogue | undefined;

export function catalogue(address: string): Promise<Catalogue> {
  fetched ??= fetch(address, { headers: { Accept: "application/json" } }).then(async (answer) => {
    if (!answer.ok) throw new Error(`${answer.status}`);
    there = (await answer.json()) as Catalogue;
    return there;
  });
  fetched.catch(() => (fetched = undefined));
  return fetched;
}

/** What has been fetched so far. */
export function knownCatalogue(): Catalogue | undefined {
  return there;
}

export function typeOf(type: string): TaskType | undefined {
  return there?.types.find((one) => one.type === type);
}
