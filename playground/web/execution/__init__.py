"""The page of one execution: what is around it (`page`), and a module for each of its tabs.

A tab is a `Tab` (`opened`): its name in the address, its label, its template and the function that
reads what the template shows. `page.TABS` is the list of them.
"""

from playground.web.execution.page import routes

__all__ = ["routes"]
