"""What is derived from what arrived: rollups from ledgers, call trees from stacks, digests from recordings.

Every step computes from all that it is derived from, and replaces what is stored unless that was computed
from more. Only then it notes that it is done, on the condition that nothing was replaced in between. So a
step that is killed, repeated or done by two workers at once leaves what one undisturbed run leaves.
"""
