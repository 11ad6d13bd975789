"""A real HTTP server on loopback whose answers a test writes as a list of misbehaviours, one for each request."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Served:
    """What the server has, how it behaves, and what it was asked.

    Attributes:
        content, tag: the file and its ETag (None for none).
        faults: for each GET in turn: None for a good answer, a status to answer, ("cut", n) to close after n
            bytes, ("stall", n) to fall silent after them, or a function of this object to call before a good one.
        ranges: the Range headers of the GETs.
    """

    def __init__(self, content):
        self.content, self.tag, self.faults, self.ranges = content, '"one"', [], []
        self.resumes = self.measures = True
        self.status_of_head, self.address = 200, ""


@contextmanager
def serving(content):
    """The server, for the time of the block."""
    served = Served(content)
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format, *args):
            pass

        def do_HEAD(self):
            self.send_response(served.status_of_head)
            self.end_headers()

        def do_GET(self):
            asked = self.headers.get("Range")
            served.ranges.append(asked)
            fault = served.faults.pop(0) if served.faults else None
            if callable(fault):
                fault = fault(served)
            if isinstance(fault, int):
                self.send_error(fault)
                return
            start = 0
            same = self.headers.get("If-Range") == served.tag
            if asked and served.resumes and same:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(served.content):
                self.send_error(416)
                return
            body = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                total = len(served.content)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if served.measures:
                self.send_header("Content-Length", str(len(body)))
            if served.tag:
                self.send_header("ETag", served.tag)
            self.end_headers()
            if fault is None:
                self.wfile.write(body)
                return
            assert isinstance(fault, tuple)
            kind, sent = fault
            self.wfile.write(body[:sent])
            self.wfile.flush()
            if kind == "stall":
                stopped.wait(5)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield served
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
