"""The workspace of the service tests, with an importer."""

from __future__ import annotations

import pytest

from crmkit.services.workspace import Workspace
from tests.import_samples import JsonImporter, with_importers


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, JsonImporter())
