"""The JavaScript of a pack: the chart library from its package, and the page's own scripts.

Belongs here: where the text of a script comes from. Does not belong here: what the scripts do (see `web/scripts`).

The library is Vega-Lite, as vl-convert-python bundles it. Bundling takes some two seconds of processor time, so the
result is kept in the user's cache folder, by the version of the package.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

WEB = Path(__file__).parent / "web"

_PACKAGE = "vl-convert-python"
_LEAST_BYTES = 500_000


@lru_cache(maxsize=1)
def chart_library() -> str:
    """Return the chart library as one script, which defines `vegaEmbed`."""
    cached = _cache_folder() / f"vega-{version(_PACKAGE)}.js"
    with suppress(OSError, UnicodeDecodeError):
        text = cached.read_text("utf-8")
        digest, _, script = text.partition("\n")
        if digest == f"// {_digest(script)}" and len(script) > _LEAST_BYTES:
            return script
    script = _bundle()
    # A folder that cannot be written, as in a container, costs the next pack two seconds and is no error.
    with suppress(OSError):
        _write(cached, f"// {_digest(script)}\n{script}")
    return script


def page_script() -> str:
    """Return the page's own scripts as one script, in the order of their names, with names of their own."""
    parts = [path.read_text("utf-8") for path in sorted((WEB / "scripts").glob("*.js"))]
    return "\n".join(["(() => {", '"use strict";', *parts, "})();"])


def content_hash(text: str) -> str:
    """Return the hash of a script or a style as a content security policy has it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _bundle() -> str:
    import vl_convert  # here: its library has 33 MB

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _cache_folder() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("finance-platform", appauthor=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file that another process sees whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
