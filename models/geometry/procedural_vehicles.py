"""Things that are built: houses, vehicles, a robot. Each function draws one object of its category, its front towards +Z."""

from collections.abc import Callable

import numpy as np

from models.geometry.procedural_grid import Grid, box, curve, cylinder, ellipsoid, lathe, loft, prism, torus, tube
from models.geometry.procedural_paints import (
    ANY,
    VIVID,
    Design,
    Mask,
    Paint,
    Part,
    article,
    band,
    draw_metal,
    draw_paint,
    draw_wood,
    inside,
    paint,
    spots,
)


def _house(rng: np.random.Generator) -> Design:
    wall = draw_paint("brick", rng, ("red", "brown", "beige", "grey", "white")) if rng.random() < 0.5 else draw_paint("stone", rng, ANY, ("black",))
    roof = draw_paint("tile", rng, ("red", "brown", "grey", "black", "blue", "green", "orange"), (wall.name,))
    door = draw_paint("gloss", rng, ANY, (wall.name, roof.name))
    frame, pane = paint("white" if wall.name != "white" else "brown", "gloss", rng), paint("black", "glass", rng)
    width, depth, height, rise = rng.uniform(1.2, 1.7), rng.uniform(1.0, 1.4), rng.uniform(0.75, 1.15), rng.uniform(0.45, 0.8)
    gable = [(-width / 2, 0.0), (width / 2, 0.0), (width / 2, height), (0.0, height + rise), (-width / 2, height)]
    parts = [Part(prism(gable, depth), wall)]
    angle, slope = np.degrees(np.arctan2(rise, width / 2)), np.hypot(rise, width / 2) + 0.2
    for side in (-1, 1):
        slab = box(slope, 0.08, depth + 0.24, 0.02).moved(side * slope / 2, 0.03).turned("z", -side * angle)
        parts.append(Part(slab.moved(y=height + rise), roof))
    parts.append(Part(box(0.2, 0.7, 0.2, 0.015).moved(width * 0.27, height + rise * 0.75, -0.15 * depth), paint("red", "brick", rng)))
    place = rng.uniform(-0.25, 0.25) * width
    parts.append(Part(box(0.32, 0.58, 0.06, 0.015).moved(place, 0.29, depth / 2), door))
    parts.append(Part(ellipsoid(0.025, 0.025, 0.025, rows=6, columns=10).moved(place + 0.1, 0.28, depth / 2 + 0.04), draw_metal(rng, ("brass",))))
    windows = [(x, 0.58 * height, depth / 2, 0.0) for x in (place - 0.42, place + 0.42) if abs(x) < width / 2 - 0.16]
    windows += [(0.0, height + 0.22 * rise, depth / 2, 0.0), (0.0, 0.55 * height, width / 2, 90.0), (0.0, 0.55 * height, depth / 2, 180.0)]
    for x, y, z, turn in windows:
        parts.append(Part(box(0.3, 0.32, 0.05, 0.012).moved(x, y, z).turned("y", turn), frame))
        parts.append(Part(box(0.23, 0.25, 0.05, 0.006).moved(x, y, z + 0.008).turned("y", turn), pane, ((_cross(x, y, z, turn), frame),)))
    size = "tall " if height > 1.02 else "low " if height < 0.85 else ""
    return Design(parts, article(f"{size}{wall.words} house with {article(roof.name)} roof and {article(door.name)} door"))


def _cross(x: float, y: float, z: float, turn: float) -> Mask:
    """The bars of a window whose pane stands at (x, y, z) before it is turned about Y."""
    centre = Grid(np.array([[[x, y, z]]], float), np.eye(3)).turned("y", turn).points[0, 0]
    along = 2 if turn == 90.0 else 0
    return lambda p: np.maximum(inside(0.016 - np.abs(p[:, 1] - centre[1])), inside(0.016 - np.abs(p[:, along] - centre[along])))


def _wheel(radius: float, width: float, hub: Paint, tyre: Paint, at: tuple[float, float, float]) -> list[Part]:
    side = np.sign(at[0])
    rim = cylinder(0.58 * radius, 0.05, 0.015, 20).turned("z", 90).moved(side * (width / 2 + 0.005))
    return [Part(cylinder(radius, width, 0.05, 28).turned("z", 90).moved(*at), tyre), Part(rim.moved(*at), hub)]


def _car(rng: np.random.Generator) -> Design:
    body, glass = draw_paint("enamel", rng, ANY, ("black",)), paint("black", "glass", rng)
    length, width, height, wheel = rng.uniform(1.9, 2.3), rng.uniform(0.85, 1.0), rng.uniform(0.3, 0.4), rng.uniform(0.2, 0.26)
    kind = str(rng.choice(["car", "van", "pickup truck"]))
    low, half = wheel * 0.75, length / 2
    nose = 0.72 if kind == "van" else 0.78
    outline = [
        (-half, low),
        (half, low),
        (half + 0.03, low + 0.5 * height),
        (half - 0.1, low + nose * height),
        (0.3 * half, low + height),
        (-half, low + height),
    ]
    hull = box(width, height, length, 0.09, 3).moved(y=low + height / 2) if kind == "van" else prism(outline, width, 0.07).turned("y", -90)
    parts = [Part(hull, body)]
    start, size, tall = {"car": (-0.08, 0.56, 0.36), "van": (-0.06, 0.86, 0.5), "pickup truck": (0.16, 0.36, 0.4)}[kind]
    cabin = (
        box(width * 0.9, tall, length * size, 0.06)
        .moved(y=tall / 2)
        .tapered(0.84, 0.72 if kind == "car" else 0.9)
        .moved(y=low + height - 0.02, z=start * length)
    )
    top = low + height
    pillar = length * size * 0.36

    def panes(p: np.ndarray) -> np.ndarray:
        z, share = p[:, 2] - start * length, (p[:, 1] - top) / tall
        upright = (np.abs(z) > pillar * (1.02 - 0.1 * share)) & (np.abs(p[:, 0]) > width * (0.395 - 0.06 * share))
        return inside(0.34 - np.abs(share - 0.47), 0.05) * ~upright * inside(np.abs(z + 0.1 * pillar) - 0.03)

    parts.append(Part(cabin, body, ((panes, glass),)))
    hub, tyre = draw_metal(rng, ("steel",)), paint("black", "rubber", rng)
    for x in (-1, 1):
        for z in (-0.3, 0.31):
            parts += _wheel(wheel, 0.17, hub, tyre, (x * (width / 2 - 0.05), wheel, z * length))
        lamp = ellipsoid(0.09, 0.08, 0.05, rows=8, columns=16)
        parts.append(Part(lamp.moved(x * 0.34 * width, low + 0.55 * height, half), paint("yellow", "glass", rng)))
        parts.append(Part(box(0.13, 0.08, 0.05, 0.02).moved(x * 0.36 * width, low + 0.65 * height, -half - 0.005), paint("red", "glass", rng)))
    parts += [Part(box(width * 0.96, 0.09, 0.1, 0.03).moved(y=low + 0.1, z=z), hub) for z in (half + 0.02, -half - 0.02)]
    striped = kind != "pickup truck" and rng.random() < 0.5
    stripe = draw_paint("enamel", rng, ANY, (body.name,))
    if striped:
        parts[0] = (
            Part(hull, body, ((band(-0.12 * width, 0.12 * width, axis=0), stripe),))
            if kind == "car"
            else Part(hull, body, ((band(low + 0.4 * height, low + 0.72 * height), stripe),))
        )
    return Design(parts, article(f"{body.name} {kind} with black windows" + (f" and {article(stripe.name)} stripe" if striped else "")))


def _hull(length: float, width: float, depth: float) -> Grid:
    """A boat's hull along Z: a flat stern, a pointed bow that rises; the deck lies at y = 0 amidships."""
    side = np.linspace(1.0, -1.0, 8)[:-1]
    keel = np.linspace(np.pi, 2.0 * np.pi, 16)[:-1]
    bottom = np.column_stack([np.cos(keel), -(np.abs(np.sin(keel)) ** 0.7)])
    section = np.concatenate([np.column_stack([side, np.zeros(7)]), bottom])
    rings = []
    for share in np.linspace(0.0, 1.0, 18):
        beam = width / 2.0 * (0.72 + 0.4 * share) * (1.0 - share**3) ** 0.7 + 0.01
        lift, draught = _sheer(share), depth * (1.0 - 0.5 * share**3)
        flat = np.array([beam, draught + lift]) * section + [0.0, lift]
        rings.append(np.column_stack([flat, np.full(len(flat), (share - 0.5) * length)]))
    return loft(np.stack(rings))


def _sheer(share: np.ndarray | float) -> np.ndarray | float:
    return 0.2 * share**2


def _sail(foot: float, height: float, turn: float) -> Grid:
    """A triangle with its upright edge on the Y axis and its foot towards -Z, blown out to one side."""
    rows = np.linspace(0.0, 1.0, 9)[:, None]
    outline = np.concatenate([np.column_stack([np.zeros(9), rows]), np.column_stack([1.0 - rows[::-1], rows[::-1]])[1:-1], [[1.0, 0.0], [0.5, 0.0]]])
    sail = prism(outline[::-1] * [foot, height], 0.03).turned("y", 90)
    return sail.mapped(lambda p: p + np.stack([0.25 * p[..., 2] * (p[..., 2] + foot) / foot, 0 * p[..., 0], 0 * p[..., 0]], -1)).turned("y", turn)


def _boat(rng: np.random.Generator) -> Design:
    hull = draw_paint(str(rng.choice(["gloss", "enamel"])), rng, ANY)
    trim, deck = draw_paint(hull.material, rng, ANY, (hull.name,)), draw_paint("wood", rng, ("oak", "pine"))
    length, width, depth = rng.uniform(1.9, 2.3), rng.uniform(0.65, 0.85), rng.uniform(0.34, 0.46)

    def height(p: np.ndarray) -> np.ndarray:
        return p[:, 1] - _sheer(p[:, 2] / length + 0.5)

    marks = ((lambda p: inside(0.045 - np.abs(height(p) + 0.1)), trim), (lambda p: inside(height(p) + 0.012), deck))
    parts = [Part(_hull(length, width, depth), hull, marks)]
    if rng.random() < 0.6:
        mast, tall, place = draw_wood(rng), rng.uniform(1.5, 1.9), 0.12 * length
        sail = draw_paint("fabric", rng, ANY, (hull.name, "black"))
        parts.append(Part(tube([(0, -0.02, place), (0, tall, place)], [0.045, 0.025]), mast))
        parts.append(Part(_sail(0.42 * length, tall * 0.82, rng.uniform(8, 22)).moved(y=0.16, z=place - 0.03), sail))
        parts.append(Part(_sail(0.26 * length, tall * 0.62, 175.0).moved(y=0.22, z=place + 0.05), sail))
        parts.append(Part(box(0.3, 0.14, 0.4, 0.03).moved(y=0.07, z=-0.28 * length), trim))
        return Design(parts, f"{article(hull.words)} sailing boat with {article(trim.name)} line and {sail.name} sails")
    cabin, pane = draw_paint("enamel", rng, ANY, (hull.name, trim.name, "black")), paint("black", "glass", rng)
    wide, tall, deep = width * 0.6, rng.uniform(0.36, 0.5), 0.34 * length
    window = band(0.5 * tall, 0.82 * tall)
    bars = (lambda p: window(p) * inside(np.abs(p[:, 0]) - 0.03) * inside(np.abs(p[:, 2] + 0.1) - 0.03), pane)
    parts.append(Part(box(wide, tall, deep, 0.04).moved(y=tall / 2).tapered(0.9, 0.88).moved(z=-0.1), cabin, (bars,)))
    parts.append(Part(box(wide * 1.1, 0.05, deep * 1.1, 0.02).moved(y=tall + 0.01, z=-0.1), trim))
    parts.append(Part(cylinder(0.1, 0.34, 0.02).moved(0.05, tall + 0.18, -0.22), trim, ((band(tall + 0.2, tall + 0.28), cabin),)))
    parts.append(Part(torus(0.1, 0.04, 24).turned("x", 90).moved(wide * 0.26, 0.22 * tall + 0.05, deep / 2 - 0.09), paint("orange", "plastic", rng)))
    return Design(parts, f"{article(hull.words)} motor boat with {article(cabin.name)} cabin and {article(trim.name)} funnel")


def _rocket(rng: np.random.Generator) -> Design:
    body = draw_paint("enamel", rng, ANY) if rng.random() < 0.7 else draw_metal(rng, ("steel", "copper"))
    trim = draw_paint("enamel", rng, VIVID, (body.name,))
    height, belly, foot = rng.uniform(1.7, 2.4), rng.uniform(0.3, 0.42), rng.uniform(0.2, 0.28)
    side = curve([(foot, 0.0), (belly, 0.42 * height), (0.8 * belly, 0.72 * height), (0.32 * belly, 0.94 * height), (0.0, height)], 30)
    tip = rng.uniform(0.7, 0.82) * height
    marks = [(band(tip, 2.0 * height), trim)] + ([(band(0.1 * height, 0.18 * height), trim)] if rng.random() < 0.5 else [])
    parts = [Part(lathe(side, 36), body, tuple(marks))]
    parts.append(Part(lathe([(0.12, -0.06), (0.22, -0.16), (0.19, -0.16), (0.1, 0.0)], 28), draw_metal(rng, ("iron", "steel"))))
    count, reach = int(rng.integers(3, 5)), rng.uniform(0.35, 0.55)
    fin = prism([(0.0, 0.08), (reach, -0.24), (reach + 0.04, 0.02), (0.12, 0.34 * height)], 0.06, 0.02)
    parts += [Part(fin.moved(foot * 0.8).turned("y", 90.0 + 360.0 * k / count), trim) for k in range(count)]
    glass, ring = paint("blue" if "blue" not in (body.name, trim.name) else "black", "glass", rng), draw_metal(rng, ("steel", "brass"))
    for y in (0.6, 0.42)[: int(rng.integers(1, 3))]:
        z = float(np.interp(y * height, side[:, 1], side[:, 0])) - 0.01
        parts.append(Part(torus(0.13, 0.03, 24).turned("x", 90).moved(y=y * height, z=z), ring))
        parts.append(Part(ellipsoid(0.125, 0.125, 0.03, rows=10, columns=20).moved(y=y * height, z=z), glass))
    size = "tall " if height > 2.15 else "small " if height < 1.85 else ""
    caption = f"{size}{body.words} rocket with {article(trim.name)} nose and {('three', 'four')[count - 3]} fins"
    if rng.random() < 0.4:
        flame = draw_paint("skin", rng, ("orange", "yellow"), (trim.name,))
        parts.append(Part(lathe([(0.0, -0.6), (0.1, -0.42), (0.17, -0.24), (0.12, -0.1), (0.0, -0.06)], 24), flame))
        caption += f" above {article(flame.name)} flame"
    return Design(parts, article(caption))


def _robot(rng: np.random.Generator) -> Design:
    body = draw_paint("enamel", rng, ANY) if rng.random() < 0.6 else draw_metal(rng)
    second, eye = draw_paint("enamel", rng, ANY, (body.name,)), draw_paint("glass", rng, VIVID, (body.name,))
    width, tall, head = rng.uniform(0.6, 0.85), rng.uniform(0.6, 0.85), rng.uniform(0.42, 0.58)
    joint, hip = draw_metal(rng, ("steel", "iron")), 0.5
    middle, top = hip + tall / 2, hip + tall
    parts = [Part(box(width, tall, 0.48, 0.06).moved(y=middle), body)]
    lights = np.array([[(k - 1) * 0.2 * width, middle + 0.08, 0.27] for k in range(3)])
    panel = box(0.72 * width, 0.5 * tall, 0.06, 0.02).moved(y=middle + 0.02, z=0.24)
    parts.append(Part(panel, second, ((spots(lights, 0.07 * width), eye),)))
    parts.append(Part(cylinder(0.1, 0.14).moved(y=top + 0.04), joint))
    level = top + 0.08 + head / 2
    parts.append(Part(box(head * 1.25, head, 0.44, 0.06).moved(y=level), body))
    for side in (-1, 1):
        parts.append(Part(cylinder(0.24 * head, 0.1, 0.02, 24).turned("x", 90).moved(side * 0.3 * head, level + 0.1 * head, 0.22), eye))
        shoulder, raised = side * (width / 2 + 0.08), rng.uniform(-0.1, 0.5)
        hand = (shoulder + side * 0.22, top - 0.12 - 0.35 + raised, rng.uniform(0.05, 0.3))
        arm = curve([(side * width * 0.45, top - 0.12, 0.0), (shoulder + side * 0.1, top - 0.3, 0.02), hand], 9)
        parts += [Part(tube(arm, 0.065), joint), Part(ellipsoid(0.11, 0.11, 0.11, rows=10, columns=18).moved(*hand), second)]
        parts.append(Part(tube([(side * 0.26 * width, 0.1, 0.0), (side * 0.26 * width, hip + 0.03, 0.0)], 0.085), joint))
        parts.append(Part(box(0.3 * width + 0.04, 0.16, 0.42, 0.04).moved(side * 0.26 * width, 0.08, 0.05), second))
    parts.append(Part(box(0.6 * head, 0.09, 0.05, 0.015).moved(y=level - 0.27 * head, z=0.22), joint))
    crown, lean = level + head / 2, rng.uniform(-0.15, 0.15)
    parts.append(Part(tube([(0, crown - 0.03, 0), (lean, crown + 0.22, 0)], 0.022, 8), joint))
    parts.append(Part(ellipsoid(0.07, 0.07, 0.07, rows=8, columns=16).moved(lean, crown + 0.24), eye))
    size = "tall " if tall + head > 1.25 else "small " if tall + head < 1.12 else ""
    return Design(parts, article(f"{size}{body.words} robot with {article(second.name)} panel and {eye.name} eyes"))


VEHICLES: dict[str, Callable[[np.random.Generator], Design]] = {"house": _house, "car": _car, "boat": _boat, "rocket": _rocket, "robot": _robot}
