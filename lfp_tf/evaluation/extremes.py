"""The few best and worst of many, for the pictures of a report."""

import heapq


class Extremes:
    """The few best and worst of many; an example is drawn only if it is kept."""

    def __init__(self, kept):
        self.kept, self._number, self._best, self._worst = kept, 0, [], []

    def add(self, value, draw):
        """Considers one more of a value; `draw()` gives what is kept."""
        self._number += 1
        example = None
        for heap, key in ((self._best, value), (self._worst, -value)):
            if len(heap) < self.kept or (key, -self._number) > heap[0][:2]:
                example = example or draw()
                heapq.heappush(heap, (key, -self._number, example))
                if len(heap) > self.kept:
                    heapq.heappop(heap)

    def best(self):
        """The highest values' examples, highest first."""
        return [entry[2] for entry in sorted(self._best, reverse=True)]

    def worst(self):
        """The lowest values' examples, lowest first."""
        return [entry[2] for entry in sorted(self._worst, reverse=True)]
