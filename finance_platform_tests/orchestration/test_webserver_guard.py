"""Other sites do not reach Dagster's webserver; its own pages do.

Belongs here: requests to the webserver's real app behind the guard. Does not belong here: the command and its processes
(see `end_to_end/test_ui_command`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from finance_platform.orchestration.webserver.guard import KnownOrigin, guard_webserver
from finance_platform.orchestration.webserver.report_files import ReportFiles
from finance_platform.storage.factory import open_store
from finance_platform_tests.orchestration.asgi import Answer, Headers, handshake, request
from finance_platform_tests.profiles import current_profile

HOST, ORIGIN = "127.0.0.1:3000", "http://127.0.0.1:3000"
OWN = [("Host", HOST), ("Origin", ORIGIN)]
EVIL = [("Host", "evil.example"), ("Origin", "http://evil.example")]
JSON = ("Content-Type", "application/json")
HEALTH = "/server_info"

OWN_ADDRESSES = {
    HOST: ORIGIN,
    "localhost:3000": "http://localhost:3000",
    "[::1]:3000": "http://[::1]:3000",
    "localhost:8080": "http://localhost:8080",  # the end of a tunnel
    "finance.example.com": "https://finance.example.com",
    "Finance.Example.com": "https://finance.example.com",
}
FOREIGN_HOSTS = (
    *("evil.example", "127.0.0.1.evil.example:3000", "localhost.evil.example", "finance.example.com.evil.example"),
    *("evil-finance.example.com", "127.0.0.1@evil.example", "evil.example#127.0.0.1", "127.0.0.1,evil.example"),
    *(
        "0.0.0.0:3000",
        "127.1:3000",
        "2130706433:3000",
        "[::2]:3000",
        "::1",
        "localhost.:3000",
        "*",
        "",
        "www.localhost",
    ),
)
FOREIGN_ORIGINS = (
    *("null", "", "*", "file://", "http://evil.example", "https://evil.example:3000", "http://127.0.0.1"),
    *("http://127.0.0.1:3001", "https://127.0.0.1:3001", "http://127.0.0.1:3000.evil.example", "127.0.0.1:3000"),
    *(
        "http://127.0.0.1:3000@evil.example",
        "http://evil@127.0.0.1:3000",
        "http://127.0.0.1:3000/",
        "ws://127.0.0.1:3000",
    ),
    *("http://finance.example.com", "https://finance.example.com.evil.example", "https://finance.example.com:444"),
    *("http://evil.example http://127.0.0.1:3000", "http://[::1", "http://[::1]:3000]"),
)
# A port is not part of a known host, since a tunnel ends at any.
KNOWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]|finance\.example\.com)(:\d*)?", re.IGNORECASE)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "WEBSOCKET")


def set_limit(key: str) -> str:
    return f'mutation {{ setConcurrencyLimit(concurrencyKey: "{key}", limit: 1) }}'


class PageError(Exception):
    """An error of Dagster's own pages, such as that of a run which does not exist; the request had passed the guard."""


@dataclass
class Webserver:
    """Dagster's webserver behind the guard.

    Attributes:
        bare: Dagster's app alone.
        instance: what its mutations change.
        reached: the requests that reached the app.
    """

    bare: Starlette
    instance: dg.DagsterInstance
    reached: list[str] = field(default_factory=list)

    def guarded(self, *origins: str) -> ASGIApp:
        known = [KnownOrigin.of(origin) for origin in origins or (ORIGIN, "https://finance.example.com")]
        return guard_webserver(self._record, known, health_path=HEALTH)

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(scope["path"])
        try:
            await self.bare(scope, receive, send)
        except Exception as error:
            raise PageError(scope["path"]) from error

    def limits(self) -> set[str]:
        return set(self.instance.event_log_storage.get_concurrency_keys())


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    from dagster_webserver.app import create_app_from_workspace_process_context  # takes a second, in each worker

    with (
        dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        yield Webserver(create_app_from_workspace_process_context(context), instance)


def post(app: ASGIApp, query: str, headers: Headers = (*OWN, JSON)) -> Answer:
    return request(app, "POST", "/graphql", headers, body=json.dumps({"query": query}))


# Why there is a guard


def test_dagsters_webserver_alone_lets_another_site_change_things(webserver: Webserver):
    by_get = request(webserver.bare, "GET", "/graphql", EVIL, query=f"query={set_limit('by_get')}")
    as_text = request(webserver.bare, "POST", "/graphql", EVIL, query=f"query={set_limit('as_text')}")
    assert [by_get.status, as_text.status] == [200, 200]
    assert webserver.limits() >= {"by_get", "as_text"}
    assert handshake(webserver.bare, "/graphql", EVIL).status == 101


# What another site can try


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(EVIL, id="another name for this machine"),
        pytest.param([("Host", HOST), ("Origin", "http://evil.example")], id="another site"),
        pytest.param([("Host", HOST), ("Origin", "http://127.0.0.1:8888")], id="another server of this machine"),
        pytest.param([("Host", HOST), ("Origin", "null")], id="a sandboxed frame"),
        pytest.param([("Host", HOST)], id="without an origin"),
        pytest.param([("Host", HOST), ("Origin", ORIGIN), ("Origin", "http://evil.example")], id="two origins"),
        pytest.param([("Host", HOST), ("Host", "evil.example"), ("Origin", ORIGIN)], id="two hosts"),
    ],
)
def test_another_site_changes_nothing_by_any_method_or_content_type(webserver: Webserver, headers: Headers):
    app, before = webserver.guarded(), webserver.limits()
    query = f"query={set_limit('foreign')}"
    answers = [
        request(app, "GET", "/graphql", headers, query=query),
        request(app, "GET", "/graphql", [*headers, ("Accept", "application/json")], query=query),
        request(app, "POST", "/graphql", [*headers, ("Content-Type", "text/plain")], query=query),
        request(
            app, "POST", "/graphql", [*headers, ("Content-Type", "application/x-www-form-urlencoded")], query=query
        ),
        post(app, set_limit("foreign"), [*headers, JSON]),
        request(app, "POST", "/report_asset_materialization/raw/transactions", headers),
        handshake(app, "/graphql", headers),
    ]
    assert {answer.status for answer in answers} == {403}
    assert webserver.limits() == before
    assert "Origin: http://127.0.0.1:3000" in answers[-2].text


def test_graphql_is_not_answered_by_get_even_for_the_uis_own_pages(webserver: Webserver):
    app, before = webserver.guarded(), webserver.limits()
    # Starlette's routes match before a line break at the end of a path as well.
    assert request(webserver.bare, "GET", "/graphql\n", OWN, query="query={version}").text.startswith('{"data"')
    for path in ("/graphql", "/graphql/", "//graphql", "/GraphQL", "/graphql\n", "/graphql/\n", "/x/../graphql\n"):
        answer = request(app, "GET", path, OWN, query=f"query={set_limit('own')}")
        assert answer.status == 403
        assert "POST" in answer.text
    assert webserver.limits() == before


def all_paths(app: Starlette) -> list[str]:
    paths = [str(getattr(route, "path", "")) for route in app.routes]
    assert "/graphql" in paths
    return [path.replace("{", "").replace("}", "") for path in paths]


@settings(max_examples=current_profile().examples_of_slow(current_profile().examples))
@given(data=st.data())
def test_no_request_with_a_foreign_host_or_origin_reaches_the_webserver(webserver: Webserver, data: st.DataObject):
    method = data.draw(st.sampled_from(METHODS), "method")
    endings = st.sampled_from(["", "\n", "/", "\r", "\0", " ", ";x"])
    paths = st.builds(str.__add__, st.sampled_from([*all_paths(webserver.bare), "/graphql"]), endings)
    path = data.draw(paths | st.text(max_size=9).map("/".__add__), "path")
    host = data.draw(st.sampled_from([*OWN_ADDRESSES, *FOREIGN_HOSTS]) | st.text("0123456789.:[]alochst@", max_size=12))
    own_origin = OWN_ADDRESSES.get(host)
    own = st.just(own_origin) if own_origin else st.nothing()
    origin = data.draw(own | st.sampled_from([*OWN_ADDRESSES.values(), *FOREIGN_ORIGINS]) | st.none(), "origin")
    query = data.draw(st.sampled_from(["", f"query={set_limit('drawn')}"]), "query")

    headers = [("Host", host), *([("Origin", origin)] if origin is not None else [])]
    webserver.reached.clear()
    before = webserver.limits()
    status = 0
    with suppress(PageError):  # errors of the guard itself are not suppressed
        if method == "WEBSOCKET":
            status = handshake(webserver.guarded(), path, headers).status
        else:
            answer = request(webserver.guarded(), method, path, [*headers, ("Accept", "text/html")], query=query)
            status = answer.status

    is_safe = method in {"GET", "HEAD"}
    is_query = is_safe and bool(query) and "graphql" in path.lower()
    own_origins = {own_origin} if own_origin else {f"{scheme}://{host}" for scheme in ("http", "https")}
    is_own = (is_safe or origin in own_origins) and not is_query
    if webserver.reached:
        assert (KNOWN_HOST.fullmatch(host) and is_own) or (is_safe and path == HEALTH)
    else:
        assert status in {400, 403}
        assert webserver.limits() == before
    if host in OWN_ADDRESSES and is_own:
        assert webserver.reached == [path]


def test_an_error_of_a_page_is_no_error_of_the_guard(webserver: Webserver):
    webserver.reached.clear()
    with suppress(PageError):
        request(webserver.guarded(), "GET", "/download_debug/unknown", OWN)
    assert webserver.reached == ["/download_debug/unknown"]
    webserver.reached.clear()
    assert request(webserver.guarded(), "GET", "/download_debug/unknown", EVIL).status == 400
    assert webserver.reached == []


# The UI's own pages


def test_the_uis_own_pages_read_change_and_subscribe(webserver: Webserver):
    for host, origin in OWN_ADDRESSES.items():
        headers = [("Host", host), ("Origin", origin)]
        app = webserver.guarded()
        assert request(app, "GET", "/", [("Host", host)]).status == 200
        assert post(app, "{ version }", [*headers, JSON]).status == 200
        assert post(app, set_limit(f"own {origin}"), [*headers, JSON]).status == 200
        assert f"own {origin}" in webserver.limits()
        assert handshake(app, "/graphql", headers).status == 101


def test_the_page_for_graphql_queries_opens(webserver: Webserver):
    answer = request(webserver.guarded(), "GET", "/graphql", [("Host", HOST), ("Accept", "text/html")])
    assert answer.status == 200
    assert "GraphiQL" in answer.text


def test_a_link_from_another_site_opens_a_page(webserver: Webserver):
    headers = [("Host", HOST), ("Referer", "https://mail.example"), ("Sec-Fetch-Site", "cross-site")]
    assert request(webserver.guarded(), "GET", "/runs/1", headers).status == 200


def test_a_page_over_plain_http_does_not_change_a_ui_that_is_served_over_tls(webserver: Webserver):
    app = webserver.guarded("https://finance.example.com")
    host = ("Host", "finance.example.com")
    assert post(app, "{ version }", [host, ("Origin", "https://finance.example.com"), JSON]).status == 200
    assert post(app, "{ version }", [host, ("Origin", "http://finance.example.com"), JSON]).status == 403
    forwarded = [host, ("Origin", "http://finance.example.com"), ("X-Forwarded-Proto", "http"), JSON]
    assert post(app, "{ version }", forwarded).status == 403


def test_a_load_balancer_reads_only_the_health_path_under_the_servers_address(webserver: Webserver):
    app, ip = webserver.guarded(), [("Host", "10.42.1.7:3000")]
    assert request(app, "GET", HEALTH, ip).status == 200
    assert request(app, "GET", "/", ip).status == 400
    assert request(app, "POST", HEALTH, ip).status == 403
    assert handshake(app, HEALTH, ip).status == 403
    without = guard_webserver(webserver.bare, [KnownOrigin.of(ORIGIN)])
    assert [request(without, "GET", path, ip).status for path in (HEALTH, "")] == [400, 400]


def test_no_other_site_can_show_the_ui_in_a_frame(webserver: Webserver):
    for path in ("/", "/graphql", "/favicon.png"):
        headers = request(webserver.guarded(), "GET", path, [("Host", HOST), ("Accept", "text/html")]).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
    # Dagster's own policy stays.
    assert "object-src 'none'" in request(webserver.guarded(), "GET", "/", OWN).headers["content-security-policy"]


def test_an_origin_is_a_scheme_and_a_host_name_without_a_password():
    assert str(KnownOrigin.of("https://user:secret@Finance.Example.com:8443/path?a=b")) == "https://finance.example.com"
    assert str(KnownOrigin.of("http://[::1]:3000")) == "http://[::1]"
    for address in (
        "finance.example.com",
        "ftp://finance.example.com",
        "http://",
        "http://*",
        "http://*.example.com",
        "null",
        "",
    ):
        with pytest.raises(ValueError, match="http"):
            KnownOrigin.of(address)


@pytest.fixture
def reports(tmp_path: Path, webserver: Webserver) -> ASGIApp:
    """The webserver with a folder of reports, behind the guard."""
    (tmp_path / "report_pack.html").write_text("<p>pack</p>")
    (tmp_path / "secret.html").write_text("secret")
    return guard_webserver(ReportFiles(webserver.bare, lambda: open_store(str(tmp_path))), [KnownOrigin.of(ORIGIN)])


def test_the_report_pack_is_served_in_a_sandbox_without_the_rights_of_the_ui(reports: ASGIApp):
    answer = request(reports, "GET", "/report_pack/report_pack.html", [("Host", HOST)])
    assert (answer.status, answer.text) == (200, "<p>pack</p>")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts allow-downloads; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert request(reports, "GET", "/report_pack/report_pack.html", EVIL[:1]).status == 400


@pytest.mark.parametrize("name", ["report_pack-2025.html", "secret.html", "../report_pack.html", "%2e%2e/x.html", ""])
def test_nothing_else_of_the_folder_of_reports_is_served(reports: ASGIApp, name: str):
    answer = request(reports, "GET", f"/report_pack/{name}", [("Host", HOST)])
    assert (answer.status, "secret" in answer.text) == (404, False)
