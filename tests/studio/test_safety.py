"""Who may ask the studio, and what is refused before any work is done."""

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from ingan_fast.studio.safety import allowed_hosts
from studio_server import ADDRESS, PORT, TOKEN, connected, sentence


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """A client of the same server without a token."""
    return TestClient(client.app, ADDRESS, raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/api/server", "/api/pictures", "/static/index.html", "/nothing"])
def test_every_address_needs_the_token(stranger: TestClient, path: str) -> None:
    assert "token" in sentence(stranger.get(path), 401)
    assert "token" in sentence(stranger.get(path, headers={"Authorization": f"Bearer {TOKEN[:-1]}"}), 401)
    assert "token" in sentence(stranger.get(f"{path}?token={TOKEN}"), 401)  # only the page takes it from the address


def test_the_page_needs_the_token_and_gives_a_cookie_that_does_from_then_on(stranger: TestClient) -> None:
    assert stranger.get("/").status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401
    page = stranger.get(f"/?token={TOKEN}")
    assert page.status_code == 200
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"ingan_fast_{PORT}=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert stranger.get("/api/server").status_code == 200
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:9", f"127.0.0.1.evil:{PORT}", ""])
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert "name" in sentence(client.get("/api/server", headers={"Host": host}), 403)


def test_two_host_names_are_refused(client: TestClient) -> None:
    hosts = [("Host", f"127.0.0.1:{PORT}"), ("Host", "evil.example")]
    assert "name" in sentence(client.get("/api/server", headers=hosts), 403)


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
def test_other_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/server", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"http://localhost:{PORT}", "http://127.0.0.1:81"])
def test_another_page_is_refused(client: TestClient, origin: str) -> None:
    assert "page" in sentence(client.get("/api/server", headers={"Origin": origin}), 403)
    assert client.get("/api/server", headers={"Origin": ADDRESS}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"host": "evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
    ],
)
def test_web_sockets_are_checked_too(client: TestClient, headers: dict[str, str], status: int) -> None:
    with pytest.raises(WebSocketDenialResponse) as caught, connected(client, "0" * 32, **headers):
        pytest.fail("it was accepted")
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static//etc/passwd",
        "/api/pictures/..%2f..%2f/preview.png",
        f"/api/pictures/{'0' * 31}./preview.png",
        "/api/jobs/x/files/..%2fabout.json",
    ],
)
def test_no_other_file_can_be_reached(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_hosts_of_other_interfaces_are_taken_as_they_are() -> None:
    assert allowed_hosts("0.0.0.0", 80) is None
    assert allowed_hosts("192.0.2.1", 81) == {"192.0.2.1:81"}
    assert "localhost" in (allowed_hosts("127.0.0.1", 80) or ())
