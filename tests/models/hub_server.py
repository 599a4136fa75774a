"""A model hub on this machine: the part of the protocol that downloads use, with faults on demand.

What lies under "web" is served as plain files, without anything that only a hub says.
"""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PLAIN = re.compile(r"/(?P<repo>web)/(?P<file>[^/]+)(?P<revision>)")
_ROUTE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


class HubServer:
    """Serves ``files``, {"owner/name": {"file": bytes}}, and writes down every request as (method, file, range)."""

    def __init__(self, files):
        self.files = files
        self.requests = []
        self.tokens = []  # what was sent to prove who asks
        self.refuse_status = None  # answer everything with this status
        self.drop_after = None  # bytes after which the next download is cut off
        self.busy_after_drop = False  # answer 503 once a download was cut off
        self.etag = None  # say this instead of the true sha256 of a large file
        self.blob = None  # say this instead of git's true name of a small file
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def downloads(self, file=None):
        return [request for request in self.requests if request[0] == "GET" and file in (None, request[1])]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def log_message(self, *_):
        pass

    def _answer(self, with_body):
        hub, route = self.server_hub, _PLAIN.fullmatch(self.path) or _ROUTE.fullmatch(self.path)
        asked = self.headers.get("Range")
        if sent := self.headers.get("Authorization"):
            hub.tokens.append(sent)
        hub.requests.append((self.command, route and route["file"], asked))
        if hub.refuse_status:
            return self._refuse(hub.refuse_status)
        if not route or route["repo"] not in hub.files:
            return self._refuse(404, "RepoNotFound")
        if route["revision"] not in ("", "main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        if route["file"] not in hub.files[route["repo"]]:
            return self._refuse(404, "EntryNotFound")
        self._send(
            hub.files[route["repo"]][route["file"]], asked, with_body, route["file"], plain=not route["revision"]
        )

    def _refuse(self, status, code=""):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content, asked, with_body, file, *, plain):
        hub = self.server_hub
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        body = content[start:]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if plain:
            self.send_header("ETag", f'"{"0" * 64}"')  # as a digest is long, and none of the content
        else:
            self.send_header("X-Repo-Commit", COMMIT)
            self._send_etag(content, file)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and hub.drop_after is not None:
            self.wfile.write(body[: hub.drop_after])
            hub.drop_after, self.close_connection = None, True
            if hub.busy_after_drop:
                hub.refuse_status = 503
        elif with_body:
            self.wfile.write(body)

    def _send_etag(self, content, file):
        blob = self.server_hub.blob or hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        large = file.endswith(".safetensors")
        if large:
            linked = self.server_hub.etag or hashlib.sha256(content).hexdigest()
            self.send_header("X-Linked-Etag", f'"{linked}"')
            self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("ETag", f'"{"storage-tag" if large else blob}"')
