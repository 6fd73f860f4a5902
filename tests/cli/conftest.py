"""What the tests of several commands work on."""

import pytest
from small_network import small_checkpoint


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """(model, the folder of its checkpoint)."""
    folder = tmp_path_factory.mktemp("network") / "converted"
    return small_checkpoint(folder), folder
