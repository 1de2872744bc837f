"""FastAPI: a webhook that starts a workflow. `LEVERET_URL=amqp://localhost uvicorn examples.adapters.webhook:app`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

from examples.adapters.shop import Order, tag_of
from leveret import Client


class State(TypedDict):
    client: Client


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
    """Open one client for the whole application, and close it behind the last request."""
    async with Client() as client:
        yield {"client": client}


def client_of(request: Request) -> Client:
    client: Client = request.state.client
    return client


OrderClient = Annotated[Client, Depends(client_of)]

app = FastAPI(lifespan=lifespan)


class Placed(BaseModel):
    """What the web shop posts; it posts again until it gets an answer."""

    order: str = Field(pattern=r"^[\w-]{1,40}$")
    cents: int = Field(gt=0)


@app.post("/orders", status_code=202)
async def place(placed: Placed, request: Request, response: Response, client: OrderClient) -> dict[str, str]:
    """Start the workflow; returns when the broker has it, so 202 is a promise even if no node is up."""
    stub = client.new(Order, id=placed.order, tags={tag_of(placed.order)})
    await client.dispatch(stub.run, placed.cents)
    url = str(request.url_for("status", order=placed.order))
    response.headers["Location"] = url
    return {"status_url": url}


@app.get("/orders/{order}")
async def status(order: str, client: OrderClient) -> dict[str, Any]:
    """Tell how far it is, and the result once there is one."""
    instance = client.get(Order, id=order)
    described = await client.describe(instance, timeout=3)
    if described.data.get("status") == "unreachable":
        raise HTTPException(503, described.data["reason"], {"Retry-After": "5"})
    if not described.found:
        raise HTTPException(404, f"no order {order}")
    told = {"order": order, "status": described.data["status"]}
    return {**told, "result": await client.result(instance)} if told["status"] == "completed" else told
