"""Applications, keys, roles, tags and queues through the unmodified `conductor-python`.

Run with CONDUCTOR_SERVER_URL, CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET of a key that may do
everything. The last line printed is JSON.
"""

import json

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.create_or_update_application_request import (
    CreateOrUpdateApplicationRequest,
)
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.orkes.models.access_key_status import AccessKeyStatus
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes_clients import OrkesClients


def main() -> None:
    clients = OrkesClients(Configuration())
    access, metadata = clients.get_authorization_client(), clients.get_metadata_client()
    tasks = clients.get_task_client()
    application = access.create_application(CreateOrUpdateApplicationRequest("py"))
    access.add_role_to_application_user(application.id, "WORKER")
    key = access.create_access_key(application.id)
    toggled = access.toggle_access_key_status(application.id, key.id)
    access.set_application_tags([MetadataTag("team", "blue")], application.id)
    app_tags = access.get_application_tags(application.id)
    access.delete_application_tags(app_tags, application.id)
    listed = access.get_access_keys(application.id)
    access.delete_access_key(application.id, key.id)
    renamed = access.update_application(CreateOrUpdateApplicationRequest("py 2"), application.id)
    found = access.get_application(application.id)

    node = WorkflowTask(name="step", task_reference_name="step", type="SIMPLE")
    metadata.register_workflow_def(WorkflowDef(name="py_wf", version=1, tasks=[node]), True)
    metadata.add_workflow_tag(MetadataTag("a", "1"), "py_wf")
    metadata.set_workflow_tags([MetadataTag("b", "2")], "py_wf")
    tags = metadata.get_workflow_tags("py_wf")
    metadata.delete_workflow_tag(MetadataTag("b", "2"), "py_wf")
    left = metadata.get_workflow_tags("py_wf")
    access.delete_application(application.id)
    print(
        json.dumps(
            {
                "toggled": toggled.status == AccessKeyStatus.INACTIVE,
                "keys": len(listed),
                "application_tags": [[tag.key, tag.value] for tag in app_tags],
                "names": [renamed.name, found.name],
                "workflow_tags": [[tag.key, tag.value] for tag in tags],
                "left": len(left),
                "queue": tasks.get_queue_size_for_task("step"),
                "polls": len(tasks.get_task_poll_data("step")),
            }
        )
    )


if __name__ == "__main__":
    main()
