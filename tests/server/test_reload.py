"""Reload in development: each change is served, and a mistake affects as little as possible."""

import shutil
from contextlib import suppress
from pathlib import Path

import httpx

import festgate
from tests.rig.server import Serve
from tests.rig.waiting import until


def test_reload_serves_each_change_and_keeps_serving_after_a_syntax_error(
    serve: Serve, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    shutil.copytree(
        Path(festgate.__file__).parent, code / "festgate", ignore=shutil.ignore_patterns("__pycache__")
    )
    server = serve("--reload", extra={"PYTHONPATH": str(code)})
    app = code / "festgate" / "portal" / "app.py"
    text = app.read_text(encoding="utf-8")
    assert text.count('"ok\\n"') == 1

    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:

        def get(path: str) -> httpx.Response:
            # An open connection may be closed with the worker that served it.
            with suppress(httpx.TransportError):
                return client.get(path)
            return client.get(path)

        def health() -> str:
            return get("/healthz").text

        assert health() == "ok\n"
        app.write_text(text.replace('"ok\\n"', '"changed\\n"'), encoding="utf-8")
        until(lambda: health() == "changed\n", "the changed code is served", 60)
        app.write_text("def half(", encoding="utf-8")
        until(lambda: "the old workers keep serving" in server.log(), "a syntax error is logged", 60)
        assert health() == "changed\n"
        app.write_text(text, encoding="utf-8")
        until(lambda: health() == "ok\n", "the corrected code is served", 60)

        pages = code / "festgate" / "portal" / "checkout" / "pages.py"
        good = pages.read_text(encoding="utf-8")
        pages.write_text(good.replace("class CheckoutPages:", "class CheckoutPages", 1), encoding="utf-8")
        until(lambda: get("/checkout").status_code == 503, "checkout is unavailable", 60)
        broken = get("/checkout").text
        assert "SyntaxError" in broken
        assert "checkout/pages.py" in broken
        assert "class CheckoutPages\n" in broken
        for path in ("/", "/events", "/login", "/healthz"):
            assert get(path).status_code == 200, path
        pages.write_text(good, encoding="utf-8")
        until(lambda: get("/checkout").status_code == 303, "checkout is served again", 60)
    assert server.stop() == 0
