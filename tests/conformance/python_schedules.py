"""Schedules with the unmodified `conductor-python` client.

Run by `test_schedules.py` as a program of its own, with CONDUCTOR_SERVER_URL, CONDUCTOR_AUTH_KEY
and CONDUCTOR_AUTH_SECRET. Saves a schedule that is due each second, waits for its first run,
pauses, resumes and deletes it, and prints what it saw as JSON.
"""

import json
import sys
import time

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.http.models.save_schedule_request import SaveScheduleRequest
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.set_variable_task import SetVariableTask

NAME = "python_ticks"
WORKFLOW = "python_ticked"
PATIENCE_SECONDS = 60


def main() -> int:
    """Save, wait for a run, pause, resume, delete."""
    clients = OrkesClients(Configuration())
    schedules, workflows = clients.get_scheduler_client(), clients.get_workflow_client()
    ticked = ConductorWorkflow(executor=clients.get_workflow_executor(), name=WORKFLOW, version=1)
    ticked >> SetVariableTask("remember")
    ticked.register(overwrite=True)

    schedules.save_schedule(
        SaveScheduleRequest(
            name=NAME,
            cron_expression="* * * * * ?",
            start_workflow_request=StartWorkflowRequest(name=WORKFLOW, version=1, input={"n": 1}),
        )
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    ran = []
    while not ran and time.monotonic() < deadline:
        time.sleep(0.2)
        found = schedules.search_schedule_executions(
            start=0, size=10, query=f"scheduleName IN ({NAME}) AND state IN (EXECUTED)"
        )
        ran = found.results
    schedules.pause_schedule(NAME, "enough")
    paused = schedules.get_schedule(NAME)
    schedules.resume_schedule(NAME)
    resumed = schedules.get_schedule(NAME)
    every = [one.name for one in schedules.get_all_schedules(WORKFLOW)]
    schedules.delete_schedule(NAME)
    try:
        left = schedules.get_schedule(NAME)
    except Exception as error:
        left = getattr(error, "status", repr(error))
    started = workflows.get_workflow(ran[0].workflow_id)
    print(
        json.dumps(
            {
                "started_by": started.input["_startedByScheduler"],
                "input": started.input["n"],
                "on_time": started.input["_scheduledTime"] == ran[0].scheduled_time,
                "paused": [paused.paused, paused.paused_reason],
                "resumed": resumed.paused,
                "listed": every,
                "left": left,
                "next": len(schedules.get_next_few_schedule_execution_times("0 0 9 ? * MON")),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
