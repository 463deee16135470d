"""What the router of language models adds to a call, in processor time.

The same request goes to a server on loopback, in a process of its own, by the bare SDK and by the router: prompt filled
and fenced, limits, breaker, deadline, the answer held against its form, the record. Rounds of both alternate; told is
the median of the rounds, as processor time of this process a call. No model writes anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Coroutine
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel

from bench.report import Unmeasured, say
from engines.language import wire
from engines.language.call import Call
from engines.language.router import Router
from engines.language.running import Runner
from engines.language.structured import schema_of
from engines.language.tasks import Ours, Prompt, Route, Task, Value, messages_of, transcript
from engines.redaction.text import RedactedText

WHAT = "what the router of language models adds to a call"


class Verdict(BaseModel):
    """What the made-up judge answers."""

    verdict: str
    quote: str


TASK = Task[Verdict](
    name="bench",
    label="a judge of the bench",
    without="nothing",
    prompt=Prompt("Between <<{{boundary}} stands data. Judge: {{what}}.", "{{call}}"),
    form=Verdict,
)
_ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": '{"verdict": "yes", "quote": "of the bill"}'},
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912},
    }
).encode()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=200, help="in each round")
    parser.add_argument("--rounds", type=int, default=7, help="of each way")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Alternate rounds of the bare SDK, the router, and the router behind its thread."""
    if options.calls < 1 or options.rounds < 1:
        raise Unmeasured("there is nothing to measure without calls and rounds")
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    server = context.Process(target=_serve, args=(told,), daemon=True)
    server.start()
    try:
        route = Route("bench", "bench", f"http://127.0.0.1:{told.get(timeout=60)}/v1", "m")
        return _measured(route, options.calls, options.rounds)
    finally:
        server.terminate()
        server.join(10)


def _measured(route: Route, calls: int, rounds: int) -> dict[str, Any]:
    turns = [(f"{number} customer", RedactedText("it is about the bill of [DATE]")) for number in range(120)]
    variables: dict[str, Value] = {"what": Ours("was the bill explained"), "call": transcript(turns)}
    call = Call("acme", TASK, TASK.prompt, (route,), variables, fresh=True)
    request = wire.request_of(
        route,
        messages_of(TASK, TASK.prompt, variables),
        temperature=0.0,
        tokens=800,
        schema=schema_of(Verdict),
    )
    runner, loop = Runner(), asyncio.new_event_loop()
    client = wire.client_of(route.base_url, ("127.0.0.1",), "", 60.0, 0)
    router = Router()

    async def bare() -> None:
        Verdict.model_validate_json((await wire.ask(client, request)).text)

    async def routed() -> None:
        if not (await router.run(call)).answered:
            raise Unmeasured("the server did not answer")

    ways: dict[str, Callable[[], None]] = {
        "sdk": lambda: loop.run_until_complete(_times(bare, calls)),
        "router": lambda: loop.run_until_complete(_times(routed, calls)),
        "runner": lambda: _each(lambda: runner.run(call), calls),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if number:  # the first of each warms up
                took[name].append(1000 * (time.process_time() - began) / calls)
        say(f"round {number} of {rounds}")
    loop.close()
    added = [routed_ms - bare_ms for routed_ms, bare_ms in zip(took["router"], took["sdk"], strict=True)]
    waited = [routed_ms - bare_ms for routed_ms, bare_ms in zip(took["runner"], took["sdk"], strict=True)]
    return {
        "calls": calls,
        "rounds": rounds,
        "characters_sent": sum(len(one["content"]) for one in request["messages"]),
        "sdk_cpu_ms": round(statistics.median(took["sdk"]), 3),
        "router_cpu_ms": round(statistics.median(took["router"]), 3),
        "runner_cpu_ms": round(statistics.median(took["runner"]), 3),
        "router_adds_cpu_ms": round(statistics.median(added), 3),
        "runner_adds_cpu_ms": round(statistics.median(waited), 3),
    }


async def _times(work: Callable[[], Coroutine[Any, Any, None]], calls: int) -> None:
    for _call in range(calls):
        await work()


def _each(work: Callable[[], object], calls: int) -> None:
    for _call in range(calls):
        work()


def _serve(told: Any) -> None:
    """Answer everything with the same, on connections that stay open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(_ANSWER)))
            self.end_headers()
            self.wfile.write(_ANSWER)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.put(server.server_port)
    server.serve_forever()
