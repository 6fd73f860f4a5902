"""Street-like pictures drawn so that context decides: what a patch is cannot be told from itself.

Under a day's sky the area inside (or beyond) the kerbs is road; under an evening's sky
the street is closed and the very same area is pavement, as what lies outside the kerbs always is.
Cars, people and signs wear the same paint in overlapping shapes: what stands on the road is a car,
on the pavement a person, and what hangs above the ground a sign. Walls, crowns and surfaces draw
their colours from one family. So the colour of a noisy sky decides about things far below it, and
nothing near them tells. All is symmetric left to right: flipped pictures stay true.

Only numpy's frozen `RandomState` draws, so a picture depends on nothing but (seed, index, size).
"""

import hashlib

import numpy as np

from lfp_tf.data.datasets.scene_canvas import Canvas

CLASSES = ("sky", "building", "road", "pavement", "tree", "car", "person", "sign")
SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR, PERSON, SIGN = range(8)
INSTANCE_CLASSES = (CAR, PERSON, SIGN)

# What makes a scene hard. Lengths are shares of the picture's height, colours grey levels.
DAY_SKY = (132, 182, 226)  # the nearer these two are, the harder is the evening told
EVENING_SKY = (128, 84, 78)
SKY_NOISE = 14.0  # deviation of the sky's clouds, which hide the hue of a single pixel
SURFACE_NOISE = 13.0  # deviation of a surface's grain
WHITE_BALANCE = 0.05  # the light's colour differs from scene to scene by this much
BRIGHTNESS = (0.65, 1.15)
HORIZON = (0.32, 0.50)
TILT_DEGREES = 6.0
SKY_LEAST = 0.10  # the sky always has this much at the top
KERB_WIDTH = 0.012
NUM_BUILDINGS = (3, 7)
NUM_TREES = (1, 4)
NUM_OBJECTS = (4, 9)
ALONG_SHARE = 0.5  # scenes that look along the street; the others look across it
TELLTALE_SHARE = 0.35  # objects with wheels, a head or a post; the others have none
LEAST_VISIBLE_PIXELS = 12

# One family for walls, surfaces and crowns, one for whatever is painted.
STONE_COLORS = ((128, 120, 112), (150, 118, 96), (104, 108, 116), (112, 124, 92), (140, 134, 118))
PAINT_COLORS = ((176, 44, 40), (40, 76, 160), (212, 172, 44), (48, 132, 84), (214, 210, 204))


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
    random = np.random.RandomState(np.frombuffer(digest, "<u4"))
    canvas = Canvas(random, size, random.uniform(-TILT_DEGREES, TILT_DEGREES))
    horizon = random.uniform(*HORIZON)
    is_day = canvas.chance(0.5)
    _draw_sky(canvas, is_day)
    _draw_buildings(canvas, horizon)
    _draw_ground(canvas, horizon, is_day)
    _draw_things(canvas, horizon)
    tint = 1 + WHITE_BALANCE * random.uniform(-1, 1, size=3)
    return canvas.finish(random.uniform(*BRIGHTNESS) * tint, LEAST_VISIBLE_PIXELS)


def _draw_sky(canvas, is_day):
    clouds = SKY_NOISE * (canvas.noise(2) + 0.7 * canvas.noise(9))[..., None]
    tint = SKY_NOISE * np.stack([canvas.noise(4) for _ in range(3)], axis=-1)
    sky = np.full(canvas.size, True)
    canvas.fill(sky, SKY, np.array(DAY_SKY if is_day else EVENING_SKY) + clouds + tint)


def _draw_buildings(canvas, horizon):
    random = canvas.random
    edges = np.sort(random.uniform(-0.1, canvas.width + 0.1, random.randint(*NUM_BUILDINGS) + 1))
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        top = max(SKY_LEAST, horizon - random.uniform(0.05, 0.45))
        wall = (canvas.x >= left) & (canvas.x < right) & (canvas.y < horizon + 0.02)
        wall &= (canvas.y >= top) & (canvas.rows >= SKY_LEAST)
        canvas.fill(wall, BUILDING, _stone(canvas))
        pitch, duty = random.uniform(0.07, 0.12), random.uniform(0.3, 0.5)
        panes = (np.mod(canvas.x - left, pitch) < pitch * duty) & wall
        panes &= np.mod(canvas.y - top, pitch) < pitch * duty
        canvas.fill(panes & canvas.chance(0.7), BUILDING, [62.0, 68.0, 78.0])


def _draw_ground(canvas, horizon, is_day):
    ground = canvas.y >= horizon
    depth = canvas.y - horizon
    if canvas.chance(ALONG_SHARE):
        edge = _edge_along(canvas, depth)
    else:
        edge = _edge_across(canvas, horizon, depth)
    canvas.fill(ground, PAVEMENT, _stone(canvas))
    canvas.fill(ground & (edge > 0), ROAD if is_day else PAVEMENT, _stone(canvas))
    kerb = ground & (np.abs(edge) < KERB_WIDTH)
    canvas.picture[kerb] = 0.5 * canvas.picture[kerb] + 92.0


def _edge_along(canvas, depth):
    """Positive between two kerbs that meet at the vanishing point."""
    middle = canvas.random.uniform(0.3, 0.7) * canvas.width
    spread = canvas.random.uniform(0.9, 1.5)
    lean = canvas.random.uniform(-0.3, 0.3)
    return spread * depth - np.abs(canvas.x - middle - lean * depth) + 0.04


def _edge_across(canvas, horizon, depth):
    """Positive beyond a kerb that runs across the picture."""
    slope = canvas.random.uniform(-0.15, 0.15)
    near = canvas.random.uniform(0.5, 0.85) * (1 - horizon)
    return near + slope * (canvas.x - canvas.width / 2) - depth


def _draw_things(canvas, horizon):
    """Trees and painted things, the far ones first."""
    random = canvas.random
    num_trees, num_objects = random.randint(*NUM_TREES), random.randint(*NUM_OBJECTS)
    kinds = [_draw_tree] * num_trees + [_draw_object] * num_objects
    feet = random.uniform(0.03, 0.85, len(kinds)) * (1 - horizon)
    ground = canvas.labels.copy()
    for place in np.argsort(feet, kind="stable"):
        foot = horizon + feet[place]
        kinds[place](canvas, horizon, ground, random.uniform(0.05, canvas.width - 0.05), foot)


def _draw_tree(canvas, horizon, ground, x, foot):
    random = canvas.random
    scale = 0.18 + 0.45 * (foot - horizon)
    trunk = (np.abs(canvas.x - x) < 0.06 * scale) & (canvas.y < foot) & (canvas.y > foot - scale)
    canvas.fill(trunk, TREE, [84.0, 70.0, 58.0])
    crown = np.zeros(canvas.size, bool)
    for _ in range(4):
        cx, cy = x + random.uniform(-0.3, 0.3) * scale, foot - scale * random.uniform(0.8, 1.3)
        radius = scale * random.uniform(0.25, 0.42)
        crown |= (canvas.x - cx) ** 2 + (canvas.y - cy) ** 2 < radius**2
    crown &= canvas.rows >= SKY_LEAST
    canvas.fill(crown, TREE, _stone(canvas) + np.array([-14.0, 10.0, -18.0]))


def _draw_object(canvas, horizon, ground, x, foot):
    """A painted thing: its class follows from what its foot stands on."""
    random = canvas.random
    scale = 0.09 + 0.42 * (foot - horizon)
    hangs = canvas.chance(0.3)
    tall, wide = scale * random.uniform(0.7, 1.4), scale * random.uniform(0.6, 1.3)
    surface = ground[canvas.pixel(x, foot)]
    label = SIGN if hangs else (CAR if surface == ROAD else PERSON)
    has_telltale = canvas.chance(TELLTALE_SHARE)
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


def _stone(canvas):
    """A surface of the one family that walls, road, pavement and crowns share: [H, W, 3]."""
    color = np.array(STONE_COLORS[canvas.random.randint(len(STONE_COLORS))], float)
    grain = canvas.noise(1) + 0.8 * canvas.noise(3)
    pitch = canvas.random.uniform(0.06, 0.14)
    if canvas.chance(0.5):
        is_joint = (np.mod(canvas.x, pitch) < 0.012) | (np.mod(canvas.y, pitch * 0.7) < 0.012)
        color = color - 22.0 * is_joint[..., None]
    return color + SURFACE_NOISE * grain[..., None]
