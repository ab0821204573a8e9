"""Stand-ins for the outside services that the samples call, so that they run without internet.

Everything below `/samples`: deterministic where it can be, small, public, and holding nothing
that matters. The web app mounts `routes`; HTTP tasks reach them through the one exception that
`playground.egress` makes.
"""

from starlette.routing import Route

from playground.standins import bucket, jobs, oddities, pictures, population, saga, usps

routes: list[Route] = [
    *population.routes,
    *oddities.routes,
    *jobs.routes,
    *saga.routes,
    *usps.routes,
    *pictures.routes,
    *bucket.routes,
]
