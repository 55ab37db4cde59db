"""Delta Sharing (delta-io/delta-sharing, PROTOCOL.md): a share for each provider, a schema for each library, a table for each
dataset with a version in force. Item and row policy is in the files themselves; hints are hints.
"""

from api.delta_sharing.app import create

__all__ = ["create"]
