"""Where a drill arms its faults: only with the token of the settings, and only from this machine."""

import os
import time
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from festgate.kit.errors import Invalid, NotFound
from festgate.kit.resilience import faults
from festgate.kit.web.bodies import read_ahead
from festgate.kit.web.forms import sentences
from festgate.kit.web.parameters import MAX_NAME, read_header
from festgate.kit.web.portal import is_local

PATH = "/drills/faults"


class Order(BaseModel):
    """A fault to arm."""

    model_config = ConfigDict(extra="forbid")

    point: Annotated[str, Field(max_length=100)]
    effect: Annotated[str, Field(max_length=100)]
    seconds: float = Field(default=0.0, ge=-366 * 86_400, le=366 * 86_400)
    times: int | None = Field(default=None, ge=1)
    share: float = Field(default=1.0, gt=0, le=1)
    lasts: float = Field(default=60.0, gt=0, le=faults.MAX_SECONDS)
    """Seconds after which it is disarmed, whatever has become of the drill."""


class Arming:
    """The routes of faults."""

    def __init__(self, folder: Path, token: str) -> None:
        """`folder` holds the fest's data; without a `token` nothing is there."""
        self._folder = folder
        self._token = token

    def routes(self) -> list[Route]:
        """For app.py."""
        if not self._token:
            return []
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(PATH, self.arm, methods=["POST"]),
            Route(PATH, self.disarm, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """What is armed, and the process that says so."""
        self._admit(request)
        return JSONResponse({"faults": faults.listed(), "worker": os.getpid()})

    async def arm(self, request: Request) -> Response:
        """Arm one fault, in every worker within a fifth of a second."""
        self._admit(request)
        try:
            sent = Request(request.scope, await read_ahead(request.scope, request.receive))
            order = Order.model_validate_json(await sent.body())
        except ValidationError as error:
            raise Invalid(sentences(error.errors())) from None
        fields = order.model_dump(exclude={"lasts"})
        try:
            faults.arm(self._folder, faults.Fault(**fields, until=time.time() + order.lasts))
        except ValueError as error:
            raise Invalid({"fault": f"{error}."}) from None
        return JSONResponse({"faults": faults.listed()}, 201)

    async def disarm(self, request: Request) -> Response:
        """Disarm all."""
        self._admit(request)
        faults.disarm(self._folder)
        return Response(status_code=204)

    def _admit(self, request: Request) -> None:
        scheme, _, token = read_header(request, "authorization", MAX_NAME).partition(" ")
        if (
            not is_local(request.scope)
            or scheme.lower() != "bearer"
            or not compare_digest(token.encode(), self._token.encode())
        ):
            raise NotFound
