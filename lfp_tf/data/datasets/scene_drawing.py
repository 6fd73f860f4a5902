"""Street-like pictures drawn so that context decides: what a patch is cannot be told from itself.

A scene has a hidden mood that only the sky shows, by its hue. The ground is two areas of one
family of surfaces, cut by kerbs: in a blue mood the inner (or far) area is road and the rest
pavement, in an orange mood it is the other way round. Cars, people and signs wear the same paint in
overlapping shapes: what stands on the road is a car, on the pavement a person, and what hangs
above the ground a sign. Walls, crowns and surfaces draw their colours from one family too. All of
it is symmetric left to right, so that flipped pictures stay true.

Only numpy's frozen `RandomState` draws, so a picture depends on nothing but (seed, index, size).
"""

import dataclasses
import hashlib

import numpy as np

CLASSES = ("sky", "building", "road", "pavement", "tree", "car", "person", "sign")
SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR, PERSON, SIGN = range(8)
INSTANCE_CLASSES = (CAR, PERSON, SIGN)

# What makes a scene hard. Lengths are shares of the picture's height, colours grey levels.
MOOD_HUE = 34.0  # how far red and blue of the sky part with the mood; smaller is harder
SKY_NOISE = 14.0  # deviation of the sky's clouds, which hide the hue of a single pixel
SURFACE_NOISE = 13.0  # deviation of a surface's grain
WHITE_BALANCE = 0.05  # the light's colour differs from scene to scene by this much
BRIGHTNESS = (0.65, 1.15)
HORIZON = (0.32, 0.50)
TILT_DEGREES = 6.0
SKY_LEAST = 0.10  # the sky always has this much at the top
KERB_PIXELS = 0.012
NUM_BUILDINGS = (3, 7)
NUM_TREES = (1, 4)
NUM_OBJECTS = (4, 9)
ALONG_SHARE = 0.5  # scenes that look along the street; the others look across it
TELLTALE_SHARE = 0.35  # objects with wheels, a head or a post; the others have none
LEAST_VISIBLE_PIXELS = 12

# One family for walls, surfaces and crowns, one for whatever is painted.
STONE_COLORS = ((128, 120, 112), (150, 118, 96), (104, 108, 116), (112, 124, 92), (140, 134, 118))
PAINT_COLORS = ((176, 44, 40), (40, 76, 160), (212, 172, 44), (48, 132, 84), (214, 210, 204))


@dataclasses.dataclass(frozen=True)
class Instances:
    """The visible cars, people and signs of a scene.

    Attributes:
        boxes: float32 [N, 4]; ymin, xmin, ymax, xmax in pixels, edges of the visible part.
        classes: int64 [N], values of `INSTANCE_CLASSES`.
        masks: bool [N, H, W], the visible part.
    """

    boxes: np.ndarray
    classes: np.ndarray
    masks: np.ndarray


def draw_scene(seed, index, size=(97, 129)):
    """Draws one scene.

    Args:
        seed: of the data set.
        index: number of the picture.
        size: (height, width) in pixels.

    Returns:
        picture uint8 [H, W, 3], labels uint8 [H, W] (indices of `CLASSES`, none ignored) and
        `Instances`.
    """
    digest = hashlib.sha256(f"scene/{seed}/{index}".encode()).digest()
    canvas = _Canvas(np.random.RandomState(np.frombuffer(digest, "<u4")), size)
    is_blue = canvas.random.random_sample() < 0.5
    _draw_sky(canvas, is_blue)
    _draw_buildings(canvas)
    _draw_ground(canvas, is_blue)
    _draw_things(canvas)
    return canvas.finish()


class _Canvas:
    """The picture so far; y grows downwards along the tilted upright, lengths in heights."""

    def __init__(self, random, size):
        self.random = random
        height, width = size
        self.size = size
        self.width = width / height
        tilt = np.tan(np.deg2rad(random.uniform(-TILT_DEGREES, TILT_DEGREES)))
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
        self.x = (columns + 0.5) / height
        self.rows = (rows + 0.5) / height
        self.y = self.rows + tilt * (self.x - self.width / 2)
        self.horizon = random.uniform(*HORIZON)
        self.picture = np.zeros((height, width, 3))
        self.labels = np.zeros(size, np.uint8)
        self.owner = np.full(size, -1)
        self.classes = []

    def fill(self, mask, label, color, owner=-1):
        """Paints `mask`: its class, its colour [3] or [H, W, 3], and the instance it belongs to."""
        self.picture[mask] = np.broadcast_to(color, self.picture.shape)[mask]
        self.labels[mask] = label
        self.owner[mask] = owner

    def noise(self, cell):
        """Smooth noise [H, W] of deviation near one, linear between points `cell` pixels apart."""
        height, width = self.size
        rows, columns = -(-height // cell) + 2, -(-width // cell) + 2
        grid = self.random.standard_normal((rows, columns))
        y, x = np.arange(height) / cell, np.arange(width) / cell
        iy, ix = y.astype(int), x.astype(int)
        fy, fx = (y - iy)[:, None], (x - ix)[None]
        top = grid[iy][:, ix] * (1 - fx) + grid[iy][:, ix + 1] * fx
        bottom = grid[iy + 1][:, ix] * (1 - fx) + grid[iy + 1][:, ix + 1] * fx
        return top * (1 - fy) + bottom * fy

    def stone(self):
        """A surface of the one family that walls, road, pavement and crowns share: [H, W, 3]."""
        color = np.array(STONE_COLORS[self.random.randint(len(STONE_COLORS))], float)
        grain = self.noise(1) + 0.8 * self.noise(3)
        pitch = self.random.uniform(0.06, 0.14)
        is_joint = (np.mod(self.x, pitch) < 0.012) | (np.mod(self.y, pitch * 0.7) < 0.012)
        joints = -22.0 * is_joint * (self.random.random_sample() < 0.5)
        return color + (SURFACE_NOISE * grain + joints)[..., None]

    def finish(self):
        """The picture under this scene's light, with its labels and instances."""
        low, high = BRIGHTNESS
        light = self.random.uniform(low, high) * (
            1 + WHITE_BALANCE * self.random.uniform(-1, 1, size=3)
        )
        picture = np.clip(np.rint(self.picture * light), 0, 255).astype(np.uint8)
        numbers = [
            number
            for number in range(len(self.classes))
            if np.count_nonzero(self.owner == number) >= LEAST_VISIBLE_PIXELS
        ]
        masks = np.array([self.owner == number for number in numbers], bool)
        masks = masks.reshape(-1, *self.size)
        boxes = np.array([_box(mask) for mask in masks], np.float32).reshape(-1, 4)
        classes = np.array([self.classes[number] for number in numbers], np.int64)
        return picture, self.labels, Instances(boxes, classes, masks)


def _draw_sky(canvas, is_blue):
    hue = MOOD_HUE if is_blue else -MOOD_HUE
    clouds = SKY_NOISE * (canvas.noise(2) + 0.7 * canvas.noise(9))[..., None]
    tint = SKY_NOISE * np.stack([canvas.noise(4) for _ in range(3)], axis=-1)
    canvas.fill(canvas.y > -9, SKY, np.array([178 - hue, 182.0, 178 + hue]) + clouds + tint)


def _draw_buildings(canvas):
    random = canvas.random
    edges = np.sort(random.uniform(-0.1, canvas.width + 0.1, random.randint(*NUM_BUILDINGS) + 1))
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        top = max(SKY_LEAST, canvas.horizon - random.uniform(0.05, 0.45))
        wall = (canvas.x >= left) & (canvas.x < right) & (canvas.y < canvas.horizon + 0.02)
        wall &= (canvas.y >= top) & (canvas.rows >= SKY_LEAST)
        canvas.fill(wall, BUILDING, canvas.stone())
        pitch, duty = random.uniform(0.07, 0.12), random.uniform(0.3, 0.5)
        panes = (np.mod(canvas.x - left, pitch) < pitch * duty) & wall
        panes &= np.mod(canvas.y - top, pitch) < pitch * duty
        canvas.fill(panes & (random.random_sample() < 0.7), BUILDING, [62.0, 68.0, 78.0])


def _draw_ground(canvas, is_blue):
    inner, outer = (ROAD, PAVEMENT) if is_blue else (PAVEMENT, ROAD)
    ground = canvas.y >= canvas.horizon
    depth = canvas.y - canvas.horizon
    edge = (
        _edge_along(canvas, depth) if _chance(canvas, ALONG_SHARE) else _edge_across(canvas, depth)
    )
    canvas.fill(ground, outer, canvas.stone())
    canvas.fill(ground & (edge > 0), inner, canvas.stone())
    kerb = ground & (np.abs(edge) < KERB_PIXELS)
    canvas.picture[kerb] = 0.5 * canvas.picture[kerb] + 92.0


def _edge_along(canvas, depth):
    """Positive between two kerbs that meet at the vanishing point."""
    middle = canvas.random.uniform(0.3, 0.7) * canvas.width
    spread = canvas.random.uniform(0.7, 1.2)
    lean = canvas.random.uniform(-0.3, 0.3)
    return spread * depth - np.abs(canvas.x - middle - lean * depth) + 0.04


def _edge_across(canvas, depth):
    """Positive beyond a kerb that runs across the picture."""
    slope = canvas.random.uniform(-0.15, 0.15)
    near = canvas.random.uniform(0.35, 0.65) * (1 - canvas.horizon)
    return near + slope * (canvas.x - canvas.width / 2) - depth


def _draw_things(canvas):
    """Trees and painted things, the far ones first."""
    random = canvas.random
    kinds = [_draw_tree] * random.randint(*NUM_TREES) + [_draw_object] * random.randint(
        *NUM_OBJECTS
    )
    feet = random.uniform(0.03, 0.85, len(kinds)) * (1 - canvas.horizon)
    ground = canvas.labels.copy()
    for place in np.argsort(feet, kind="stable"):
        foot = canvas.horizon + feet[place]
        kinds[place](canvas, ground, random.uniform(0.05, canvas.width - 0.05), foot)


def _draw_tree(canvas, ground, x, foot):
    random = canvas.random
    scale = 0.18 + 0.45 * (foot - canvas.horizon)
    trunk = (np.abs(canvas.x - x) < 0.06 * scale) & (canvas.y < foot) & (canvas.y > foot - scale)
    canvas.fill(trunk, TREE, [84.0, 70.0, 58.0])
    crown = np.zeros(canvas.size, bool)
    for _ in range(4):
        cx, cy = x + random.uniform(-0.3, 0.3) * scale, foot - scale * random.uniform(0.8, 1.3)
        radius = scale * random.uniform(0.25, 0.42)
        crown |= (canvas.x - cx) ** 2 + (canvas.y - cy) ** 2 < radius**2
    crown &= canvas.rows >= SKY_LEAST
    canvas.fill(crown, TREE, canvas.stone() + np.array([-14.0, 10.0, -18.0]))


def _draw_object(canvas, ground, x, foot):
    """A painted thing: its class follows from what its foot stands on."""
    random = canvas.random
    scale = 0.09 + 0.42 * (foot - canvas.horizon)
    hangs = _chance(canvas, 0.3)
    tall, wide = scale * random.uniform(0.7, 1.4), scale * random.uniform(0.6, 1.3)
    surface = ground[_pixel(canvas, x, foot)]
    label = SIGN if hangs else (CAR if surface == ROAD else PERSON)
    has_telltale = _chance(canvas, TELLTALE_SHARE)
    bottom = foot - (random.uniform(0.8, 1.6) * scale if hangs else 0.0)
    u, v = (canvas.x - x) / wide, (bottom - canvas.y) / tall
    number = len(canvas.classes)
    canvas.classes.append(label)
    body = (np.abs(u) < 0.5) & (v > 0) & (v < 1) & (np.abs(u) + np.abs(v - 0.5) < 0.85)
    body &= canvas.rows >= SKY_LEAST
    paint = np.array(PAINT_COLORS[random.randint(len(PAINT_COLORS))], float)
    canvas.fill(body, label, paint + 7.0 * canvas.noise(1)[..., None], number)
    band = body & (v > 0.55) & (v < 0.8) & (np.abs(u) < 0.38)
    canvas.fill(band, label, 0.5 * paint + 58.0, number)
    if has_telltale:
        _draw_telltale(canvas, label, number, (u, v), (x, foot, bottom))


def _draw_telltale(canvas, label, number, frame, place):
    (u, v), (x, foot, bottom) = frame, place
    if label == CAR:
        part = ((np.abs(u) - 0.3) ** 2 + (v - 0.05) ** 2) < 0.015
        color = [24.0, 24.0, 26.0]
    elif label == PERSON:
        part = u**2 + (v - 1.1) ** 2 < 0.03
        color = [196.0, 156.0, 128.0]
    else:
        part = (np.abs(canvas.x - x) < 0.012) & (canvas.y > bottom) & (canvas.y < foot)
        color = [96.0, 98.0, 102.0]
    canvas.fill(part & (canvas.rows >= SKY_LEAST), label, color, number)


def _pixel(canvas, x, y):
    """The row and column at a place of the tilted frame."""
    height, width = canvas.size
    column = int(np.clip(x * height, 0, width - 1))
    row = int(np.argmin(np.abs(canvas.y[:, column] - y)))
    return row, column


def _chance(canvas, share):
    return canvas.random.random_sample() < share


def _box(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
