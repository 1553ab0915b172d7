"""What is kept of target apps. One file a model, with its manager.

Only the managers here touch MongoDB past the ORM: inserts, lists and counts are many times faster so
(docs/decisions.md).
"""

from __future__ import annotations

from profiles.models.digest import Digest
from profiles.models.endpoint_name import EndpointName
from profiles.models.fold_mark import FoldMark
from profiles.models.function_sums import FunctionSums
from profiles.models.instance import Instance
from profiles.models.intake import Intake
from profiles.models.lease import Lease
from profiles.models.ledger import Ledger
from profiles.models.minute_forest import MinuteForest
from profiles.models.packed_session import PackedSession
from profiles.models.profile import Profile
from profiles.models.rollup import Rollup
from profiles.models.session_blob import SessionBlob
from profiles.models.shared_frames import SharedFrames
from profiles.models.tree_blob import TreeBlob
from profiles.models.upkeep import Upkeep

__all__ = [
    "Digest",
    "EndpointName",
    "FoldMark",
    "FunctionSums",
    "Instance",
    "Intake",
    "Lease",
    "Ledger",
    "MinuteForest",
    "PackedSession",
    "Profile",
    "Rollup",
    "SessionBlob",
    "SharedFrames",
    "TreeBlob",
    "Upkeep",
]
