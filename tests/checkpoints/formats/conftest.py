"""What the tests of hostile files measure with."""

import tracemalloc

import pytest


@pytest.fixture
def peak_of():
    """A function that calls its argument and gives the most bytes Python held meanwhile."""

    def measure(function):
        tracemalloc.start()
        try:
            function()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure
