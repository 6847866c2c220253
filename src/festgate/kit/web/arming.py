"""The routes over which a drill arms faults: only with the token from the settings, and only from this machine."""

import os
import time
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from festgate.effects import MAX_ARMED_SECONDS
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.resilience import faults
from festgate.kit.web.bodies import read_ahead
from festgate.kit.web.forms import sentences
from festgate.kit.web.parameters import MAX_NAME, read_header
from festgate.kit.web.portal import is_local

PATH = "/drills/faults"


class FaultRequest(BaseModel):
    """The body of a request to arm a fault."""

    model_config = ConfigDict(extra="forbid")

    point: Annotated[str, Field(max_length=100)]
    effect: Annotated[str, Field(max_length=100)]
    seconds: float = Field(default=0.0, ge=-366 * 86_400, le=366 * 86_400)
    times: int | None = Field(default=None, ge=1)
    share: float = Field(default=1.0, gt=0, le=1)
    lasts: float = Field(default=60.0, gt=0, le=MAX_ARMED_SECONDS)
    """Seconds after which the fault ends, even if the drill no longer runs."""


class Arming:
    """The routes that list, arm and disarm faults."""

    def __init__(self, folder: Path, token: str) -> None:
        """Serve the faults in `folder`, the fest's data folder. Without a `token` there are no routes."""
        self._folder = folder
        self._token = token

    def routes(self) -> list[Route]:
        """Return the routes for the application."""
        if not self._token:
            return []
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(PATH, self.arm, methods=["POST"]),
            Route(PATH, self.disarm, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """Return the armed faults, and the process id of the worker that answers."""
        self._authorise(request)
        return JSONResponse({"faults": faults.listed(), "worker": os.getpid()})

    async def arm(self, request: Request) -> Response:
        """Arm one fault. Every worker has it within a fifth of a second."""
        self._authorise(request)
        try:
            body = FaultRequest.model_validate_json(await (await read_ahead(request)).body())
        except ValidationError as error:
            raise Invalid(sentences(error.errors())) from None
        fields = body.model_dump(exclude={"lasts"})
        try:
            faults.arm(self._folder, faults.Fault(**fields, until=time.time() + body.lasts))
        except ValueError as error:
            raise Invalid({"fault": f"{error}."}) from None
        return JSONResponse({"faults": faults.listed()}, 201)

    async def disarm(self, request: Request) -> Response:
        """Disarm every fault."""
        self._authorise(request)
        faults.disarm(self._folder)
        return Response(status_code=204)

    def _authorise(self, request: Request) -> None:
        scheme, _, token = read_header(request, "authorization", MAX_NAME).partition(" ")
        if (
            not is_local(request.scope)
            or scheme.lower() != "bearer"
            or not compare_digest(token.encode(), self._token.encode())
        ):
            raise NotFound
