"""Where the root key comes from: one interface, and one file for each kind of source."""

from strongroom.envelope.root.key_file import KeyFileRoot
from strongroom.envelope.root.passphrase import PassphraseRoot
from strongroom.envelope.root.source import RootKeySource

__all__ = ["KeyFileRoot", "PassphraseRoot", "RootKeySource"]
