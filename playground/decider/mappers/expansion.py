"""The shape of the function that maps nested tasks, given to mappers that need it."""

from collections.abc import Callable

from playground.decider.mappers.context import MapperContext
from playground.model.execution import Task

Expand = Callable[[MapperContext], list[Task]]
