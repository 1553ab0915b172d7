"""./manage.py prepare_mongodb: the replica set and the platform's own account on a new MongoDB server."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.uri_parser import parse_uri

from perfplatform.replica_set import Client, stored_config, wait_until_writable

PATIENCE_S = 60
# MongoDB's error codes.
AUTHENTICATION_FAILED = 18
ALREADY_INITIALIZED = 23
USER_ALREADY_EXISTS = 51003


class Command(BaseCommand):
    help = (
        "Make the MongoDB server of MONGODB_URI ready: initiate the replica set that the address names and "
        "create the account in it, or give that its current password. Needs MONGODB_ADMIN_URI, the same "
        "server's address with an administrator's account. It can run again at any time."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        address = os.environ.get("MONGODB_ADMIN_URI", "")
        if not address:
            raise CommandError(
                "MONGODB_ADMIN_URI is not set: it must be an address such as mongodb://root:...@host."
            )
        uri = parse_uri(settings.ENVIRONMENT.mongodb_uri, warn=False)
        # Directly, since a set that is not initiated yet has no members to find.
        client = Client(address, directConnection=True, serverSelectionTimeoutMS=PATIENCE_S * 1000)
        try:
            with client:
                self.stdout.write(prepare(client, uri))
        except OperationFailure as error:
            if error.code == AUTHENTICATION_FAILED:
                raise CommandError(
                    "MongoDB refuses the account of MONGODB_ADMIN_URI. Its password is set when the server's "
                    "volume is made and does not follow a later change of the setting."
                ) from None
            raise CommandError(f"MongoDB refuses: {error.details and error.details.get('errmsg')}") from None
        except ConnectionFailure as error:
            raise CommandError(f"MongoDB can't be reached: {error}") from None
        except TimeoutError:
            raise CommandError("MongoDB has elected no primary. Its log says why.") from None


def prepare(client: Client, uri: dict[str, Any]) -> str:
    """Do what is missing; returns a sentence about it. `uri` is the platform's own address, parsed."""
    name = _option(uri, "replicaSet")
    host, port = uri["nodelist"][0]
    new_set = bool(name) and initiate(client, name, f"{host}:{port}")
    # Accounts can be written on a primary alone, and a set elects it in its own time.
    wait_until_writable(client)
    new_account = bool(uri["username"]) and grant(client, uri)
    return (
        f"Replica set: {'initiated' if new_set else 'as it was'}. "
        f"Account: {'created' if new_account else 'as it was'}."
    )


def initiate(client: Client, name: str, member: str) -> bool:
    """Make the server the only member of a new replica set; False if it belongs to one."""
    if stored_config(client):
        return False
    try:
        client.admin.command("replSetInitiate", {"_id": name, "members": [{"_id": 0, "host": member}]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise
        return False
    return True


def grant(client: Client, uri: dict[str, Any]) -> bool:
    """Create the platform's account, or bring its password and roles up to date; False if it was there."""
    name = uri["database"] or "perfplatform"
    accounts = client[_option(uri, "authSource") or uri["database"] or "admin"]
    roles = [{"role": "readWrite", "db": name}, {"role": "dbAdmin", "db": name}]
    try:
        accounts.command("createUser", uri["username"], pwd=uri["password"], roles=roles)
    except OperationFailure as error:
        if error.code != USER_ALREADY_EXISTS:
            raise
        accounts.command("updateUser", uri["username"], pwd=uri["password"], roles=roles)
        return False
    return True


def _option(uri: dict[str, Any], name: str) -> str:
    """Names of options may be written in any case, and pymongo keeps them as they were written."""
    return next((str(value) for key, value in uri["options"].items() if key.lower() == name.lower()), "")
