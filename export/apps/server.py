"""A web server of a site on this machine, for a look."""

import contextlib
import functools
import http.server
import pathlib

from tfstargan.errors import UserError


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with the types that a browser insists on; says nothing."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".svg": "image/svg+xml",
    }

    def end_headers(self) -> None:
        """Have files asked for anew: the site may have been made again."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Pass over each request."""


def server(site: pathlib.Path, port: int) -> http.server.ThreadingHTTPServer:
    """Return a web server of a site on this machine alone; port 0 takes a free one.

    Raises:
        UserError: if the port is taken.
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
