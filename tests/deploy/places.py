"""Names that the tests of the deployment share."""

from __future__ import annotations

from tests.conftest import ROOT

REPOSITORY = ROOT
COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
# As with most installations: TLS ends at a proxy, and the platform is not alone on its host name.
PUBLIC_PATH = "/tools/perf"
PUBLIC_URL = f"https://perf.example.com{PUBLIC_PATH}"
SECRETS = ("SECRET_KEY", "MONGODB_ROOT_PASSWORD", "MONGODB_PASSWORD", "REDIS_PASSWORD")
