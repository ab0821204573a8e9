// Human tasks, forms and tags through the unmodified JavaScript client. The last line is JSON.

import { orkesConductorClient, HumanExecutor, MetadataClient, TemplateClient, WorkflowExecutor } from "@io-orkes/conductor-javascript";

const client = await orkesConductorClient();
const human = new HumanExecutor(client);
const forms = new TemplateClient(client);
const workflows = new WorkflowExecutor(client);
const metadata = new MetadataClient(client);

const form = await forms.registerTemplate(
  { name: "approval", version: 1, jsonSchema: { type: "object" }, templateUI: {} },
);
const assignee = { user: "ada", userType: "EXTERNAL_USER" };
await metadata.registerWorkflowDef(
  {
    name: "js_human",
    version: 1,
    schemaVersion: 2,
    timeoutSeconds: 0,
    inputParameters: [],
    tasks: [
      {
        name: "ask",
        taskReferenceName: "ask",
        type: "HUMAN",
        inputParameters: {
          __humanTaskDefinition: {
            displayName: "Approve",
            userFormTemplate: { name: "approval", version: 1 },
            assignments: [{ assignee, slaMinutes: 0 }],
          },
        },
      },
    ],
  },
  true,
);
const workflowId = await workflows.startWorkflow({ name: "js_human", version: 1, input: {} });
const found = await human.pollSearch(
  { states: ["ASSIGNED"], workflowIds: [workflowId], searchType: "ADMIN", size: 15 },
  { pollInterval: 100, maxPollTimes: 100 },
);
const task = found[0];
const claimed = await human.claimTaskAsExternalUser(task.taskId, "ada");
await human.updateTaskOutput(task.taskId, { output: { ok: true } });
await human.releaseTask(task.taskId);
await human.claimTaskAsConductorUser(task.taskId, { overrideAssignment: true });
await human.completeTask(task.taskId, { output: { done: true } });
const after = await human.getTaskById(task.taskId);
const template = await human.getTemplateByNameVersion("approval", 1);
const workflow = await workflows.getWorkflow(workflowId, false);

console.log(
  JSON.stringify({
    form: form.name,
    state: task.state,
    displayName: task.displayName,
    claimant: claimed.claimant.user,
    after: after.state,
    template: template.version,
    status: workflow.status,
  }),
);
process.exit(0);
