"""What a network must know to be used: options, preprocessing, classes; carried by every model."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class Recipe:
    """How a built network is called and read (an attribute `recipe` of the Keras model).

    Attributes:
        experiment: its name.
        task: name of its task.
        network: what `models.catalog` calls it.
        options: arguments of its builder there.
        preprocess: what its input goes through, see `ops.preprocessing`; a loaded file may set it.
        crop: (height, width) it was trained at; None where sizes differed.
        classes: names, by class; of the joints where the task is `pose`.
        colors: [r, g, b] by class; none but for segmentation.
        evaluation: fields of `evaluation` of the task, see the task's `config`.
        dataset: the data set's name.
        trained_on: {"dataset", "splits"} that the weights have seen, or None where it is unknown.
    """

    experiment: str
    task: str
    network: str
    options: dict[str, Any]
    preprocess: str
    crop: tuple[int, ...] | None
    classes: list[str]
    colors: list[list[int]]
    evaluation: dict[str, Any]
    dataset: str
    trained_on: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Gives plain values, for JSON and YAML."""
        return dataclasses.asdict(self) | {"crop": self.crop and list(self.crop)}
