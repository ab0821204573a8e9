// A first worker with the unmodified conductor-go client: registers, starts, works, reads back.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/worker"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

const name = "simple_wf"

func add(task *model.Task) (interface{}, error) {
	first := task.InputData["firstNumber"].(float64)
	second := task.InputData["secondNumber"].(float64)
	return map[string]interface{}{"result": first + second}, nil
}

func main() {
	api := client.NewAPIClientFromEnv()
	workflows := executor.NewWorkflowExecutor(api)
	task := workflow.NewSimpleTask("simplest_task", "simplest_task_ref").
		Input("firstNumber", "${workflow.input.firstNumber}").
		Input("secondNumber", "${workflow.input.secondNumber}")
	definition := workflow.NewConductorWorkflow(workflows).Name(name).Version(1).Add(task).
		OutputParameters(map[string]interface{}{"result": "${simplest_task_ref.output.result}"})
	check(definition.Register(true))

	runner := worker.NewTaskRunnerWithApiClient(api)
	check(runner.StartWorker("simplest_task", add, 2, 100*time.Millisecond))

	input := map[string]interface{}{"firstNumber": 4, "secondNumber": 5}
	request := model.NewStartWorkflowRequest(name, 1, "", input)
	id, err := workflows.StartWorkflow(request)
	check(err)
	channel, err := workflows.MonitorExecution(id)
	check(err)
	run, err := executor.WaitForWorkflowCompletionUntilTimeout(channel, 60*time.Second)
	check(err)
	found, err := workflows.GetWorkflow(id, true)
	check(err)
	tasks := [][]string{}
	for _, task := range found.Tasks {
		tasks = append(tasks, []string{task.ReferenceTaskName, string(task.Status)})
	}
	search, err := workflows.Search(0, 10, fmt.Sprintf("workflowId='%s'", id), "*")
	check(err)
	outcome, err := json.Marshal(map[string]interface{}{
		"status": run.Status, "output": found.Output, "tasks": tasks, "found": len(search),
	})
	check(err)
	fmt.Println(string(outcome))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
