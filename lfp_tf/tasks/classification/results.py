"""From an image to its five most probable classes: JSON, a line, and bars under the image."""

import numpy as np
import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.images.overlay import BAR_COLOR, under_bars, with_bars
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks import results
from lfp_tf.tasks.classification import arguments as own
from lfp_tf.tasks.classification.metrics import TOP
from lfp_tf.tasks.classification.prediction import MAX_PROPORTION, is_strip, predictor


def of_model(model, arguments, annotations=None):
    """The `Results` of a network with its recipe."""
    protocol = own.protocol(model.recipe, arguments, "predict")
    classify = predictor(model, protocol)

    def probabilities(image):
        height, width = image.shape[:2]
        if is_strip(height, width):
            raise LfpError(
                f"The image has {width}x{height} pixels; no side may be more than "
                f"{MAX_PROPORTION} times the other."
            )
        try:
            return classify(tf.constant(image)).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for an image of this size.") from error

    return Results(probabilities, model.recipe.classes, {"protocol": protocol.describe()})


def of_export(folder, about, arguments, annotations=None):
    """The `Results` of an export's folder, of which `about` is what `export.json` says."""
    export = SavedExport(folder, ("images",))
    return Results(
        lambda image: export("images", images=image[None])["probabilities"][0],
        about["classes"],
        {"protocol": about["protocol"]},
    )


class Results(results.Results):
    """Probabilities [C] are the prediction.

    Args:
        probabilities: function of an image uint8 [H, W, 3] to float32 [C].
        names: of the classes.
        facts: for JSON.
    """

    def __init__(self, probabilities, names, facts):
        super().__init__(facts)
        self.names, self._probabilities = names, probabilities

    def predict(self, image, source=None):
        """Probabilities of the classes."""
        return self._probabilities(image)

    def overlay(self, image, prediction):
        """The five best with bars over the image's foot."""
        return under_bars(image, self._bars(prediction))

    def explained(self, image, prediction):
        """The five best with bars below the image."""
        return with_bars(image, self._bars(prediction))

    def describe(self, prediction):
        """The five best."""
        return {"classes": best_classes(prediction, self.names)}

    def line(self, source, paths, prediction):
        """The path, the best class and its probability, between tabs."""
        best = best_classes(prediction, self.names)[0]
        return f"{source}\t{best['name']}\t{best['probability']:.4f}"

    def tally(self):
        """The mean of the probabilities over all frames."""
        return _Tally(self.names)

    def legend(self, prediction):
        """The five best."""
        color = "#" + bytes(BAR_COLOR).hex()
        return [
            {"name": one["name"], "share": one["probability"], "color": color}
            for one in best_classes(prediction, self.names)
        ]

    def name_at(self, prediction, x, y):
        """Nothing: pixels have no names here."""

    def _bars(self, prediction):
        best = best_classes(prediction, self.names)
        return [(one["name"], one["probability"]) for one in best]


def best_classes(probabilities, names):
    """The five most probable classes.

    Args:
        probabilities: [C].
        names: of the classes.

    Returns:
        list of {"id", "name", "probability"}, at most five, the first of equal ones first.
    """
    order = np.argsort(-np.asarray(probabilities), kind="stable")[:TOP].tolist()
    return [
        {"id": number, "name": names[number], "probability": float(probabilities[number])}
        for number in order
    ]


class _Tally(results.Tally):
    def __init__(self, names):
        self._names, self._sum, self._count = names, 0.0, 0

    def add(self, number, prediction):
        self._sum, self._count = self._sum + np.float64(prediction), self._count + 1

    def describe(self):
        return {"classes": best_classes(self._sum / self._count, self._names)}
