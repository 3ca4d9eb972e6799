"""The routes, once: the application and the OpenAPI document are made of this table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from flow.rest import services, templates
from flow.rest.call import Call


@dataclass(frozen=True)
class Entry:
    """One verb of one path. ``body`` names a schema of the OpenAPI document, as ``answer`` does.

    ``leads``: only the leading server does it.
    """

    verb: str
    path: str
    handler: Callable[[Call], Awaitable[Response]]
    summary: str
    status: int = 204
    body: str = ""
    answer: str = ""
    leads: bool = False


_SERVICE = "/service/{id:int}"
_TEMPLATE = "/service_template/{id:int}"
TABLE = (
    Entry("GET", "/service", services.list_services, "List services.", 200, answer="DocumentPool"),
    Entry("GET", _SERVICE, services.show_service, "Show a service.", 200, answer="Document"),
    Entry(
        "PUT", _SERVICE, services.update_service, "Update roles and policies.", body="ServiceTemplate", leads=True
    ),
    Entry("DELETE", _SERVICE, services.delete_service, "Undeploy and delete a service.", leads=True),
    Entry(
        "POST",
        f"{_SERVICE}/action",
        services.act_on_service,
        "Act on a service.",
        body="ServiceAction",
        leads=True,
    ),
    Entry("POST", f"{_SERVICE}/scale", services.scale, "Scale a role.", body="Scale", leads=True),
    Entry(
        "POST",
        f"{_SERVICE}/role/{{role}}/action",
        services.act_on_role,
        "Act on the machines of a role.",
        body="MachineAction",
        leads=True,
    ),
    Entry(
        "POST",
        f"{_SERVICE}/role_action",
        services.change_roles,
        "Add or remove a role.",
        body="RoleChange",
        leads=True,
    ),
    Entry("POST", "/service_pool/purge_done", services.purge_done, "Remove services that are done.", leads=True),
    Entry(
        "GET", "/service_template", templates.list_templates, "List service templates.", 200, answer="DocumentPool"
    ),
    Entry(
        "POST",
        "/service_template",
        templates.create_template,
        "Create a service template.",
        201,
        body="ServiceTemplate",
        answer="Document",
    ),
    Entry("GET", _TEMPLATE, templates.show_template, "Show a service template.", 200, answer="Document"),
    Entry(
        "PUT",
        _TEMPLATE,
        templates.update_template,
        "Update a service template.",
        200,
        body="ServiceTemplate",
        answer="Document",
    ),
    Entry("DELETE", _TEMPLATE, templates.delete_template, "Delete a service template.", body="Deletion"),
    Entry(
        "POST",
        f"{_TEMPLATE}/action",
        templates.act_on_template,
        "Act on a service template; 201 with a document for instantiate and clone.",
        body="TemplateAction",
        leads=True,
    ),
)
