"""Serve the built site on localhost, with the book's own page for addresses that do not exist."""

import argparse
import functools
import http.server
import pathlib

SITE = pathlib.Path(__file__).resolve().parent.parent / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Static files; a missing one answers 404 with the site's 404.html, as GitHub Pages does."""

    def send_error(self, code, message=None, explain=None):
        page = pathlib.Path(self.directory) / "404.html"
        if code != 404 or not page.exists():
            return super().send_error(code, message, explain)
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing for each request."""


def server(folder: pathlib.Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server for ``folder`` on localhost; port 0 takes any free one."""
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if not (SITE / "index.html").exists():
        raise SystemExit("No site yet: run `make book` first.")
    with server(SITE, options.port) as site:
        print(f"The book is on http://localhost:{options.port}/ (Ctrl-C ends)", flush=True)
        try:
            site.serve_forever()
        except KeyboardInterrupt:
            pass
