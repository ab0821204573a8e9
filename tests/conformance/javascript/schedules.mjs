// Schedules with the unmodified JavaScript client: the same story as python_schedules.py, printed
// as one JSON line. Reads CONDUCTOR_SERVER_URL and CONDUCTOR_AUTH_*.

import { OrkesClients } from "@io-orkes/conductor-javascript";

const NAME = "javascript_ticks";
const WORKFLOW = "javascript_ticked";
const PATIENCE_MS = 60_000;

const clients = await OrkesClients.from();
const schedules = clients.getSchedulerClient();
const workflows = clients.getWorkflowClient();

await clients.getMetadataClient().registerWorkflowDef(
  {
    name: WORKFLOW,
    version: 1,
    timeoutSeconds: 0,
    tasks: [
      {
        name: "remember",
        taskReferenceName: "remember",
        type: "SET_VARIABLE",
        inputParameters: {},
      },
    ],
  },
  true,
);

await schedules.saveSchedule({
  name: NAME,
  cronExpression: "* * * * * ?",
  startWorkflowRequest: { name: WORKFLOW, version: 1, input: { n: 1 } },
});

const deadline = Date.now() + PATIENCE_MS;
let ran = [];
while (ran.length === 0 && Date.now() < deadline) {
  await new Promise((wake) => setTimeout(wake, 200));
  const found = await schedules.search(
    0,
    10,
    "",
    "*",
    `scheduleName IN (${NAME}) AND state IN (EXECUTED)`,
  );
  ran = found.results;
}

await schedules.pauseSchedule(NAME, "enough");
const paused = await schedules.getSchedule(NAME);
await schedules.resumeSchedule(NAME);
const resumed = await schedules.getSchedule(NAME);
const every = await schedules.getAllSchedules(WORKFLOW);
await schedules.deleteSchedule(NAME);
let left;
try {
  left = await schedules.getSchedule(NAME);
} catch (error) {
  left = /not found/.test(error.message) ? 404 : String(error);
}
const started = await workflows.getWorkflow(ran[0].workflowId, false);
const next = await schedules.getNextFewSchedules("0 0 9 ? * MON", undefined, undefined, 5);

console.log(
  JSON.stringify({
    started_by: started.input._startedByScheduler,
    input: started.input.n,
    on_time: started.input._scheduledTime === ran[0].scheduledTime,
    paused: [paused.paused, paused.pausedReason],
    resumed: resumed.paused,
    listed: every.map((one) => one.name),
    left,
    next: next.length,
  }),
);
process.exit(0);
