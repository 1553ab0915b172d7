"""The shop's application factory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from flask_shop import carriers, database, views
from flask_shop.orders import format_money

RELEASES = ("1.0", "1.1")


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the shop.

    `config` overrides the environment: `SHOP_VERSION` ("1.0" or "1.1"), `SHOP_DATA` (directory of the
    database, empty for one that goes away with the app), `SHOP_CARRIERS_URL` (address of the carriers' rate
    service, empty for one of our own). Raises ValueError for an unknown version.
    """
    app = Flask(__name__)
    app.config["SHOP_VERSION"] = os.environ.get("SHOP_VERSION", RELEASES[0])
    app.config["SHOP_DATA"] = os.environ.get("SHOP_DATA", "")
    app.config["SHOP_CARRIERS_URL"] = os.environ.get("SHOP_CARRIERS_URL", "")
    app.config.update(config or {})
    release = app.config["SHOP_VERSION"]
    if release not in RELEASES:
        raise ValueError(f"SHOP_VERSION must be one of {', '.join(RELEASES)}, not {release!r}.")
    app.config["SHOP_DATABASE"] = database.prepare(_data_directory(app))
    app.config["SHOP_CARRIERS_URL"] = app.config["SHOP_CARRIERS_URL"] or carriers.start_once()
    app.teardown_appcontext(database.close)
    app.add_template_filter(format_money, "money")
    app.register_blueprint(views.shop)
    # Compiled now, so that no visitor waits for it.
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    if os.environ.get("PERFPLATFORM_KEY"):
        watch(app)
    return app


def watch(app: Flask) -> None:
    """Send the shop's profiles to the platform that PERFPLATFORM_URL and PERFPLATFORM_KEY name."""
    import perfplatform_sdk
    from perfplatform_sdk.integrations.flask import PerfPlatform

    perfplatform_sdk.init(version=app.config["SHOP_VERSION"])
    PerfPlatform(app)


def _data_directory(app: Flask) -> Path:
    if app.config["SHOP_DATA"]:
        return Path(app.config["SHOP_DATA"])
    # Kept in the app so that the directory goes away with it.
    app.extensions["shop_data"] = tempfile.TemporaryDirectory(prefix="flask_shop_")
    return Path(app.extensions["shop_data"].name)
