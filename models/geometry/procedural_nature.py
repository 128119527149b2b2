"""Things of garden and field. Each function draws one object of its category, its front towards +Z."""

from collections.abc import Callable

import cv2
import numpy as np

from models.geometry.procedural_grid import Grid, box, curve, cylinder, ellipsoid, lathe, tube
from models.geometry.procedural_paints import ANY, Design, Mask, Paint, Part, article, draw_paint, paint, spots


def _lumpy(amount: float, frequency: float, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A deformation that pushes points in and out from the origin by a few waves in random directions."""
    waves, phases = rng.normal(0.0, frequency, (4, 3)), rng.uniform(0.0, 2.0 * np.pi, 4)

    def push(points: np.ndarray) -> np.ndarray:
        return points * (1.0 + amount * np.sin(points @ waves.T + phases).mean(axis=-1, keepdims=True))

    return push


def _mushroom(rng: np.random.Generator) -> Design:
    cap = draw_paint("skin", rng, ("red", "orange", "brown", "yellow", "purple", "pink", "blue"))
    dots = draw_paint("skin", rng, ("white", "yellow", "beige"), (cap.name,))
    stem = draw_paint("skin", rng, ("white", "beige"), (dots.name,))
    height, wide, dome = rng.uniform(0.7, 1.2), rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.75)
    spotted = rng.random() < 0.75
    angles, up = rng.uniform(0.0, 2.0 * np.pi, 16), rng.uniform(0.15, 1.4, 16)
    centres = np.column_stack([wide * np.cos(up) * np.sin(angles), dome * np.sin(up) + height, wide * np.cos(up) * np.cos(angles)])
    marks = ((spots(centres, rng.uniform(0.06, 0.15, 16)), dots),) if spotted else ()

    def grown(size: float, x: float, z: float, tilt: float) -> list[Part]:
        foot = curve([(0.24, 0.0), (0.17, 0.35 * height), (0.15, height)], 12)
        arc = np.linspace(0.0, np.pi / 2.0, 12)
        hat = np.concatenate(
            [[(0.1, height + 0.02), (0.86 * wide, height - 0.05)], np.column_stack([wide * np.cos(arc), height + dome * np.sin(arc)])]
        )
        hat[-1, 0] = 0.0
        pieces = [Part(lathe(foot * [size, 1.0], 24), stem), Part(lathe(hat, 40), cap, marks)]
        return [
            Part(p.grid.mapped(lambda q: q * size).turned("z", tilt).moved(x, 0.0, z), p.paint, _moved_marks(p, size, tilt, x, z)) for p in pieces
        ]

    parts = grown(1.0, 0.0, 0.0, rng.uniform(-6.0, 6.0))
    words = f"{article(stem.name)} stem" + (f" and {dots.name} spots" if spotted else "")
    caption = f"{'tall ' if height > 1.0 else 'wide ' if wide > 0.85 else ''}{cap.name} mushroom with {words}"
    if rng.random() < 0.5:
        parts += grown(rng.uniform(0.35, 0.5), 0.8 * wide * rng.choice([-1, 1]), 0.3, rng.uniform(-14.0, 14.0))
        caption += " and a small one beside it"
    parts.append(Part(ellipsoid(1.0 * wide, 0.09, 0.8 * wide, 0.8).mapped(_lumpy(0.2, 3.0, rng)), paint("green", "foliage", rng)))
    return Design(parts, article(caption + " on green grass"))


def _moved_marks(part: Part, size: float, tilt: float, x: float, z: float) -> tuple[tuple[Mask, Paint], ...]:
    """The marks of a part that is scaled, turned about Z and moved."""
    back = Grid(np.eye(3)[None], np.eye(3)).turned("z", tilt).points[0] / size
    affine = np.column_stack([back, -back @ [x, 0.0, z]]).astype(np.float32)
    return tuple((lambda points, mask=mask: mask(cv2.transform(points[:, None], affine)[:, 0]), paint) for mask, paint in part.marks)


def _apple(rng: np.random.Generator) -> Design:
    fruit, radius, tall = draw_paint("skin", rng, ("red", "green", "yellow", "pink")), 1.0, rng.uniform(0.85, 1.05)
    blush = draw_paint("skin", rng, ("red", "yellow", "green", "orange"), (fruit.name,))
    profile = curve([(0.0, -0.72), (0.28, -0.82), (0.68, -0.62), (0.98, 0.15), (0.8, 0.66), (0.42, 0.86), (0.12, 0.72), (0.0, 0.6)], 40)
    body = lathe(profile * [radius, tall], 44).mapped(_lumpy(0.06, 1.6, rng))
    side = rng.uniform(0.3, 0.6)
    marks = ((lambda p: np.clip((p @ np.array([side, 0.3, 0.8], np.float32) - 0.78) * 5.0, 0.0, 1.0), blush),)
    parts = [Part(body, fruit, marks)]
    stem = curve([(0.0, 0.5 * tall, 0.0), (0.03, 0.85 * tall, 0.0), (0.16, 1.12 * tall, 0.05)], 9)
    parts.append(Part(tube(stem, np.linspace(0.035, 0.055, 9), 10), paint("brown", "bark", rng)))
    count = int(rng.integers(1, 3))
    for k in range(count):
        leaf = ellipsoid(0.34, 0.035, 0.15, rows=12, columns=24).mapped(
            lambda q: q + np.stack([0 * q[..., 0], -0.9 * q[..., 0] ** 2, 0 * q[..., 0]], -1)
        )
        placed = leaf.moved(0.34).turned("z", rng.uniform(5, 30)).turned("y", 180.0 * k + rng.uniform(-40, 10)).moved(0.04, 0.86 * tall)
        parts.append(Part(placed, paint("green", "foliage", rng)))
    shape = "tall " if tall > 1.0 else "flat " if tall < 0.88 else ""
    caption = f"{shape}{fruit.name} apple with {article(blush.name)} cheek, a brown stem and {'a green leaf' if count == 1 else 'two green leaves'}"
    return Design(parts, article(caption))


def _cactus(rng: np.random.Generator) -> Design:
    pot, skin, height = draw_paint("ceramic", rng, ANY, ("green",)), paint("green", "skin", rng), rng.uniform(1.0, 1.5)
    wide, ribs = rng.uniform(0.24, 0.36), int(rng.integers(7, 11))
    rim = [(0.3, 0.0), (0.42, 0.42), (0.47, 0.42), (0.48, 0.56), (0.4, 0.56), (0.39, 0.48)]
    parts = [Part(lathe(rim, 32), pot), Part(cylinder(0.4, 0.06).moved(y=0.47), paint("brown", "bark", rng))]

    def ribbed(points: np.ndarray) -> np.ndarray:
        angle = np.arctan2(points[..., 0], points[..., 2])
        return points * (1.0 + 0.1 * np.cos(ribs * angle)[..., None] * [1.0, 0.0, 1.0])

    body = ellipsoid(wide, height / 2.0, wide, 0.8, rows=18, columns=6 * ribs).mapped(ribbed)
    parts.append(Part(body.moved(y=0.45 + height / 2.0), skin))
    arms = int(rng.integers(0, 3))
    for side, low in list(zip((1, -1), rng.permutation([0.3, 0.48]) * height + 0.45))[:arms]:
        reach, top = wide + rng.uniform(0.22, 0.3), low + rng.uniform(0.35, 0.55)
        path = curve([(0.5 * wide, low, 0), (reach - 0.06, low + 0.02, 0), (reach, low + 0.12, 0), (reach, top, 0)], 12) * [side, 1, 1]
        parts.append(Part(tube(path, np.concatenate([np.full(10, 0.12), [0.09, 0.04]]), 16), skin))
    bloom = draw_paint("skin", rng, ("pink", "red", "yellow", "white", "orange", "purple"), (pot.name,))
    parts.append(Part(ellipsoid(0.14, 0.11, 0.14, rows=10, columns=20).moved(0.05, 0.46 + height, 0.08), bloom))
    parts.append(Part(ellipsoid(0.09, 0.08, 0.09, rows=8, columns=16).moved(0.0, 0.45 + 0.72 * height, wide * 0.95), bloom))
    armed = ("", " with one arm", " with two arms")[arms]
    size = "tall " if height > 1.3 else "round " if wide > 0.32 else ""
    return Design(parts, article(f"{size}green cactus{armed} and {bloom.name} flowers in {article(pot.words)} pot"))


def _tree(rng: np.random.Generator) -> Design:
    trunk, height = paint("brown", "bark", rng), rng.uniform(0.8, 1.3)
    leaves = draw_paint("foliage", rng, ("green", "green", "green", "orange", "yellow", "pink", "red"))
    bend = rng.uniform(-0.12, 0.12)
    stem = curve([(0.0, 0.0, 0.0), (bend, 0.5 * height, 0.03), (0.0, height + 0.2, 0.0)], 9)
    parts = [Part(tube(stem, np.linspace(0.19, 0.1, 9), 14), trunk)]
    if rng.random() < 0.35:
        levels = int(rng.integers(3, 5))
        for k in range(levels):
            wide, low = 0.85 - 0.5 * k / levels, 0.45 * height + 0.42 * k
            skirt = lathe([(0.12, low + 0.08), (wide, low - 0.04), (0.92 * wide, low + 0.06), (0.5 * wide, low + 0.32), (0.05, low + 0.72)], 28)
            parts.append(Part(skirt.mapped(_lumpy(0.05, 6.0, rng)), leaves))
        kind, top = "fir tree", 0.45 * height + 0.42 * levels + 0.3
        crown = np.array([[0.0, 0.45 * height + 0.2, 0.62], [0.35, 0.45 * height + 0.55, 0.45], [-0.3, 0.45 * height + 0.95, 0.28]])
    else:
        count = int(rng.integers(4, 7))
        kind, top = "tree", height + 0.9
        for k in range(count):
            angle, size = 2.4 * k + rng.uniform(0, 1), rng.uniform(0.42, 0.58)
            place = 0.42 * np.sin(angle) * (k > 0), height + rng.uniform(0.15, 0.65), 0.42 * np.cos(angle) * (k > 0)
            blob = ellipsoid(size, size * 0.85, size, rows=14, columns=26).mapped(_lumpy(0.35, 5.0, rng))
            parts.append(Part(blob.moved(*place), leaves))
        crown = np.array([[0.2, height + 0.25, 0.82], [-0.45, height + 0.35, 0.72], [0.5, height + 0.7, 0.62], [-0.1, height + 0.75, 0.8]])
    caption = f"{leaves.name} {kind} with a brown trunk"
    if rng.random() < 0.6:
        fruit = draw_paint("skin", rng, ("red", "yellow", "orange", "purple", "white"), (leaves.name,))
        parts += [Part(ellipsoid(0.11, 0.11, 0.11, rows=8, columns=16).moved(*place), fruit) for place in crown]
        caption += f" and {fruit.name} {'balls' if kind == 'fir tree' else 'fruit'}"
    parts.append(Part(ellipsoid(0.55, 0.07, 0.55, 0.9, rows=8).mapped(_lumpy(0.2, 3.0, rng)), paint("green", "foliage", rng)))
    return Design(parts, article(f"{'tall ' if top > 2.0 else 'small ' if top < 1.8 else ''}{caption}"))


def _snowman(rng: np.random.Generator) -> Design:
    snow, coal = paint("white", "snow", rng), paint("black", "stone", rng)
    low, middle, head = rng.uniform(0.55, 0.68), rng.uniform(0.38, 0.46), rng.uniform(0.28, 0.33)
    heights = np.array([0.92 * low, 1.75 * low + 0.6 * middle, 1.75 * low + 1.35 * middle + 0.72 * head])
    buttons = np.array([[0.0, heights[1] + k * 0.4 * middle, np.sqrt(1 - (k * 0.4) ** 2) * middle] for k in (-1, 0, 1)])
    parts = [Part(ellipsoid(r, 0.95 * r, r, rows=16, columns=30).moved(y=y), snow) for r, y in zip((low, middle, head), heights, strict=True)]
    parts[1] = Part(parts[1].grid, snow, ((spots(buttons, 0.06), coal),))
    eyes = np.array([[i * 0.38 * head, heights[2] + 0.25 * head, 0.88 * head] for i in (-1, 1)])
    parts += [Part(ellipsoid(0.045, 0.05, 0.03, rows=8, columns=12).moved(*eye), coal) for eye in eyes]
    nose = tube([(0, heights[2], 0.85 * head), (0.02, heights[2] - 0.02, head + rng.uniform(0.2, 0.36))], [0.075, 0.012], 12)
    parts.append(Part(nose, paint("orange", "skin", rng)))
    hat, scarf = draw_paint("fabric", rng, ANY, ("white", "orange")), draw_paint("fabric", rng, ANY, ("white", "orange"))
    top = heights[2] + 0.72 * head
    brim = [(1.15 * head, top), (1.15 * head, top + 0.05), (0.78 * head, top + 0.06), (0.72 * head, top + rng.uniform(0.25, 0.45))]
    parts.append(Part(lathe(brim, 28).turned("z", 0.0), hat))
    neck = heights[2] - 0.72 * head
    angles = np.linspace(0.0, 2.0 * np.pi, 29)
    loop = np.column_stack([0.8 * head * np.sin(angles), neck + 0.0 * angles, 0.8 * head * np.cos(angles)])
    parts.append(Part(tube(loop, 0.085, 10), scarf))
    end = box(0.15, rng.uniform(0.35, 0.5), 0.06, 0.025).turned("x", -12.0).moved(0.42 * head, neck - 0.24, middle * 0.98)
    parts.append(Part(end, scarf))
    for side in (-1, 1):
        arm = curve(
            [
                (side * 0.8 * middle, heights[1] + 0.05, 0),
                (side * 1.7 * middle, heights[1] + 0.16, 0.08),
                (side * 2.1 * middle, heights[1] + 0.34, 0.1),
            ],
            6,
        )
        parts.append(Part(tube(arm, np.linspace(0.035, 0.02, 6), 8), paint("brown", "bark", rng)))
    return Design(parts, f"a white snowman with {article(hat.name)} hat, {article(scarf.name)} scarf and an orange nose")


NATURE: dict[str, Callable[[np.random.Generator], Design]] = {
    "mushroom": _mushroom,
    "apple": _apple,
    "cactus": _cactus,
    "tree": _tree,
    "snowman": _snowman,
}
