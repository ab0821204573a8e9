"""Event handlers, publishing and the event monitor: `/api/event`, after EventResource."""

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, refuse
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import MAX_LONG, Boolean, Integer
from playground.engine import events
from playground.model.definitions import JSONObject
from playground.model.errors import NotFound
from playground.model.events import (
    Action,
    EventExecution,
    EventHandler,
    EventMessage,
    HandledEventResponse,
    StartWorkflow,
)
from playground.model.execution import SearchResult
from playground.store import event_handlers, event_messages

ACTIVE_ONLY = Boolean("activeOnly", "Leave out handlers that are not active", default=True)
FROM = Integer("from", "Only what is newer, in epoch milliseconds", default=0, maximum=MAX_LONG)

_SAMPLE = EventHandler(
    name="sample_event_handler",
    event="conductor:sample_workflow:order-status",
    condition="$.status == 'READY'",
    actions=[
        Action(
            action="start_workflow",
            start_workflow=StartWorkflow(
                name="fulfill_order",
                correlation_id="${orderId}",
                input={"orderId": "${orderId}"},
            ),
        )
    ],
    active=True,
)


async def add_event_handler(request: Request) -> Response:
    """Add one handler or several: clients send an object or a list."""
    if isinstance(await read(request, object), list):
        handlers = await read(request, list[EventHandler])
    else:
        handlers = [await read(request, EventHandler)]
    if not handlers:
        raise refuse("eventHandler", "EventHandler cannot be null.")
    notice = await events.register(request.state.runtime, request.state.caller, handlers)
    return _empty_with(notice)


async def update_event_handler(request: Request) -> Response:
    """Replace a handler of that name."""
    handler = await read(request, EventHandler)
    notice = await events.update(request.state.runtime, request.state.caller, handler)
    return _empty_with(notice)


def _empty_with(notice: str) -> Response:
    """Conductor's empty answer; what there is to know stands in a header."""
    response = empty()
    if notice:
        response.headers["X-Playground-Notice"] = notice
    return response


async def remove_event_handler(request: Request) -> Response:
    """Remove a handler."""
    name = request.path_params["name"]
    await events.remove(request.state.runtime, request.state.caller, name)
    return empty()


async def get_event_handlers(request: Request) -> Response:
    """All handlers."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await event_handlers.handlers(connection))


async def get_event_handlers_for_event(request: Request) -> Response:
    """The handlers of one event."""
    event, active_only = request.path_params["event"], ACTIVE_ONLY.of(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await event_handlers.handlers_of(connection, event, active_only=active_only)
    return as_json(found)


async def get_event_handler_by_name(request: Request) -> Response:
    """One handler."""
    name = request.path_params["name"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await event_handlers.handler(connection, name)
    if found is None:
        raise NotFound(f"EventHandler with name {name} not found!")
    return as_json(found)


async def get_sample_event_handler(request: Request) -> Response:
    """What a handler looks like."""
    return as_json(_SAMPLE)


async def handle_incoming_event(request: Request) -> Response:
    """Publish the body to the handlers of the event that it names."""
    payload = await read(request, JSONObject)
    event = payload.get("event")
    if not isinstance(event, str) or not event.strip():
        raise refuse("event", "The field event must name the event to publish.")
    await events.publish(request.state.runtime, request.state.caller, event, payload)
    return empty()


async def get_event_handler_monitor(request: Request) -> Response:
    """Each handler with how many messages it met."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await event_messages.by_handler(connection)
    return as_json(SearchResult(total_hits=len(found), results=found))


async def get_event_executions(request: Request) -> Response:
    """What a handler did, newest first."""
    handler, since_ms = request.path_params["eventHandlerName"], FROM.of(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await event_messages.records_of(connection, handler, since_ms=since_ms))


async def get_event_monitor(request: Request) -> Response:
    """Each event with how many messages came."""
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await event_messages.by_event(connection, since_ms=FROM.of(request))
    return as_json(SearchResult(total_hits=len(found), results=found))


async def get_event_messages(request: Request) -> Response:
    """The messages of an event with what they led to, newest first."""
    event, since_ms = request.path_params["event"], FROM.of(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        return as_json(await event_messages.messages_of(connection, event, since_ms=since_ms))


class HandledEvents(SearchResult, frozen=True, kw_only=True, rename="camel"):
    """A page of the event monitor."""

    results: list[HandledEventResponse]


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/event",
        handler=add_event_handler,
        scope="event:write",
        summary="Add an event handler, or several",
        body=EventHandler | list[EventHandler],
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="PUT",
        path="/api/event",
        handler=update_event_handler,
        scope="event:write",
        summary="Replace an event handler",
        body=EventHandler,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/event",
        handler=get_event_handlers,
        scope="event:read",
        summary="All event handlers",
        answers={200: list[EventHandler]},
    ),
    Endpoint(
        method="DELETE",
        path="/api/event/{name}",
        handler=remove_event_handler,
        scope="event:write",
        summary="Remove an event handler",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/event/{event}",
        handler=get_event_handlers_for_event,
        scope="event:read",
        summary="The handlers of an event",
        parameters=(ACTIVE_ONLY,),
        answers={200: list[EventHandler]},
    ),
    Endpoint(
        method="GET",
        path="/api/event/handler/",
        handler=get_sample_event_handler,
        scope="event:read",
        summary="What an event handler looks like",
        answers={200: EventHandler},
    ),
    Endpoint(
        method="GET",
        path="/api/event/handler/{name}",
        handler=get_event_handler_by_name,
        scope="event:read",
        summary="An event handler",
        answers={200: EventHandler},
    ),
    Endpoint(
        method="POST",
        path="/api/event/handleIncomingEvent",
        handler=handle_incoming_event,
        scope="event:write",
        summary="Publish an event to its handlers",
        description="The body is the message; its field `event` names the event.",
        body=JSONObject,
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="GET",
        path="/api/event/execution",
        handler=get_event_handler_monitor,
        scope="event:read",
        summary="Event handlers and how many messages they met",
        answers={200: HandledEvents},
    ),
    Endpoint(
        method="GET",
        path="/api/event/execution/{eventHandlerName}",
        handler=get_event_executions,
        scope="event:read",
        summary="What an event handler did",
        parameters=(FROM,),
        answers={200: list[EventExecution]},
    ),
    Endpoint(
        method="GET",
        path="/api/event/message",
        handler=get_event_monitor,
        scope="event:read",
        summary="Events and how many messages came",
        parameters=(FROM,),
        answers={200: HandledEvents},
    ),
    Endpoint(
        method="GET",
        path="/api/event/message/{event}",
        handler=get_event_messages,
        scope="event:read",
        summary="The messages of an event and what they led to",
        parameters=(FROM,),
        answers={200: list[EventMessage]},
    ),
)
