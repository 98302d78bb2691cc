"""The commands: parse, call, print."""

import os

# pydantic looks for plugins in the metadata of every installed package, which is a twentieth of
# what `validate` takes; firewarden has no use for one.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
