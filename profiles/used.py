"""How much of the disk a project uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Used:
    """An estimate. `profile_bytes` is a profile with its recording, `other_bytes` all the rest."""

    profiles: int
    profile_bytes: int
    other_bytes: int

    @property
    def stored_bytes(self) -> int:
        return self.profiles * self.profile_bytes + self.other_bytes

    def profiles_over(self, quota_bytes: int) -> int:
        """How many profiles are too many."""
        over_bytes = self.stored_bytes - quota_bytes
        if over_bytes <= 0 or not self.profile_bytes:
            return 0
        return min(self.profiles, -(-over_bytes // self.profile_bytes))
