// A first worker with the unmodified JavaScript client: registers, starts and works `simple_wf`,
// and prints the outcome as one JSON line. Reads CONDUCTOR_SERVER_URL and CONDUCTOR_AUTH_*.

import {
  ConductorWorkflow,
  OrkesClients,
  TaskHandler,
  simpleTask,
} from "@io-orkes/conductor-javascript";

const PATIENCE_MS = 60_000;

const clients = await OrkesClients.from();
const executor = clients.getWorkflowClient();

await clients.getMetadataClient().registerTask({
  name: "simplest_task",
  retryCount: 1,
  timeoutSeconds: 60,
  responseTimeoutSeconds: 30,
});
const workflow = new ConductorWorkflow(executor, "simple_wf", 1)
  .add(
    simpleTask("simplest_task_ref", "simplest_task", {
      firstNumber: "${workflow.input.firstNumber}",
      secondNumber: "${workflow.input.secondNumber}",
    }),
  )
  .outputParameters({ result: "${simplest_task_ref.output.result}" });
await workflow.register(true);

const workflowId = await executor.startWorkflow({
  name: "simple_wf",
  version: 1,
  input: { firstNumber: 4, secondNumber: 5 },
});

const handler = new TaskHandler({
  client: clients.getClient(),
  scanForDecorated: false,
  workers: [
    {
      taskDefName: "simplest_task",
      concurrency: 2,
      pollInterval: 50,
      execute: async ({ inputData }) => ({
        status: "COMPLETED",
        outputData: { result: inputData.firstNumber + inputData.secondNumber },
      }),
    },
  ],
});
await handler.startWorkers();

const deadline = Date.now() + PATIENCE_MS;
let execution = await executor.getWorkflow(workflowId, true);
while (execution.status === "RUNNING" && Date.now() < deadline) {
  await new Promise((wake) => setTimeout(wake, 100));
  execution = await executor.getWorkflow(workflowId, true);
}
await handler.stopWorkers();

const found = await executor.search(0, 10, `workflowId="${workflowId}"`, "*");
console.log(
  JSON.stringify({
    status: execution.status,
    output: execution.output,
    tasks: execution.tasks.map((task) => [task.referenceTaskName, task.status]),
    found: found.results.length,
  }),
);
process.exit(0);
