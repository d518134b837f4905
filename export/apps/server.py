"""A web server for a site, on this machine only."""

import contextlib
import functools
import http.server
import pathlib

from tfstargan.errors import UserError


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder with the types that browsers require."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".svg": "image/svg+xml",
    }

    def end_headers(self) -> None:
        """Forbid caching without a check: the site may be made again."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def server(site: pathlib.Path, port: int) -> http.server.ThreadingHTTPServer:
    """A web server of a site, for this machine only; port 0 selects a free one.

    Raises:
        UserError: if the port can't be used.
    """
    handler = functools.partial(Handler, directory=str(site))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(f"--port={port}: can't be used ({error})") from error


def serve(site: pathlib.Path, port: int) -> None:
    """Serve a site until Ctrl-C."""
    with server(site, port) as web, contextlib.suppress(KeyboardInterrupt):
        print(f"http://localhost:{web.server_port}/ until Ctrl-C", flush=True)
        web.serve_forever()
