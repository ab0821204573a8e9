// What the forms ask for besides what the catalogue says of a type.

import type { Field } from "./catalogue.js";

export const COMMON: Field[] = [
  { path: "description", label: "Description", doc: "A sentence for people", kind: "text", choices: [] },
  {
    path: "optional",
    label: "Optional",
    doc: "Its failure does not fail the workflow",
    kind: "flag",
    choices: [],
  },
  {
    path: "startDelay",
    label: "Start delay",
    doc: "Seconds to wait before the first attempt",
    kind: "number",
    choices: [],
  },
  {
    path: "retryCount",
    label: "Retries",
    doc: "Instead of those of the task definition",
    kind: "number",
    choices: [],
  },
  {
    path: "asyncComplete",
    label: "Complete from outside",
    doc: "Stays in progress until somebody updates it",
    kind: "flag",
    choices: [],
  },
];

export const WORKFLOW: Field[] = [
  { path: "name", label: "Name", doc: "How the workflow is called", kind: "text", choices: [] },
  { path: "description", label: "Description", doc: "A sentence for people", kind: "text", choices: [] },
  {
    path: "inputParameters",
    label: "Input parameters",
    doc: "Names of the inputs it knows",
    kind: "names",
    choices: [],
  },
  {
    path: "inputTemplate",
    label: "Input template",
    doc: "Inputs that are there when a start leaves them out",
    kind: "rows",
    choices: [],
  },
  {
    path: "outputParameters",
    label: "Output parameters",
    doc: "What an execution gives in the end",
    kind: "rows",
    choices: [],
  },
  {
    path: "variables",
    label: "Variables",
    doc: "Those an execution begins with",
    kind: "rows",
    choices: [],
  },
];

export const WORKFLOW_MORE: Field[] = [
  {
    path: "timeoutSeconds",
    label: "Time-out",
    doc: "Seconds an execution may take; 0 for ever",
    kind: "number",
    choices: [],
  },
  {
    path: "timeoutPolicy",
    label: "When it takes longer",
    doc: "End it, or only say so",
    kind: "choice",
    choices: ["TIME_OUT_WF", "ALERT_ONLY"],
  },
  {
    path: "failureWorkflow",
    label: "Failure workflow",
    doc: "Runs when this one fails",
    kind: "workflow",
    choices: [],
  },
  {
    path: "ownerEmail",
    label: "Owner",
    doc: "Whom to ask",
    kind: "text",
    choices: [],
  },
  {
    path: "restartable",
    label: "Restartable",
    doc: "Ended executions may start again",
    kind: "flag",
    choices: [],
  },
  {
    path: "inputSchema",
    label: "Input schema",
    doc: 'A JSON Schema: {"type": "JSON", "data": {…}} or the name of a registered one',
    kind: "json",
    choices: [],
  },
  {
    path: "outputSchema",
    label: "Output schema",
    doc: "The same for outputs",
    kind: "json",
    choices: [],
  },
];
