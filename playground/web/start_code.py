"""How to start a workflow from code, in each language that Conductor has a client for.

Programs are whole: pasted into a file they run, with the secret of the key in the environment.
They use the clients' own calls, of the versions that the tests run.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from playground.model.definitions import JSONObject


@dataclass(frozen=True, kw_only=True, slots=True)
class StartCode:
    """One language: what to install, and the program."""

    id: str
    label: str
    install: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What the programs do. `server_url` ends with /api; `version` 0 stands for the latest."""

    server_url: str
    key_id: str
    name: str
    version: int
    input: JSONObject
    correlation_id: str = ""


def programs(start: Start) -> tuple[StartCode, ...]:
    """One for each language."""
    return tuple(
        StartCode(id=f"start-{name}", label=label, install=install, text=write(start))
        for name, label, install, write in _LANGUAGES
    )


def with_first(language: str, start: Start) -> tuple[StartCode, ...]:
    """All of them, that of `language` first; "" or an unknown one leaves them as they are."""
    return tuple(sorted(programs(start), key=lambda one: one.id != f"start-{language}"))


def _python(start: Start) -> str:
    version = f"\n    version={start.version}," if start.version else ""
    correlation = f"\n    correlation_id={start.correlation_id!r}," if start.correlation_id else ""
    return f"""import os

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.orkes_clients import OrkesClients

configuration = Configuration(
    server_api_url={start.server_url!r},
    authentication_settings=AuthenticationSettings(
        key_id={start.key_id!r}, key_secret=os.environ["CONDUCTOR_AUTH_SECRET"]
    ),
)
request = StartWorkflowRequest(
    name={start.name!r},{version}{correlation}
    input={_python_value(start.input)},
)
print(OrkesClients(configuration).get_workflow_client().start_workflow(request))
"""


def _python_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_python_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_python_value(one) for one in value) + "]"
    return repr(value)


def _javascript(start: Start) -> str:
    return f"""import {{ orkesConductorClient, WorkflowExecutor }} from \
"@io-orkes/conductor-javascript";

const client = await orkesConductorClient({{
  serverUrl: {_quoted(start.server_url)},
  keyId: {_quoted(start.key_id)},
  keySecret: process.env.CONDUCTOR_AUTH_SECRET,
}});
const id = await new WorkflowExecutor(client).startWorkflow({_json(_request(start))});
console.log(id);
process.exit(0); // the client would go on renewing its token
"""


def _java(start: Start) -> str:
    version = f"\n        request.setVersion({start.version});" if start.version else ""
    correlation = (
        f"\n        request.setCorrelationId({_quoted(start.correlation_id)});"
        if start.correlation_id
        else ""
    )
    return f"""import com.fasterxml.jackson.databind.ObjectMapper;
import com.netflix.conductor.client.http.WorkflowClient;
import com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest;
import io.orkes.conductor.client.ApiClient;
import java.util.Map;

public class Start {{
    public static void main(String[] args) throws Exception {{
        var client = new ApiClient(
            {_quoted(start.server_url)},
            {_quoted(start.key_id)},
            System.getenv("CONDUCTOR_AUTH_SECRET"));
        var input = {_quoted(_compact(start.input))};
        var request = new StartWorkflowRequest();
        request.setName({_quoted(start.name)});{version}{correlation}
        request.setInput(new ObjectMapper().readValue(input, Map.class));
        System.out.println(new WorkflowClient(client).startWorkflow(request));
    }}
}}
"""


def _go(start: Start) -> str:
    version = f"\n\t\tVersion: {start.version}," if start.version else ""
    correlation = (
        f"\n\t\tCorrelationId: {_quoted(start.correlation_id)}," if start.correlation_id else ""
    )
    return f"""package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/settings"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

func main() {{
	api := client.NewAPIClient(
		settings.NewAuthenticationSettings(
			{_quoted(start.key_id)}, os.Getenv("CONDUCTOR_AUTH_SECRET")),
		settings.NewHttpSettings({_quoted(start.server_url)}),
	)
	var input map[string]interface{{}}
	if err := json.Unmarshal([]byte({_quoted(_compact(start.input))}), &input); err != nil {{
		panic(err)
	}}
	id, err := executor.NewWorkflowExecutor(api).StartWorkflow(&model.StartWorkflowRequest{{
		Name: {_quoted(start.name)},{version}{correlation}
		Input: input,
	}})
	fmt.Println(id, err)
}}
"""


def _csharp(start: Start) -> str:
    version = f"\n    version: {start.version}," if start.version else ""
    correlation = (
        f"\n    correlationId: {_quoted(start.correlation_id)}," if start.correlation_id else ""
    )
    return f"""using Conductor.Api;
using Conductor.Client;
using Conductor.Client.Authentication;
using Conductor.Client.Models;
using Newtonsoft.Json;

var configuration = new Configuration
{{
    BasePath = {_quoted(start.server_url)},
    AuthenticationSettings = new OrkesAuthenticationSettings(
        {_quoted(start.key_id)},
        Environment.GetEnvironmentVariable("CONDUCTOR_AUTH_SECRET")),
}};
var input = JsonConvert.DeserializeObject<Dictionary<string, object>>(
    {_quoted(_compact(start.input))});
var request = new StartWorkflowRequest(
    name: {_quoted(start.name)},{version}{correlation}
    input: input);
Console.WriteLine(configuration.GetClient<WorkflowResourceApi>().StartWorkflow(request));
"""


def _clojure(start: Start) -> str:
    return f"""(require '[cheshire.core :as json]
         '[io.orkes.workflow-resource :as workflow])

(def options
  {{:url {_quoted(start.server_url + "/")}
   :app-key {_quoted(start.key_id)}
   :app-secret (System/getenv "CONDUCTOR_AUTH_SECRET")}})

(println
  (workflow/start-workflow options
    (json/parse-string {_quoted(_compact(_request(start)))} true)))
"""


def _curl(start: Start) -> str:
    server, body = start.server_url, _shell(_compact(_request(start)))
    # The quotes end for a moment, so that the shell puts the secret in.
    key = f"""'{{"keyId": "{start.key_id}", "keySecret": "'"$CONDUCTOR_AUTH_SECRET"'"}}'"""
    reading = """sed 's/.*"token":"\\([^"]*\\)".*/\\1/'"""
    return f"""TOKEN=$(curl -s {_shell(server + "/token")} \\
  -H 'Content-Type: application/json' -d {key} | {reading})
curl -s {_shell(server + "/workflow")} -H "X-Authorization: $TOKEN" \\
  -H 'Content-Type: application/json' -d {body}
"""


def _cli(start: Start) -> str:
    version = f" --version {start.version}" if start.version else ""
    correlation = f" --correlation {_shell(start.correlation_id)}" if start.correlation_id else ""
    return (
        f"export CONDUCTOR_SERVER_URL={_shell(start.server_url)}\n"
        f"export CONDUCTOR_AUTH_KEY={_shell(start.key_id)}\n"
        "# CONDUCTOR_AUTH_SECRET is the secret of that key\n"
        f"conductor workflow start -w {_shell(start.name)}{version}{correlation} "
        f"-i {_shell(_compact(start.input))}\n"
    )


def _request(start: Start) -> JSONObject:
    request: JSONObject = {"name": start.name}
    if start.version:
        request["version"] = start.version
    if start.correlation_id:
        request["correlationId"] = start.correlation_id
    return request | {"input": start.input}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    """A literal with double quotes, as all these languages read it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_LANGUAGES: Final[tuple[tuple[str, str, str, Callable[[Start], str]], ...]] = (
    ("python", "Python", "pip install conductor-python", _python),
    ("javascript", "JavaScript", "npm install @io-orkes/conductor-javascript", _javascript),
    ("java", "Java", "org.conductoross:conductor-client:5.0.1", _java),
    ("go", "Go", "go get github.com/conductor-sdk/conductor-go", _go),
    ("csharp", "C#", "dotnet add package conductor-csharp", _csharp),
    ("clojure", "Clojure", 'io.orkes/conductor-clojure {:mvn/version "0.3.0"}', _clojure),
    ("curl", "curl", "", _curl),
    ("cli", "CLI", "npm install -g @conductor-oss/conductor-cli", _cli),
)
