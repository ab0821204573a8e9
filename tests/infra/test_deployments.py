"""Pins that what deploys the playground names what there is: settings, commands, ports, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from playground.__main__ import _ROLES
from playground.api import ENDPOINTS
from playground.settings import CHECKOUT, Settings, describe, read_settings

INFRA = CHECKOUT / "infra"
COMPOSE = INFRA / "compose"
COMMANDS = {*_ROLES, "sandbox"} - {"up", "devidp"}
# Read by uvicorn itself: whose word about the client is believed.
NOT_OURS = {"FORWARDED_ALLOW_IPS"}
SETTINGS = {line.variable for line in describe()}
MIGRATE_URL = "PLAYGROUND_MIGRATE_DATABASE_URL"

compose: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
kubernetes: list[dict[str, Any]] = [
    document
    for file in sorted((INFRA / "k8s").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
units = sorted((INFRA / "systemd").glob("*.service"))
roles = {name: one for name, one in compose["services"].items() if one["image"] == "playground"}


def lines_of(unit: Path, key: str) -> list[str]:
    """The values of a key of a unit."""
    return [
        line.partition("=")[2]
        for line in unit.read_text().splitlines()
        if line.startswith(f"{key}=")
    ]


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(the Deployment or Job, one of its containers)."""
    for document in kubernetes:
        if document["kind"] in {"Deployment", "Job"}:
            for container in document["spec"]["template"]["spec"]["containers"]:
                yield document, container


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        *COMPOSE.iterdir(),
        *(INFRA / "k8s").iterdir(),
        *(INFRA / "systemd").iterdir(),
        *(INFRA / "backup").iterdir(),
        INFRA / "nginx" / "playground.conf",
    ],
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_every_variable_is_a_setting(file: Path) -> None:
    if file.is_dir():
        return
    named = set(re.findall(r"PLAYGROUND_[A-Z_]+[A-Z]", file.read_text()))

    assert named <= SETTINGS


def test_settings_of_compose_are_read_as_they_stand() -> None:
    filled = {
        "PUBLIC_URL": "https://playground.example",
        "SECRET_KEY": "A" * 43 + "=",
        "SECRETS_KEY": "B" * 43 + "=",
    }
    for name, role in roles.items():
        environment = {
            key: re.sub(r"\$\{(\w+)\}", lambda m: filled.get(m[1], "x"), str(value))
            for key, value in role.get("environment", {}).items()
        }
        settings = read_settings(environment)
        assert isinstance(settings, Settings), name
        assert name == "migrate" or settings.operator_port == 9100 or name == "sandbox"


def test_settings_of_kubernetes_are_read_as_they_stand() -> None:
    [settings] = [one["data"] for one in kubernetes if one["kind"] == "ConfigMap"]

    assert read_settings(settings).operator_port == 9100


def test_only_migrate_knows_the_owner() -> None:
    in_compose = {n for n, one in roles.items() if MIGRATE_URL in one.get("environment", {})}
    holders = {
        one["metadata"]["name"]
        for one in kubernetes
        if one["kind"] == "Secret" and MIGRATE_URL in one["stringData"]
    }
    users = {
        document["metadata"]["name"]
        for document, container in containers()
        for source in container.get("envFrom", [])
        if source.get("secretRef", {}).get("name") in holders
    }

    assert in_compose == {"migrate"}
    assert users == {"migrate"}
    assert MIGRATE_URL not in (INFRA / "systemd" / "environment.example").read_text()


def test_sandbox_is_given_no_setting_and_no_network() -> None:
    sandbox = compose["services"]["sandbox"]

    assert "environment" not in sandbox
    assert sandbox["network_mode"] == "none"
    unit = (INFRA / "systemd" / "playground-sandbox.service").read_text()
    assert "Environment" not in unit
    assert "PrivateNetwork=yes" in unit
    for _, container in containers():
        assert container["name"] != "sandbox" or not {"env", "envFrom"} & set(container)


# --- commands ------------------------------------------------------------------------------------


def test_every_command_of_compose_exists() -> None:
    assert {one["command"][0] for one in roles.values()} == COMMANDS
    assert "healthcheck" in roles["clock"]


def test_every_command_of_kubernetes_exists() -> None:
    assert {container["args"][0] for _, container in containers()} == COMMANDS


def test_every_command_of_systemd_exists() -> None:
    started = [shlex.split(command) for unit in units for command in lines_of(unit, "ExecStart")]

    assert {words[1] for words in started} == COMMANDS
    assert {words[0] for words in started} == {"/opt/playground/.venv/bin/playground"}


def test_target_wants_units_that_exist() -> None:
    [wanted] = lines_of(INFRA / "systemd" / "playground.target", "Wants")
    there = {unit.name for unit in units}

    assert {re.sub(r"@\d", "@", name) for name in wanted.split()} <= there
    assert len(re.findall(r"playground-web@\d", wanted)) == 2


def test_image_copies_what_exists() -> None:
    dockerfile = (COMPOSE / "Dockerfile").read_text()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert copied
    assert all((CHECKOUT / source).exists() for source in copied)
    assert "USER playground" in dockerfile
    assert not re.search(r"^(ADD|RUN .*curl)", dockerfile, re.MULTILINE)


# --- ports, files, references --------------------------------------------------------------------


def test_nginx_asks_the_web_processes_where_they_listen() -> None:
    servers = re.findall(
        r"^ *server ([\w-]+):(\d+)", (INFRA / "nginx" / "playground.conf").read_text(), re.MULTILINE
    )
    webs = [name for name, one in roles.items() if one["command"] == ["web"]]

    assert [name for name, _ in servers] == webs
    assert len(webs) == 2
    assert {port for _, port in servers} == {roles["web-1"]["environment"]["PLAYGROUND_PORT"]}


def test_nginx_braces_and_semicolons_are_whole() -> None:
    text = re.sub(r"#.*", "", (INFRA / "nginx" / "playground.conf").read_text())

    assert text.count("{") == text.count("}")
    statements = [line.strip() for line in text.splitlines() if line.strip()]
    assert all(line[-1] in "{};" for line in statements)


def test_front_lets_every_body_through_that_the_api_takes() -> None:
    [megabytes] = re.findall(
        r"client_max_body_size (\d+)m;", (INFRA / "nginx" / "playground.conf").read_text()
    )

    assert max(endpoint.max_body_bytes for endpoint in ENDPOINTS) < int(megabytes) * 2**20
    [ingress] = [one for one in kubernetes if one["kind"] == "Ingress"]
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == f"{megabytes}m"


def test_health_is_asked_where_it_is_answered() -> None:
    [settings] = [one["data"] for one in kubernetes if one["kind"] == "ConfigMap"]
    probes = [
        container[kind]["httpGet"]
        for document, container in containers()
        for kind in ("readinessProbe", "livenessProbe", "startupProbe")
        if document["kind"] == "Deployment" and container["name"] != "sandbox"
    ]

    assert len(probes) == 9
    assert {str(probe["port"]) for probe in probes} == {settings["PLAYGROUND_OPERATOR_PORT"]}
    assert {probe["path"] for probe in probes} == {"/health/live", "/health/ready"}


def test_nothing_but_the_front_is_published() -> None:
    assert [name for name, one in compose["services"].items() if "ports" in one] == ["nginx"]


def test_every_variable_of_compose_is_in_its_example() -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", (COMPOSE / "compose.yaml").read_text()))
    given = set(re.findall(r"^(\w+)=", (COMPOSE / "env.example").read_text(), re.MULTILINE))

    assert wanted == given


def test_mounted_files_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for one in compose["services"].values()
        for volume in one.get("volumes", [])
    ]
    files = [source for source in mounted if source.startswith(".")]

    assert len(files) == 3
    assert all((COMPOSE / source).exists() for source in files)
    assert {source for source in mounted if not source.startswith(".")} == set(compose["volumes"])


def test_dependencies_of_compose_exist() -> None:
    for one in compose["services"].values():
        assert set(one.get("depends_on", {})) <= set(compose["services"])


def test_redis_evicts_nothing() -> None:
    command = compose["services"]["valkey"]["command"]

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_references_of_kubernetes_exist() -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in kubernetes}
    for document, container in containers():
        for source in container.get("envFrom", []):
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if key in source:
                    assert (kind, source[key]["name"]) in there
        volumes = document["spec"]["template"]["spec"].get("volumes", [])
        mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
        assert mounts <= {volume["name"] for volume in volumes}


def test_namespace_is_made_before_what_is_put_into_it() -> None:
    readme = (INFRA / "k8s" / "README.md").read_text()
    [applied] = re.findall(r"^kubectl apply (.*)$", readme, re.MULTILINE)
    first = shlex.split(applied)[1].replace("secret.yaml", "secret.example.yaml")

    made = yaml.safe_load_all((INFRA / "k8s" / first).read_text())

    assert next(made)["kind"] == "Namespace"


def test_selectors_of_kubernetes_match_their_pods() -> None:
    deployments = {
        one["metadata"]["name"]: one["spec"] for one in kubernetes if one["kind"] == "Deployment"
    }

    assert set(deployments) == {"web", "executor", "clock"}
    assert all(
        spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        for spec in deployments.values()
    )
    assert deployments["web"]["replicas"] == 2


def test_containers_have_no_rights_to_spare() -> None:
    for _, container in containers():
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["runAsNonRoot"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    for name in roles:
        if name != "migrate":
            assert roles[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("folder", ["backup", "compose", "k8s", "systemd"])
def test_folder_says_its_one_command(folder: str) -> None:
    readme = (INFRA / folder / "README.md").read_text()

    assert "```sh" in readme
    assert f"({folder})" in (INFRA / "README.md").read_text()
