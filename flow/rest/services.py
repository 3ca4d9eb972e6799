"""``/service`` and ``/service_pool``: reading goes to the API as the user, changing through the engine's desk."""

from starlette.responses import Response

from flow.engine.operations import Operation, Scale, Undeploy, Update
from flow.rest import documents
from flow.rest.actions import machines_operation, role_operation, service_operation
from flow.rest.answers import done, shown
from flow.rest.call import Call
from flow.rest.values import flag, number, text


async def list_services(call: Call) -> Response:
    """All that the user may see."""
    return shown(await call.work(documents.pool, call.user, documents.SERVICE))


async def show_service(call: Call) -> Response:
    """One."""
    return shown(await call.work(documents.show, call.user, documents.SERVICE, call.oid))


async def update_service(call: Call) -> Response:
    """Replace what can be replaced of a service."""
    body = await call.object()
    return await _ask(call, Update(await call.work(call.checks.service, body)))


async def delete_service(call: Call) -> Response:
    """Undeploy it; its document goes when its machines are gone."""
    return await _ask(call, Undeploy())


async def act_on_service(call: Call) -> Response:
    """Recover, owner, group, permissions, name, release, or an action on all machines."""
    perform, params = await call.action()
    return await _ask(call, service_operation(perform, params, call.defaults))


async def act_on_role(call: Call) -> Response:
    """An action on the machines of a role."""
    perform, params = await call.action()
    role = str(call.request.path_params["role"])
    return await _ask(call, machines_operation(role, perform, params, call.defaults))


async def change_roles(call: Call) -> Response:
    """Add a role to a running service, or take one away."""
    perform, params = await call.action()
    return await _ask(call, await call.work(role_operation, perform, params, call.checks.role))


async def scale(call: Call) -> Response:
    """Give a role another number of machines."""
    body = await call.object()
    role, wanted = text(body, "role_name"), number(body, "cardinality")
    return await _ask(call, Scale(role=role, cardinality=wanted, force=flag(body, "force")))


async def purge_done(call: Call) -> Response:
    """Remove what is left of services that are done."""
    await call.desk.purge_done(call.user)
    return done()


async def _ask(call: Call, operation: Operation) -> Response:
    await call.desk.request(call.user, call.oid, operation)
    return done()
