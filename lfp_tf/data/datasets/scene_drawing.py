"""Street-like images drawn so that the whole image decides what some of its parts are.

A sun or a moon stands near one end of every street and lights that end. At the other end stand
overgrown blocks, and the ground is cobbled: under the sun the blocks are hedges (tree) and the
cobbles road, under the moon the blocks are houses under ivy (building) and the cobbles pavement.
They look alike in both; everything else is told by its own look. So a light at one end decides
about large areas more than half an image away, and nothing near them tells: a mean over the whole
image, as in pyramid pooling, sees it at once. All is symmetric left to right: flipped images
stay true.

Only numpy's frozen `RandomState` draws, so an image depends on nothing but (seed, index, size).
"""

import functools
import hashlib

import numpy as np

from lfp_tf.data.datasets.scene_canvas import Canvas, Instances

CLASSES = ("sky", "building", "road", "pavement", "tree", "car", "person", "sign")
SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR, PERSON, SIGN = range(8)
INSTANCE_CLASSES = (CAR, PERSON, SIGN)

# What makes a scene hard. Lengths are shares of the image's height, colours grey levels.
SUN, MOON = (255.0, 150.0, 40.0), (150.0, 90.0, 235.0)
DISC_RADIUS = (0.085, 0.105)
DISC_ZONE = 0.17  # share of the width, at either side, in which sun or moon stands
FAR = 0.55  # share of the width: nothing nearer to sun or moon depends on which it is
GLOW, GLOW_WIDTH = 0.45, 0.3  # share of its colour in all that is right below it, and how far
SKY_COLOR = (150.0, 184.0, 214.0)
SKY_LEAST = 0.24  # the sky always has this much at the top, with sun or moon in it
CLOUDS = 8.0  # deviation of the sky's clouds
GRAIN = 7.0  # deviation of a surface's grain
WHITE_BALANCE = 0.02  # the light's colour differs from scene to scene by this much
BRIGHTNESS = (0.9, 1.05)
HORIZON = (0.40, 0.50)
TILT_DEGREES = 4.0
ALONG_SHARE = 0.6  # scenes that look along the street; the others look across it
COBBLE_SHARE = 0.85  # of the areas of the ground that are far
NUM_BUILDINGS = (6, 12)
NUM_TREES = (2, 5)
NUM_BLOCKS = (4, 7)
NUM_OBJECTS = (6, 12)
LEAST_VISIBLE_PIXELS = 12

WALL_COLORS = ((176, 116, 92), (196, 176, 148), (158, 128, 120), (204, 196, 186))
ASPHALT, TILES, COBBLES = (74.0, 76.0, 82.0), (192.0, 184.0, 168.0), (134.0, 122.0, 124.0)
LEAVES, IVY, TRUNK = (58.0, 128.0, 50.0), (96.0, 92.0, 44.0), (84.0, 62.0, 44.0)
PAINT_COLORS = ((188, 40, 40), (36, 72, 176), (224, 224, 220), (28, 108, 112), (52, 52, 60))
CLOTHES_COLORS = ((214, 60, 130), (110, 60, 160), (230, 90, 160), (240, 130, 90))
SKIN, SIGN_COLOR = (224.0, 178.0, 146.0), (246.0, 208.0, 30.0)


def draw_scene(
    seed: int, index: int, size: tuple[int, int] = (73, 257)
) -> tuple[np.ndarray, np.ndarray, Instances]:
    """Draws one scene.

    Args:
        seed: of the data set.
        index: number of the image.
        size: (height, width) in pixels.

    Returns:
        image uint8 [H, W, 3], labels uint8 [H, W] (indices of `CLASSES`, none ignored) and
        `Instances`.
    """
    digest = hashlib.sha256(f"scene/{seed}/{index}".encode()).digest()
    random = np.random.RandomState(np.frombuffer(digest, "<u4"))
    canvas = Canvas(random, size, random.uniform(-TILT_DEGREES, TILT_DEGREES))
    horizon = random.uniform(*HORIZON)
    is_sunny = canvas.chance(0.5)
    light_x = _draw_sky(canvas, SUN if is_sunny else MOON)
    far = np.abs(canvas.x - light_x) > FAR * canvas.width
    _draw_buildings(canvas, horizon)
    _draw_ground(canvas, horizon, far, ROAD if is_sunny else PAVEMENT)
    _draw_things(canvas, horizon, far, TREE if is_sunny else BUILDING)
    _draw_glow(canvas, light_x, SUN if is_sunny else MOON)
    light = random.uniform(*BRIGHTNESS) * (1 + WHITE_BALANCE * random.uniform(-1, 1, size=3))
    return canvas.finish(light, LEAST_VISIBLE_PIXELS)


def _draw_sky(canvas, light_color):
    """Sky, and in it sun or moon, whose x is returned."""
    random = canvas.random
    clouds = CLOUDS * (canvas.noise(16) + 0.5 * canvas.noise(4))[..., None]
    canvas.fill(np.full(canvas.size, True), SKY, np.array(SKY_COLOR) + clouds)
    radius, zone = random.uniform(*DISC_RADIUS), DISC_ZONE * canvas.width
    x, y = random.uniform(min(radius, zone), zone), random.uniform(radius, SKY_LEAST - radius)
    x = canvas.width - x if canvas.chance(0.5) else x
    disc = (canvas.x - x) ** 2 + (canvas.rows - y) ** 2 < radius**2
    canvas.fill(disc, SKY, light_color)
    return x


def _draw_buildings(canvas, horizon):
    random = canvas.random
    edges = np.sort(random.uniform(-0.1, canvas.width + 0.1, random.randint(*NUM_BUILDINGS) + 1))
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        top = horizon - random.uniform(0.05, 0.3)
        wall = (canvas.x >= left) & (canvas.x < right) & (canvas.y < horizon + 0.02)
        wall &= (canvas.y >= top) & (canvas.rows >= SKY_LEAST)
        canvas.fill(wall, BUILDING, _surface(canvas, _any(random, WALL_COLORS)))
        pitch = random.uniform(0.07, 0.1)
        panes = (np.mod(canvas.x - left, pitch) < 0.45 * pitch) & wall
        panes &= np.mod(canvas.y - top, pitch) > 0.45 * pitch
        canvas.fill(panes, BUILDING, (62.0, 70.0, 84.0))


def _draw_ground(canvas, horizon, far, cobbles_are):
    """Pavement, road, pavement: side by side along the street, one behind the other across it."""
    ground, depth = canvas.y >= horizon, canvas.y - horizon
    sides = _sides_along if canvas.chance(ALONG_SHARE) else _sides_across
    first, second = sides(canvas, horizon, depth)
    areas = (ground & first, ground & ~first & ~second, ground & second)
    for area, label in zip(areas, (PAVEMENT, ROAD, PAVEMENT), strict=True):
        canvas.fill(area, label, _asphalt(canvas) if label == ROAD else _tiles(canvas))
        if canvas.chance(COBBLE_SHARE):
            canvas.fill(area & far, cobbles_are, _cobbles(canvas))


def _sides_along(canvas, horizon, depth):
    """What lies left and right of two kerbs that meet at the vanishing point."""
    middle = canvas.random.uniform(0.3, 0.7) * canvas.width
    spread = canvas.random.uniform(0.7, 1.2)
    offset = canvas.x - middle - canvas.random.uniform(-0.3, 0.3) * depth
    return offset < -spread * depth - 0.03, offset > spread * depth + 0.03


def _sides_across(canvas, horizon, depth):
    """What lies beyond and before two kerbs that run across the image."""
    slope = canvas.random.uniform(-0.1, 0.1) * (canvas.x - canvas.width / 2)
    far, near = canvas.random.uniform((0.12, 0.55), (0.3, 0.8)) * (1 - horizon)
    return depth < far + slope, depth > near + slope


def _draw_glow(canvas, light_x, color):
    """The light of sun or moon on all that is near it or below."""
    share = GLOW * np.exp(-(((canvas.x - light_x) / GLOW_WIDTH) ** 2))[..., None]
    canvas.image = (1 - share) * canvas.image + share * np.array(color)


def _draw_things(canvas, horizon, far, blocks_are):
    """Trees, blocks, cars, people and signs, the far ones first."""
    random = canvas.random
    draw_block = functools.partial(_draw_block, far=far, label=blocks_are)
    kinds = [_draw_tree] * random.randint(*NUM_TREES)
    kinds += [draw_block] * random.randint(*NUM_BLOCKS)
    objects = (_draw_car, _draw_person, _draw_sign)
    kinds += [objects[random.randint(3)] for _ in range(random.randint(*NUM_OBJECTS))]
    feet = random.uniform(0.25, 0.95, len(kinds)) * (1 - horizon)
    for place in np.argsort(feet, kind="stable"):
        x = random.uniform(0.05, canvas.width - 0.05)
        kinds[place](canvas, x, horizon + feet[place], feet[place])


def _draw_tree(canvas, x, foot, depth):
    random, scale = canvas.random, 0.2 + 0.35 * depth
    trunk = (np.abs(canvas.x - x) < 0.08 * scale) & (canvas.y < foot) & (canvas.y > foot - scale)
    canvas.fill(trunk, TREE, TRUNK)
    crown = np.zeros(canvas.size, bool)
    for _ in range(4):
        cx, cy = x + random.uniform(-0.3, 0.3) * scale, foot - scale * random.uniform(0.8, 1.2)
        crown |= (canvas.x - cx) ** 2 + (canvas.y - cy) ** 2 < (0.4 * scale) ** 2
    canvas.fill(crown & (canvas.rows >= SKY_LEAST), TREE, _surface(canvas, LEAVES))


def _draw_block(canvas, x, foot, depth, far, label):
    """A hedge or a house under ivy, somewhere in the far part; itself it does not tell which."""
    x = canvas.random.uniform(canvas.x[far].min(), canvas.x[far].max())
    wide, tall = canvas.random.uniform(0.15, 0.3), canvas.random.uniform(0.15, 0.3) + 0.2 * depth
    wave = 0.015 * np.sin(canvas.x * canvas.random.uniform(30, 50))
    block = (np.abs(canvas.x - x) < wide) & (canvas.y < foot) & (canvas.y > foot - tall + wave)
    color = _surface(canvas, IVY) + GRAIN * canvas.noise(3)[..., None]
    canvas.fill(block & far & (canvas.rows >= SKY_LEAST), label, color)


def _draw_car(canvas, x, foot, depth):
    scale = 0.18 + 0.3 * depth
    u, v = (canvas.x - x) / scale, (foot - canvas.y) / scale
    body = (np.abs(u) < 0.8) & (v > 0.1) & (v < 0.5)
    roof = (np.abs(u) < 0.75 - 0.5 * v) & (v >= 0.5) & (v < 0.85)
    glass = (np.abs(u) < 0.65 - 0.5 * v) & (v >= 0.5) & (v < 0.75)
    wheels = (np.abs(u) - 0.45) ** 2 + (v - 0.15) ** 2 < 0.025
    paint = _any(canvas.random, PAINT_COLORS)
    parts = ((body | roof, paint), (glass, (150.0, 190.0, 206.0)), (wheels, (22.0, 22.0, 24.0)))
    _fill_parts(canvas, CAR, parts)


def _draw_person(canvas, x, foot, depth):
    scale = 0.3 + 0.35 * depth
    u, v = (canvas.x - x) / scale, (foot - canvas.y) / scale
    legs = (np.abs(u) < 0.15) & (np.abs(u) > 0.02) & (v > 0) & (v <= 0.4)
    torso = (np.abs(u) < 0.24) & (v > 0.4) & (v < 0.8)
    head = u**2 + (v - 0.9) ** 2 < 0.02
    clothes = _any(canvas.random, CLOTHES_COLORS)
    _fill_parts(canvas, PERSON, ((legs, (40.0, 44.0, 70.0)), (torso, clothes), (head, SKIN)))


def _draw_sign(canvas, x, foot, depth):
    scale = 0.28 + 0.35 * depth
    u, v = (canvas.x - x) / scale, (foot - canvas.y) / scale
    post = (np.abs(u) < 0.05) & (v > 0) & (v < 0.7)
    board = np.abs(u) + np.abs(v - 0.75) < 0.34
    mark = np.abs(u) + np.abs(v - 0.75) < 0.12
    parts = ((post, (110.0, 112.0, 116.0)), (board, SIGN_COLOR), (mark, (20.0, 20.0, 20.0)))
    _fill_parts(canvas, SIGN, parts)


def _fill_parts(canvas, label, parts):
    number = len(canvas.classes)
    canvas.classes.append(label)
    for mask, color in parts:
        canvas.fill(mask & (canvas.rows >= SKY_LEAST), label, np.array(color), number)


def _asphalt(canvas):
    return _surface(canvas, ASPHALT)


def _tiles(canvas):
    joints = (np.mod(canvas.x, 0.12) < 0.015) | (np.mod(canvas.y, 0.08) < 0.012)
    return _surface(canvas, TILES) - 30.0 * joints[..., None]


def _cobbles(canvas):
    row = np.floor(canvas.y / 0.045)
    joints = (np.mod(canvas.y, 0.045) < 0.011) | (np.mod(canvas.x + 0.03 * row, 0.06) < 0.011)
    return _surface(canvas, COBBLES) - 26.0 * joints[..., None]


def _surface(canvas, color):
    """A grained surface: [H, W, 3]."""
    return np.array(color, float) + GRAIN * canvas.noise(1)[..., None]


def _any(random, choices):
    return choices[random.randint(len(choices))]
