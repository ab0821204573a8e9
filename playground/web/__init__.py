"""The pages for people: server-rendered, session cookie, no JSON but what a page's script reads.

`create_web` is the whole of it as one Starlette application. It shares the engine and the queries
with the API and nothing else. Pages work without scripts; scripts refresh and enrich.
"""

from playground.web.app import create_web
from playground.web.site import SignInChoice, Site

__all__ = ["SignInChoice", "Site", "create_web"]
