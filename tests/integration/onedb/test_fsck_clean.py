"""A database that only the server has written is clean, whatever its machines are doing."""

import pytest

from tests.integration.oned.conftest import BACKENDS
from tests.integration.onedb.fsck_world import ALL_STATES, world


@pytest.mark.full
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_with_machines_in_every_state_leaves_a_clean_database(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with world(backend, request, tmp_path_factory.mktemp("fsck"), ALL_STATES) as made:
        assert made.fsck() == []
