import com.fasterxml.jackson.databind.ObjectMapper;
import com.netflix.conductor.client.automator.TaskRunnerConfigurer;
import com.netflix.conductor.client.http.TaskClient;
import com.netflix.conductor.client.http.WorkflowClient;
import com.netflix.conductor.client.worker.Worker;
import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.sdk.workflow.def.ConductorWorkflow;
import com.netflix.conductor.sdk.workflow.def.tasks.SimpleTask;
import com.netflix.conductor.sdk.workflow.executor.WorkflowExecutor;
import io.orkes.conductor.client.ApiClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A first worker with the unmodified Java client: registers, starts, works, reads back. */
public class FirstWorker {
    static class Add implements Worker {
        public String getTaskDefName() {
            return "simplest_task";
        }

        public TaskResult execute(Task task) {
            TaskResult result = new TaskResult(task);
            Number first = (Number) task.getInputData().get("firstNumber");
            Number second = (Number) task.getInputData().get("secondNumber");
            result.getOutputData().put("result", first.intValue() + second.intValue());
            result.setStatus(TaskResult.Status.COMPLETED);
            return result;
        }
    }

    public static void main(String[] words) throws Exception {
        ApiClient client = new ApiClient(
                System.getenv("CONDUCTOR_SERVER_URL"),
                System.getenv("CONDUCTOR_AUTH_KEY"),
                System.getenv("CONDUCTOR_AUTH_SECRET"));
        TaskRunnerConfigurer runner =
                new TaskRunnerConfigurer.Builder(new TaskClient(client), List.of(new Add()))
                        .withThreadCount(2)
                        .build();
        runner.init();

        WorkflowExecutor executor = new WorkflowExecutor(client, 100);
        SimpleTask task = new SimpleTask("simplest_task", "simplest_task_ref");
        task.input("firstNumber", "${workflow.input.firstNumber}");
        task.input("secondNumber", "${workflow.input.secondNumber}");
        ConductorWorkflow<Map<String, Object>> definition = new ConductorWorkflow<>(executor);
        definition.setName("simple_wf");
        definition.setVersion(1);
        definition.add(task);
        definition.setWorkflowOutput(Map.of("result", "${simplest_task_ref.output.result}"));
        definition.registerWorkflow(true, true);

        Workflow run = executor
                .executeWorkflow("simple_wf", 1, Map.of("firstNumber", 4, "secondNumber", 5))
                .get(60, TimeUnit.SECONDS);
        WorkflowClient workflows = new WorkflowClient(client);
        List<List<String>> tasks = new ArrayList<>();
        for (Task one : workflows.getWorkflow(run.getWorkflowId(), true).getTasks()) {
            tasks.add(List.of(one.getReferenceTaskName(), one.getStatus().name()));
        }
        int found = workflows
                .search("workflowId='" + run.getWorkflowId() + "'")
                .getResults()
                .size();
        System.out.println(new ObjectMapper().writeValueAsString(Map.of(
                "status", run.getStatus().name(),
                "output", run.getOutput(),
                "tasks", tasks,
                "found", found)));
        runner.shutdown();
        executor.shutdown();
        System.exit(0);
    }
}
