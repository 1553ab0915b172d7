"""What is kept of target apps. One file a model, with its manager.

Only the managers here touch MongoDB past the ORM: inserts, lists and counts are many times faster so
(docs/decisions.md).
"""

from __future__ import annotations

from profiles.models.ledger import Ledger
from profiles.models.profile import Profile
from profiles.models.session_blob import SessionBlob

__all__ = ["Ledger", "Profile", "SessionBlob"]
