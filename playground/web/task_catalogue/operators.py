"""Operators: they say which task comes next, how often, and beside which others."""

from typing import Final

from playground.web.task_catalogue.kinds import EVALUATORS, OPERATORS, Field, TaskType, task

OPERATOR_TASKS: Final = (
    TaskType(
        "SWITCH",
        OPERATORS,
        "Switch",
        "Takes one of several ways",
        (
            Field("evaluatorType", "Evaluator", "How the way is chosen", "choice", EVALUATORS),
            Field(
                "expression",
                "Expression",
                "value-param: the name of an input; javascript: a program over $",
                "code",
            ),
            Field("decisionCases", "Cases", "One way for each value", "cases"),
        ),
        ("selectedCase", "evaluationResult"),
        (
            task(
                "SWITCH",
                "switch_ref",
                inputParameters={"value": "${workflow.input.value}"},
                evaluatorType="value-param",
                expression="value",
                decisionCases={"yes": [task("NOOP", "noop_ref")]},
                defaultCase=[],
            ),
        ),
    ),
    TaskType(
        "FORK_JOIN",
        OPERATORS,
        "Fork and join",
        "Runs branches at the same time and waits for them",
        (Field("forkTasks", "Branches", "They run at the same time", "branches"),),
        (),
        (
            task(
                "FORK_JOIN",
                "fork_ref",
                forkTasks=[[task("NOOP", "left_ref")], [task("NOOP", "right_ref")]],
            ),
            task("JOIN", "join_ref", joinOn=["left_ref", "right_ref"]),
        ),
    ),
    TaskType(
        "JOIN",
        OPERATORS,
        "Join",
        "Waits for the tasks it names",
        (
            Field("joinOn", "Waits for", "Reference names, mostly the last of each branch", "refs"),
            Field("expression", "Script", "JavaScript that decides when to go on", "code"),
        ),
        (),
        (task("JOIN", "join_ref", joinOn=[]),),
    ),
    TaskType(
        "FORK_JOIN_DYNAMIC",
        OPERATORS,
        "Dynamic fork",
        "Runs as many tasks at once as a list has entries, and waits for them",
        (
            Field(
                "inputParameters.forkTaskName",
                "Task of each branch",
                "With forkTaskInputs: one branch for each entry of the list",
            ),
            Field(
                "inputParameters.forkTaskInputs",
                "Inputs of the branches",
                'A list, such as [{"n": 1}, {"n": 2}] or ${ref.output.list}',
                "json",
            ),
            Field(
                "dynamicForkTasksParam",
                "Input with the tasks",
                'Names an input: [{"name": "t", "taskReferenceName": "t_1", "type": "SIMPLE"}]',
            ),
            Field(
                "dynamicForkTasksInputParamName",
                "Input with their inputs",
                'Names an input: {"t_1": {"n": 1}}',
            ),
        ),
        (),
        (
            task(
                "FORK_JOIN_DYNAMIC",
                "dynamic_fork_ref",
                inputParameters={"forkTaskName": "my_task", "forkTaskInputs": [{"n": 1}, {"n": 2}]},
            ),
            task("JOIN", "dynamic_join_ref", joinOn=[]),
        ),
    ),
    TaskType(
        "DO_WHILE",
        OPERATORS,
        "Loop",
        "Repeats its tasks while a condition is true",
        (
            Field(
                "loopCondition",
                "While",
                "JavaScript over $.<ref>: $.loop_ref.iteration is the turn",
                "code",
            ),
            Field("evaluatorType", "Evaluator", "JavaScript if absent", "choice", EVALUATORS[1:]),
            Field("items", "Items", "A list: one turn for each, without a condition", "json"),
        ),
        ("iteration",),
        (
            task(
                "DO_WHILE",
                "loop_ref",
                inputParameters={"times": 3},
                loopCondition="$.loop_ref.iteration < $.times",
                loopOver=[task("NOOP", "in_loop_ref")],
            ),
        ),
    ),
    TaskType(
        "SUB_WORKFLOW",
        OPERATORS,
        "Sub-workflow",
        "Runs another workflow and waits for it",
        (
            Field("subWorkflowParam.name", "Workflow", "Which workflow to run", "workflow"),
            Field("subWorkflowParam.version", "Version", "The latest if absent", "number"),
            Field(
                "subWorkflowParam.taskToDomain", "Task to domain", "Task name and domain", "rows"
            ),
        ),
        ("subWorkflowId",),
        (
            task(
                "SUB_WORKFLOW",
                "sub_workflow_ref",
                inputParameters={},
                subWorkflowParam={"name": "hello_workflow"},
            ),
        ),
    ),
    TaskType(
        "START_WORKFLOW",
        OPERATORS,
        "Start workflow",
        "Starts another workflow and goes on",
        (
            Field("inputParameters.startWorkflow.name", "Workflow", "Which to start", "workflow"),
            Field(
                "inputParameters.startWorkflow.version",
                "Version",
                "The latest if absent",
                "number",
            ),
            Field("inputParameters.startWorkflow.input", "Input", "What it begins with", "rows"),
            Field(
                "inputParameters.startWorkflow.correlationId",
                "Correlation id",
                "That of this execution if absent",
            ),
        ),
        ("workflowId",),
        (
            task(
                "START_WORKFLOW",
                "start_workflow_ref",
                inputParameters={"startWorkflow": {"name": "hello_workflow", "input": {}}},
            ),
        ),
    ),
    TaskType(
        "DYNAMIC",
        OPERATORS,
        "Dynamic task",
        "Decides by an input which task it is",
        (
            Field(
                "dynamicTaskNameParam",
                "Input with the name",
                "Names the input that holds the task's name",
            ),
        ),
        (),
        (
            task(
                "DYNAMIC",
                "dynamic_ref",
                inputParameters={"taskToExecute": "${workflow.input.task}"},
                dynamicTaskNameParam="taskToExecute",
            ),
        ),
    ),
    TaskType(
        "SET_VARIABLE",
        OPERATORS,
        "Set variables",
        "Writes variables of the execution: ${workflow.variables.name}",
        (),
        (),
        (task("SET_VARIABLE", "set_variable_ref", inputParameters={"name": "value"}),),
    ),
    TaskType(
        "TERMINATE",
        OPERATORS,
        "Terminate",
        "Ends the execution here",
        (
            Field(
                "inputParameters.terminationStatus",
                "Status",
                "How the execution ends",
                "choice",
                ("COMPLETED", "FAILED", "TERMINATED"),
            ),
            Field("inputParameters.terminationReason", "Reason", "Shown on the execution"),
            Field("inputParameters.workflowOutput", "Output", "Of the whole execution", "json"),
        ),
        ("output",),
        (
            task(
                "TERMINATE",
                "terminate_ref",
                inputParameters={"terminationStatus": "COMPLETED", "workflowOutput": {}},
            ),
        ),
    ),
    TaskType(
        "TERMINATE_WORKFLOW",
        OPERATORS,
        "Terminate workflow",
        "Ends another execution",
        (
            Field("inputParameters.workflowId", "Execution id", "One, or a list of them"),
            Field("inputParameters.terminationReason", "Reason", "Shown on it"),
            Field(
                "inputParameters.triggerFailureWorkflow",
                "Run its failure workflow",
                "As if it had failed",
                "flag",
            ),
        ),
        ("terminatedWorkflows",),
        (task("TERMINATE_WORKFLOW", "terminate_other_ref", inputParameters={"workflowId": ""}),),
    ),
    TaskType(
        "NOOP",
        OPERATORS,
        "Nothing",
        "Does nothing: a place to branch from or to fill later",
        starter=(task("NOOP", "noop_ref"),),
    ),
)
