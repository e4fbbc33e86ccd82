"""A Hub on this machine's loopback that speaks what huggingface_hub needs for models: repositories, commits, files.

Weights go the way of large files: uploaded on their own (Git LFS, basic transfer), served from another address.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_a_test"
LARGE = (".safetensors", ".onnx")


@dataclass
class Repo:
    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    hidden: bool = False  # somebody else's, and private

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass
class Hub:
    """What it holds and was asked.

    Attributes:
        sizes: told instead of the files' own.
        large: contents of large files by their SHA-256.
        fails: the status of every answer, if not 0.
    """

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    fails: int = 0
    writable: bool = True

    @property
    def store(self) -> str:
        """Where large files are: another host, for clients that follow redirects within a host."""
        return self.url.replace("127.0.0.1", "localhost")

    @property
    def writes(self) -> list[str]:
        return [each for each in self.requests if each.startswith("POST") and "validate-yaml" not in each]


@contextmanager
def fake_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._route("GET")

    def do_HEAD(self) -> None:
        self._route("HEAD")

    def do_PUT(self) -> None:
        self._route("PUT")

    def do_POST(self) -> None:
        self._route("POST")

    def _route(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{method} {path}")
        if self.hub.fails:
            return self._tell(self.hub.fails, {"error": "out of order"})
        for pattern, answer in (
            (r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", self._info),
            (r"/api/validate-yaml", self._validate),
            (r"/api/repos/create", self._create),
            (r"/api/models/([^/]+/[^/]+)/preupload/.+", self._preupload),
            (r"/api/models/([^/]+/[^/]+)/commit/.+", self._commit),
            (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            (r"/large/([0-9a-f]{64})", self._large),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._file),
        ):
            found = re.fullmatch(pattern, path)
            if found:
                return answer(body, *found.groups())
        return self._tell(404, {"error": f"nothing at {path}"})

    @property
    def _logged_in(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repo(self, name: str) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or repo.hidden or (repo.private and not self._logged_in):
            self._tell(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return repo

    def _info(self, body: bytes, name: str, revision: str | None) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        if revision not in (None, "main", repo.sha):
            return self._tell(404, {"error": "no revision"}, {"X-Error-Code": "RevisionNotFound"})
        files = [
            {"rfilename": file, "size": self.hub.sizes.get(file, len(content)), "blobId": "0" * 40}
            for file, content in repo.files.items()
        ]
        self._tell(200, {"_id": "0", "id": name, "sha": repo.sha, "private": repo.private, "siblings": files})

    def _validate(self, body: bytes) -> None:
        bad = "license: no-such-licence" in json.loads(body)["content"]
        told = {"errors": [{"message": '"license" must be one of [apache-2.0, mit]'}] if bad else [], "warnings": []}
        self._tell(400 if bad else 200, told)

    def _create(self, body: bytes) -> None:
        if not self._logged_in or not self.hub.writable:
            return self._tell(403 if self._logged_in else 401, {"error": "no"})
        wanted = json.loads(body)
        name = f"{wanted['organization']}/{wanted['name']}"
        if name in self.hub.repos:
            return self._tell(409, {"error": "exists"})
        self.hub.repos[name] = Repo(bool(wanted.get("private")) or wanted.get("visibility") == "private")
        self._tell(200, {"url": f"{self.hub.url}/{name}", "name": name, "id": name})

    def _preupload(self, body: bytes, name: str) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in json.loads(body)["files"]
        ]
        self._tell(200, {"files": files})

    def _commit(self, body: bytes, name: str) -> None:
        if not self._logged_in or not self.hub.writable:
            return self._tell(403 if self._logged_in else 401, {"error": "no"})
        repo = self.hub.repos[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                assert value["encoding"] == "base64"
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del repo.files[value["path"]]
        url = f"{self.hub.url}/{name}/commit/{repo.sha}"
        self._tell(200, {"commitUrl": url, "commitOid": repo.sha, "success": True, "hookOutput": ""})

    def _file(self, body: bytes, name: str, revision: str, file: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        content = repo.files.get(file)
        if content is None:
            return self._tell(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
        if file.endswith(LARGE):
            oid = hashlib.sha256(content).hexdigest()
            self.hub.large[oid] = content
            about = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content)), "X-Repo-Commit": repo.sha}
            return self._send(302, b"", about | {"Location": f"{self.hub.store}/large/{oid}"})
        etag = hashlib.sha1(content).hexdigest()
        return self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": repo.sha})

    def _batch(self, body: bytes, name: str) -> None:
        objects = [
            each | {"actions": {"upload": {"href": f"{self.hub.store}/large/{each['oid']}"}}}
            for each in json.loads(body)["objects"]
        ]
        self._tell(200, {"transfer": "basic", "objects": objects})

    def _large(self, body: bytes, oid: str) -> None:
        if self.command == "PUT":
            assert hashlib.sha256(body).hexdigest() == oid
            self.hub.large[oid] = body
        self._send(200, b"" if self.command == "PUT" else self.hub.large[oid], {"ETag": f'"{oid}"'})

    def _tell(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
