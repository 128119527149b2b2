"""Things of a room. Each function draws one object of its category, standing on y = 0 or so, its front towards +Z."""

from collections.abc import Callable

import numpy as np

from models.geometry.procedural_grid import Grid, box, curve, cylinder, ellipsoid, hoop, lathe, torus, tube
from models.geometry.procedural_paints import ANY, Design, Paint, Part, article, band, draw_metal, draw_paint, draw_wood, paint, spots


def draw_frame(rng: np.random.Generator) -> Paint:
    """What furniture is made of: natural or painted wood, metal, plastic."""
    kind = rng.choice(["wood", "wood", "gloss", "gloss", "enamel", "plastic"])
    return draw_wood(rng) if kind == "wood" else draw_paint(str(kind), rng, ANY, ("beige",))


def _leg(x: float, z: float, height: float, splay: float, thickness: float) -> Grid:
    foot = (x * (1.0 + splay), 0.0, z * (1.0 + splay))
    return tube([foot, (x, height, z)], np.array([0.7, 1.0]) * thickness)


def _chair(rng: np.random.Generator) -> Design:
    frame, width, depth, seat = draw_frame(rng), rng.uniform(0.8, 1.05), rng.uniform(0.8, 0.95), rng.uniform(0.75, 1.0)
    back, thick, tilt = rng.uniform(0.75, 1.15), rng.uniform(0.045, 0.07), rng.uniform(4.0, 12.0)
    x, z = width / 2.0 - 0.08, depth / 2.0 - 0.08
    parts = [Part(_leg(i * x, j * z, seat, rng.uniform(0.0, 0.15), thick), frame) for i in (-1, 1) for j in (-1, 1)]
    parts.append(Part(box(width, 0.09, depth, 0.03).moved(y=seat), frame))

    def behind(grid: Grid) -> Part:
        return Part(grid.turned("x", -tilt).moved(y=seat, z=-z), frame)

    style = str(rng.choice(["slatted", "solid", "barred"]))
    parts += [behind(tube([(i * x, -0.02, 0.0), (i * x, back, 0.0)], thick * 0.9)) for i in (-1, 1)]
    if style == "solid":
        parts.append(behind(box(2 * x, back * 0.62, 0.06, 0.025).moved(y=back * 0.66)))
    elif style == "slatted":
        count = int(rng.integers(2, 5))
        parts += [behind(box(2 * x, 0.4 * back / count, 0.05, 0.02).moved(y=back * (0.3 + 0.66 * k / (count - 1)))) for k in range(count)]
    else:
        parts.append(behind(box(2 * x + 0.1, 0.13, 0.07, 0.03).moved(y=back)))
        parts += [behind(tube([(k * x, 0.0, 0.0), (k * x, back, 0.0)], 0.028, 8)) for k in (-0.6, -0.2, 0.2, 0.6)]
    caption = f"{frame.words} chair with a {style} back"
    if rng.random() < 0.4:
        parts += [Part(box(0.09, 0.06, depth * 0.95, 0.025).moved(i * (x + 0.02), seat + 0.32), frame) for i in (-1, 1)]
        parts += [Part(tube([(i * (x + 0.02), seat, z), (i * (x + 0.02), seat + 0.32, z)], 0.035), frame) for i in (-1, 1)]
        caption += ", armrests"
    if rng.random() < 0.65:
        cushion = draw_paint(str(rng.choice(["fabric", "leather"])), rng, ANY, (frame.name,))
        parts.append(Part(ellipsoid(width * 0.46, 0.11, depth * 0.45, 0.45).moved(y=seat + 0.11), cushion))
        caption += f" and {article(cushion.words)} cushion"
    return Design(parts, article(caption))


def _stool(rng: np.random.Generator) -> Design:
    frame, height, radius = draw_frame(rng), rng.uniform(0.9, 1.6), rng.uniform(0.42, 0.56)
    seat = draw_paint(str(rng.choice(["gloss", "leather", "fabric"])), rng, ANY, (frame.name,))
    count, turn = int(rng.integers(3, 5)), rng.uniform(0.0, 25.0)
    splay, low = rng.uniform(0.15, 0.45), rng.uniform(0.25, 0.4)
    parts = [Part(_leg(0.0, 0.72 * radius, height, splay, 0.06).turned("y", turn + 360.0 * k / count), frame) for k in range(count)]
    parts.append(Part(torus(0.72 * radius * (1.0 + splay * (1.0 - low)), 0.028).moved(y=low * height), frame))
    stripe = draw_paint(seat.material, rng, ANY, (frame.name, seat.name))
    place = radius * rng.uniform(0.1, 0.4)
    striped = count == 4 or rng.random() < 0.5
    marks = ((band(place, place + 0.25 * radius, axis=2), stripe),) if striped else ()
    parts.append(Part(cylinder(radius, rng.uniform(0.1, 0.2), 0.045).moved(y=height), seat, marks))
    size = "tall" if height > 1.3 else "low" if height < 1.05 else "round"
    caption = f"{size} stool with {('three', 'four')[count - 3]} {frame.words} legs and {article(seat.words)} seat"
    return Design(parts, article(caption + (f" with {article(stripe.name)} stripe" if striped else "")))


def _table(rng: np.random.Generator) -> Design:
    frame, height, width, depth = draw_frame(rng), rng.uniform(0.7, 1.0), rng.uniform(1.5, 2.1), rng.uniform(0.9, 1.2)
    parts, round_top = [], rng.random() < 0.4
    if round_top:
        radius = width * 0.42
        parts.append(Part(cylinder(radius, 0.09, 0.03, 40).moved(y=height), frame))
        foot = curve([(0.55 * radius, 0.02), (0.16, 0.12), (0.09, 0.45 * height), (0.1, 0.8 * height), (0.3, height - 0.03)], 16)
        parts.append(Part(lathe(np.concatenate([[(0.55 * radius, -0.04)], foot]), 28), frame))
        caption = f"round {frame.words} table"
    else:
        x, z = width / 2.0 - 0.1, depth / 2.0 - 0.1
        parts.append(Part(box(width, 0.09, depth, 0.03).moved(y=height), frame))
        parts += [Part(_leg(i * x, j * z, height, rng.uniform(0.0, 0.08), 0.075), frame) for i in (-1, 1) for j in (-1, 1)]
        drawer, knob = draw_paint("gloss", rng, ANY, (frame.name,)), draw_metal(rng, ("brass", "steel"))
        parts.append(Part(box(width * 0.86, 0.2, depth * 0.7, 0.02).moved(y=height - 0.14), frame))
        parts.append(Part(box(width * 0.42, 0.17, 0.06, 0.02).moved(y=height - 0.14, z=depth * 0.35 + 0.02), drawer))
        parts.append(Part(ellipsoid(0.045, 0.045, 0.05, rows=8, columns=14).moved(y=height - 0.14, z=depth * 0.35 + 0.08), knob))
        caption = f"{frame.words} table with {article(drawer.name)} drawer"
    thing, words = _thing_on_table(rng, (frame.name,))
    place = rng.uniform(0.15, 0.3) * width, rng.uniform(0.0, 0.15)
    parts += [Part(part.grid.moved(place[0], height + 0.04, place[1]), part.paint) for part in thing]
    return Design(parts, f"{article(caption)} and {words} on it")


def _thing_on_table(rng: np.random.Generator, without: tuple[str, ...]) -> tuple[list[Part], str]:
    if rng.random() < 0.5:
        colour = draw_paint("paper", rng, without=without)
        pages = paint("white", "paper", rng)
        turn = rng.uniform(-30.0, 30.0)
        book = [Part(box(0.62, 0.04, 0.46, 0.015).moved(y=y), colour) for y in (0.02, 0.2)]
        return [Part(p.grid.turned("y", turn), p.paint) for p in [*book, Part(box(0.57, 0.15, 0.42, 0.01).moved(y=0.11), pages)]], article(
            f"{colour.name} book"
        )
    colour = draw_paint("ceramic", rng, without=without)
    bowl = curve([(0.1, 0.0), (0.24, 0.1), (0.3, 0.24)], 8)
    return [Part(lathe(np.concatenate([bowl, (bowl * [0.88, 1.0] + [0.0, 0.015])[::-1]]), 28), colour)], article(f"{colour.words} bowl")


def _lamp(rng: np.random.Generator) -> Design:
    foot = draw_metal(rng) if rng.random() < 0.4 else draw_paint(str(rng.choice(["ceramic", "enamel"])), rng, ANY)
    shade = draw_paint(str(rng.choice(["fabric", "paper"])), rng, ANY, (foot.name, "black"))
    height, wide, top = rng.uniform(0.9, 1.7), rng.uniform(0.5, 0.7), rng.uniform(0.25, 0.42)
    shade_height, belly = rng.uniform(0.5, 0.7), rng.uniform(0.12, 0.26)
    column = curve([(0.34, 0.04), (0.12, 0.12), (belly, 0.28 * height), (0.06, 0.6 * height), (0.045, height)], 26)
    parts = [Part(lathe(np.concatenate([[(0.34, 0.0)], column]), 28), foot)]
    outside = np.array([(wide, height - 0.05), (top, height - 0.05 + shade_height)])
    profile = np.concatenate([outside, (outside - [0.02, 0.0])[::-1]])
    rim = draw_paint("fabric", rng, ANY, (foot.name, shade.name))
    low = height - 0.05
    banded = rng.random() < 0.5
    marks = ((band(low, low + 0.16 * shade_height), rim),) if banded else ()
    parts.append(Part(hoop(profile, 36), shade, marks))
    parts.append(Part(ellipsoid(0.13, 0.16, 0.13, rows=10, columns=18).moved(y=height + 0.12), paint("yellow", "glass", rng)))
    parts.append(Part(tube([(0.12, height, 0.2), (0.13, height - 0.36, 0.24)], 0.012, 6), draw_metal(rng, ("brass",))))
    parts.append(Part(ellipsoid(0.04, 0.05, 0.04, rows=8, columns=12).moved(0.13, height - 0.4, 0.24), draw_metal(rng, ("brass",))))
    parts.append(Part(tube([(0.0, 0.04, -0.3), (0.05, 0.03, -0.5), (0.3, 0.03, -0.55)], 0.018, 6), paint("black", "rubber", rng)))
    size = "tall " if height > 1.4 else "small " if height < 1.1 else ""
    caption = f"{size}lamp with {article(foot.words)} foot and {article(shade.name)} shade"
    return Design(parts, article(caption + (f" with {article(rim.name)} rim" if banded else "")))


def _bookshelf(rng: np.random.Generator) -> Design:
    frame, width, levels, step, depth = draw_frame(rng), rng.uniform(1.0, 1.5), int(rng.integers(2, 5)), rng.uniform(0.5, 0.6), 0.42
    height = levels * step
    parts = [Part(box(0.06, height + 0.06, depth, 0.012).moved(i * width / 2.0, height / 2.0), frame) for i in (-1, 1)]
    parts += [Part(box(width, 0.05, depth, 0.012).moved(y=k * step), frame) for k in range(levels + 1)]
    parts.append(Part(box(width, height, 0.03, 0.01).moved(y=height / 2.0, z=-depth / 2.0), frame))
    names = [str(name) for name in rng.permutation([name for name in ANY if name != frame.name])[:2]]
    for level in range(levels):
        x = -width / 2.0 + 0.05
        while x < width / 2.0 - rng.uniform(0.12, 0.6):
            thick, tall = rng.uniform(0.07, 0.13), step * rng.uniform(0.6, 0.85)
            book = box(thick - 0.012, tall, depth * 0.7, 0.015).moved(x + thick / 2.0, level * step + 0.025 + tall / 2.0, 0.03)
            parts.append(Part(book, paint(names[int(rng.integers(2))], "print", rng)))
            x += thick
    ball = draw_paint("plastic", rng, ANY, (frame.name, *names))
    place = rng.uniform(-0.3, 0.3) * width
    parts.append(Part(ellipsoid(0.16, 0.16, 0.16).moved(place, height + 0.175, 0.06), ball, ((band(-0.05 + place, 0.05 + place, axis=0), frame),)))
    size = "tall " if levels == 4 else ""
    return Design(parts, article(f"{size}{frame.words} bookshelf with {names[0]} and {names[1]} books and {article(ball.name)} ball on top"))


def _clock(rng: np.random.Generator) -> Design:
    body, radius, depth = draw_paint(str(rng.choice(["enamel", "plastic"])), rng, ANY, ("white",)), rng.uniform(0.75, 0.95), rng.uniform(0.35, 0.6)
    dial = draw_paint("paper", rng, ("white", "beige", "yellow", "black"), (body.name,))
    ink = paint("white" if dial.name == "black" else "black", "paper", rng)
    angles = np.arange(12) * np.pi / 6.0
    ticks = np.column_stack([np.sin(angles), np.cos(angles), np.full(12, 0.0)]) * 0.7 * radius + [0.0, 0.0, depth / 2.0 + 0.012]
    face = cylinder(0.88 * radius, 0.06, 0.01, 40).turned("x", 90).moved(z=depth / 2.0 - 0.018)
    marks = ((spots(ticks, np.where(np.arange(12) % 3, 0.035, 0.07) * radius / 0.8), ink),)
    parts = [Part(cylinder(radius, depth, 0.08, 40).turned("x", 90), body), Part(face, dial, marks)]
    for length, thick, angle in ((0.42, 0.075, rng.uniform(0, 360)), (0.64, 0.05, rng.uniform(0, 360))):
        hand = box(thick, length * radius, 0.025, 0.008).moved(y=0.42 * length * radius)
        parts.append(Part(hand.turned("z", -angle).moved(z=depth / 2.0 + 0.035), ink))
    legs = draw_metal(rng)
    parts += [Part(tube([(i * 0.5 * radius, -0.75 * radius, 0.0), (i * 0.75 * radius, -1.15 * radius, 0.0)], [0.07, 0.045]), legs) for i in (-1, 1)]
    parts.append(Part(tube([(0.0, 0.0, -depth / 2.0), (0.0, 0.0, -depth / 2.0 - 0.12)], 0.09), legs))
    caption = f"{body.words} clock with {article(dial.name)} dial"
    if rng.random() < 0.6:
        for i in (-1, 1):
            bell = lathe([(0.02, 0.0), (0.27, 0.0), (0.25, 0.1), (0.16, 0.19), (0.04, 0.22)], 24)
            parts.append(Part(bell.moved(y=radius + 0.02).turned("z", -i * 32), legs))
        caption += f" and two {legs.name} bells"
    return Design(parts, article(caption))


def _gift_box(rng: np.random.Generator) -> Design:
    wrap, width, height, depth = draw_paint("paper", rng, ANY), rng.uniform(1.0, 1.6), rng.uniform(0.6, 1.3), rng.uniform(0.9, 1.3)
    ribbon = draw_paint("fabric", rng, ANY, (wrap.name, "brown", "grey"))
    thin = rng.uniform(0.14, 0.22)
    parts = [Part(box(width, height, depth, 0.02).moved(y=height / 2.0), wrap)]
    parts.append(Part(box(width + 0.08, 0.24, depth + 0.08, 0.02).moved(y=height), wrap))
    x, z = rng.uniform(-0.2, 0.0) * width, rng.uniform(0.08, 0.2) * depth
    parts.append(Part(box(thin, height + 0.01, depth + 0.02, 0.008).moved(x, height / 2.0 + 0.005), ribbon))
    parts.append(Part(box(width + 0.02, height + 0.01, thin, 0.008).moved(0.0, height / 2.0 + 0.005, z), ribbon))
    parts.append(Part(box(thin, 0.255, depth + 0.1, 0.008).moved(x, height), ribbon))
    parts.append(Part(box(width + 0.1, 0.255, thin, 0.008).moved(0.0, height, z), ribbon))
    for side in (-1, 1):
        loop = torus(0.19, 0.055, 24).turned("x", 90).mapped(lambda p: p * [1.15, 0.75, 1.3])
        parts.append(Part(loop.moved(side * 0.2).turned("z", side * 25).moved(x, height + 0.17, z), ribbon))
    parts.append(Part(ellipsoid(0.09, 0.08, 0.09, rows=8, columns=14).moved(x, height + 0.17, z), ribbon))
    tag = draw_paint("print", rng, ("white", "beige", "yellow"), (wrap.name, ribbon.name))
    parts.append(Part(box(0.3, 0.2, 0.025, 0.008).turned("z", rng.uniform(-20, 20)).moved(0.24 * width, 0.5 * height, depth / 2.0 + 0.02), tag))
    shape = "tall " if height > 1.1 else "flat " if height < 0.75 else ""
    return Design(parts, article(f"{shape}{wrap.name} gift box with {article(ribbon.name)} ribbon and {article(tag.name)} tag"))


FURNITURE: dict[str, Callable[[np.random.Generator], Design]] = {
    "chair": _chair,
    "stool": _stool,
    "table": _table,
    "lamp": _lamp,
    "bookshelf": _bookshelf,
    "clock": _clock,
    "gift_box": _gift_box,
}
