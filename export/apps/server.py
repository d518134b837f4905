"""A web server for a site, on this machine only."""

import contextlib
import functools
import http.server
import pathlib
import sys
from typing import Any

from tfstargan.errors import UserError

# Browsers give WebAssembly threads only to pages that no other page can reach.
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder with the types that browsers require."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".svg": "image/svg+xml",
    }

    def end_headers(self) -> None:
        """Isolate the page; forbid caching without a check: it may be made again."""
        for name, value in ISOLATED.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A web server that says nothing of browsers that leave before they have a file."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print an error, unless the connection was closed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def server(site: pathlib.Path, port: int) -> Server:
    """A web server of a site, for this machine only; port 0 selects a free one.

    Raises:
        UserError: if the port can't be used.
    """
    handler = functools.partial(Handler, directory=str(site))
    try:
        return Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(f"--port={port}: can't be used ({error})") from error


def serve(site: pathlib.Path, port: int) -> None:
    """Serve a site until Ctrl-C."""
    with server(site, port) as web, contextlib.suppress(KeyboardInterrupt):
        print(f"http://localhost:{web.server_port}/ until Ctrl-C", flush=True)
        web.serve_forever()
