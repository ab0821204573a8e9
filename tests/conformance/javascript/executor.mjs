// Definitions and executions through the unmodified JavaScript client: MetadataClient,
// WorkflowExecutor, TaskClient and a worker by annotation. The last line is JSON.

import {
  ConductorWorkflow,
  MetadataClient,
  OrkesClients,
  TaskClient,
  TaskHandler,
  WorkflowExecutor,
  simpleTask,
  worker,
} from "@io-orkes/conductor-javascript";

const PATIENCE_MS = 60_000;
const clients = await OrkesClients.from();
const client = clients.getClient();
const metadata = new MetadataClient(client);
const executor = new WorkflowExecutor(client);
const tasks = new TaskClient(client);
const told = {};

const node = (name, type = "SIMPLE", more = {}) => ({
  name,
  taskReferenceName: `${name}_ref`,
  type,
  inputParameters: {},
  ...more,
});
const definition = (name, ...nodes) => ({
  name,
  version: 1,
  schemaVersion: 2,
  timeoutSeconds: 0,
  tasks: nodes,
});

// Definitions

await metadata.registerTask({ name: "js_step", retryCount: 0, responseTimeoutSeconds: 30 });
await metadata.updateTask({ name: "js_step", retryCount: 0, timeoutSeconds: 60, responseTimeoutSeconds: 30 });
await metadata.registerTasks([{ name: "js_other", retryCount: 0 }]);
await metadata.registerWorkflowDef(definition("js_two", node("js_step"), node("js_last")), true);
await metadata.registerWorkflowDef(definition("js_waits", node("first", "WAIT"), node("second", "WAIT")), true);
const read = await metadata.getWorkflowDef("js_two", 1);
await metadata.addWorkflowTag({ key: "team", value: "blue" }, "js_two");
await metadata.setTaskTags([{ key: "team", value: "red" }], "js_step");
const names = (await metadata.getAllWorkflowDefs()).map((one) => one.name);
await metadata.unregisterTask("js_other");
told.definitions = [
  read.tasks.length,
  (await metadata.getTask("js_step")).timeoutSeconds,
  names.includes("js_waits"),
  (await metadata.getWorkflowTags("js_two")).map((tag) => tag.value),
  (await metadata.getTaskTags("js_step")).map((tag) => tag.value),
  (await metadata.getAllTaskDefs()).some((one) => one.name === "js_other"),
];

// Execute, signal

const run = await executor.executeWorkflow(
  { name: "js_waits", version: 1, input: { n: 1 } },
  "js_waits",
  1,
  "a-request",
  "",
  5,
  "DURABLE",
  "BLOCKING_TASK",
);
const between = await executor.signal(run.targetWorkflowId, "COMPLETED", { a: 1 }, "BLOCKING_TASK");
const ended = await executor.signal(run.targetWorkflowId, "COMPLETED", { b: 2 });
told.signals = [
  [run.responseType, run.referenceTaskName],
  between.referenceTaskName,
  ended.targetWorkflowStatus,
];
const [second] = await Promise.all(executor.startWorkflows([{ name: "js_waits", version: 1 }]));
await executor.signalAsync(second, "COMPLETED", {});
const synced = await executor.updateTaskSync("second_ref", second, "COMPLETED", { c: 3 });
told.synced = synced.status;

// Control: pause, resume, terminate, restart, retry, rerun, skip, go back

const status = async (id) => (await executor.getWorkflowStatus(id, false, false)).status;
const id = await executor.startWorkflow({ name: "js_two", version: 1, correlationId: "js-1" });
await executor.pause(id);
const paused = await status(id);
await executor.resume(id);
await executor.skipTasksFromWorkflow(id, "js_last_ref", { taskOutput: { skipped: true } });
await executor.updateTaskByRefName("js_step_ref", id, "COMPLETED", { ok: true });
const skipped = (await executor.getWorkflow(id, true)).tasks.map((task) => task.status);
await executor.restart(id, false);
const restarted = await status(id);
await executor.updateTaskByRefName("js_step_ref", id, "FAILED_WITH_TERMINAL_ERROR", {});
const failed = await status(id);
await executor.retry(id, false);
const retried = await status(id);
await executor.terminate(id, "enough");
const terminated = await executor.getExecution(id, true);
const rerun = await executor.reRun(id, { workflowInput: { n: 2 } });
const again = await executor.getWorkflow(id, true);
told.control = [
  paused,
  skipped,
  restarted,
  failed,
  retried,
  [terminated.status, terminated.reasonForIncompletion],
  [rerun === id, again.status, again.input.n],
];
const found = await executor.getByCorrelationIds({ workflowNames: ["js_two"], correlationIds: ["js-1"] });
told.correlated = found["js-1"].map((one) => one.workflowId === id);

// A worker by annotation works what is left, several at once

class Workers {
  async step(task) {
    return { status: "COMPLETED", outputData: { n: task.inputData.n ?? 0 }, logs: [{ log: "a step" }] };
  }
}
worker({ taskDefName: "js_step", concurrency: 3, pollInterval: 50 })(
  Workers.prototype.step,
  { kind: "method", name: "step" },
);
const workflow = new ConductorWorkflow(executor, "js_worked", 1).add(
  simpleTask("step_ref", "js_step", { n: "${workflow.input.n}" }),
);
await workflow.register(true);
const handler = new TaskHandler({
  client,
  scanForDecorated: true,
  workers: [
    {
      taskDefName: "js_last",
      concurrency: 1,
      pollInterval: 50,
      execute: async () => ({ status: "COMPLETED", outputData: {} }),
    },
  ],
});
await handler.startWorkers();
const ids = [];
for (let n = 0; n < 10; n += 1) {
  ids.push(await executor.startWorkflow({ name: "js_worked", version: 1, input: { n } }));
}
ids.push(id);
const deadline = Date.now() + PATIENCE_MS;
let states = [];
while (Date.now() < deadline && !(states.length > 0 && states.every((one) => one === "COMPLETED"))) {
  await new Promise((wake) => setTimeout(wake, 200));
  states = await Promise.all(ids.map(status));
}
await handler.stopWorkers();
const worked = await executor.getWorkflow(ids[3], true);
told.worked = [new Set(states).size, states[0], worked.tasks[0].outputData.n];
told.task = [
  (await tasks.getTask(worked.tasks[0].taskId)).referenceTaskName,
  (await tasks.getTaskLogs(worked.tasks[0].taskId)).map((line) => line.log),
  (await tasks.getQueueSizeForTask(["js_step"])).js_step,
  (await tasks.getTaskPollData("js_step")).length,
  (await tasks.search(0, 5, "startTime:DESC", "*", `workflowId='${ids[3]}'`)).totalHits,
];

await executor.deleteWorkflow(ids[0], false);
await metadata.unregisterWorkflow("js_two", 1);
let gone;
try {
  await metadata.getWorkflowDef("js_two", 1);
} catch (error) {
  gone = /No such workflow/.test(error.message);
}
told.gone = gone;

console.log(JSON.stringify(told));
process.exit(0);
