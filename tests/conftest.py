"""How hypothesis searches: at will on a developer's machine, the same way each time in CI."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadlines: how long an example takes depends on what else the machine does.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
