"""Things of the house. Each function plans one object of its category and returns its caption; the front is +Z."""

from collections.abc import Callable

import numpy as np

from models.geometry.procedural_blueprint import Blueprint, a
from models.geometry.procedural_pieces import Part, box, ellipsoid, revolved, tube


def handle(side: float, low: float, high: float, reach: float, thickness: float) -> Part:
    """A bent handle in the x-y plane that leaves a body of radius `side` at `high` and returns at `low`."""
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    path = [(side - 0.04 + reach * np.sin(t), middle + half * np.cos(t), 0.0) for t in np.linspace(0.0, np.pi, 16)]
    return tube(path, thickness)


def chair(plan: Blueprint) -> str:
    """Four legs, a seat, a back with slats or a panel, perhaps a cushion."""
    wood, cloth = plan.colour("pink", "teal", "purple"), plan.colour()
    frame, seat = plan.surface("wood", wood), plan.surface("fabric", cloth)
    width, height, back = plan.between(0.8, 1.1), plan.between(0.7, 1.0), plan.between(0.8, 1.2)
    reach = width / 2 - 0.07
    for x in (-reach, reach):
        plan.add(frame, tube([(x * 1.06, 0, reach), (x, height, reach)], [0.05, 0.065]))
        plan.add(frame, tube([(x * 1.06, 0, -reach * 1.1), (x, height, -reach), (x, height + back, -reach - 0.14)], 0.06))
    plan.add(frame, box(width, 0.1, width).moved(y=height))
    plan.add(seat, ellipsoid(width / 2 - 0.05, 0.12, width / 2 - 0.05).moved(y=height + 0.07))
    top = height + back
    if plan.pick("slats", "panel") == "panel":
        plan.add(seat, box(width - 0.18, back * 0.55, 0.1).turned("x", -8).moved(y=top - back * 0.35, z=-reach - 0.1))
        return f"{a(wood)} wooden chair with {a(cloth)} cushion and back"
    for k in range(plan.count(2, 4)):
        plan.add(frame, box(width - 0.14, 0.1, 0.05).moved(y=top - 0.08 - 0.2 * k, z=-reach - 0.12 + 0.035 * k))
    return f"{a(wood)} wooden chair with slats and {a(cloth)} cushion"


def table(plan: Blueprint) -> str:
    """A round or rectangular top on four legs or a pillar, with a drawer or a bowl towards the front."""
    colour, extra = plan.colour("pink", "purple"), plan.colour()
    top, knob = plan.surface("wood", colour), plan.surface("ceramic", extra)
    height, width, depth = plan.between(0.7, 1.1), plan.between(1.3, 1.9), plan.between(0.8, 1.2)
    if plan.pick("round", "square") == "round":
        radius = width / 2
        plan.add(top, revolved([(radius - 0.05, height - 0.1), (radius, height - 0.06), (radius, height), (radius - 0.03, height + 0.03)]))
        plan.add(top, revolved([(0.42, 0), (0.38, 0.07), (0.1, 0.14), (0.08, height * 0.5), (0.13, height - 0.1)]))
        plan.add(knob, revolved([(0.12, 0), (0.3, 0.16), (0.34, 0.26), (0.3, 0.26), (0.1, 0.06), (0, 0.05)]).moved(y=height + 0.02, z=0.2))
        return f"a round {colour} wooden table with {a(extra)} ceramic bowl"
    plan.add(top, box(width, 0.1, depth).moved(y=height))
    plan.add(top, box(width - 0.2, 0.22, depth - 0.15).moved(y=height - 0.15))
    for x in (-1, 1):
        for z in (-1, 1):
            plan.add(
                top,
                tube([(x * (width / 2 - 0.1), 0, z * (depth / 2 - 0.1)), (x * (width / 2 - 0.13), height, z * (depth / 2 - 0.13))], [0.045, 0.075]),
            )
    plan.add(
        knob, box(width * 0.5, 0.16, 0.04).moved(y=height - 0.16, z=depth / 2 - 0.06), ellipsoid(0.05, 0.05, 0.05).moved(y=height - 0.16, z=depth / 2)
    )
    return f"{a(colour)} wooden table with {a(extra)} drawer"


def lamp(plan: Blueprint) -> str:
    """A foot, a stem and a shade; a switch at the front."""
    metal, shade = plan.pick("black", "grey", "white", "brown", "blue", "red"), plan.colour("black")
    stem, cloth = plan.surface("metal", metal), plan.surface("fabric", shade)
    height, wide, narrow = plan.between(1.2, 2.0), plan.between(0.45, 0.65), plan.between(0.2, 0.36)
    plan.add(stem, revolved([(0.38, 0), (0.4, 0.05), (0.34, 0.1), (0.06, 0.16), (0.04, 0.3), (0.04, height)]))
    plan.add(
        cloth,
        revolved([(wide, height - 0.25), (narrow, height + 0.4), (narrow - 0.04, height + 0.4), (wide - 0.04, height - 0.25), (wide, height - 0.25)]),
    )
    plan.add(stem, revolved([(0.0, height + 0.28), (narrow - 0.03, height + 0.3), (narrow - 0.03, height + 0.34), (0.0, height + 0.34)]))
    plan.add(plan.surface("plastic", shade), ellipsoid(0.07, 0.05, 0.07).moved(y=0.12, z=0.24))
    return f"a {metal} metal lamp with {a(shade)} fabric shade"


def mug(plan: Blueprint) -> str:
    """A cup with a handle on the right and a band or a badge at the front."""
    colour = plan.colour()
    mark = plan.colour(colour)
    body, badge = plan.surface("ceramic", colour), plan.surface("ceramic", mark)
    radius, height = plan.between(0.45, 0.6), plan.between(0.9, 1.3)
    inner = radius - 0.07
    plan.add(body, revolved([(radius - 0.06, 0), (radius, 0.07), (radius, height), (inner, height), (inner, 0.12), (0, 0.1)]))
    plan.add(body, handle(radius, height * 0.2, height * 0.82, plan.between(0.3, 0.45), 0.07))
    if plan.pick("band", "heart") == "band":
        low = height * plan.between(0.3, 0.6)
        plan.add(badge, revolved([(radius, low), (radius + 0.015, low + 0.01), (radius + 0.015, low + 0.2), (radius, low + 0.21)]))
        return f"{a(colour)} ceramic mug with {a(mark)} band"
    plan.add(badge, ellipsoid(0.2, 0.22, 0.06).moved(y=height * 0.5, z=radius - 0.02))
    return f"{a(colour)} ceramic mug with {a(mark)} dot on the front"


def bottle(plan: Blueprint) -> str:
    """A body, a neck, a cap and a paper label with a seal at the front."""
    glass, label, cap = plan.colour("black"), plan.pick("white", "beige", "yellow"), plan.colour()
    radius, height, neck = plan.between(0.3, 0.42), plan.between(0.9, 1.3), plan.between(0.1, 0.14)
    top = height + plan.between(0.4, 0.6)
    shoulder = [(neck + (radius - neck) * (1 + np.cos(t)) / 2, height + 0.3 * t / np.pi) for t in np.linspace(0, np.pi, 9)]
    plan.add(plan.surface("plastic", glass), revolved([(radius - 0.05, 0), (radius, 0.05), *shoulder, (neck, top)]))
    plan.add(plan.surface("metal", cap), revolved([(neck + 0.03, top - 0.02), (neck + 0.04, top), (neck + 0.04, top + 0.14), (neck, top + 0.17)]))
    band = [(radius + 0.01, height * 0.22), (radius + 0.012, height * 0.23), (radius + 0.012, height * 0.77), (radius + 0.01, height * 0.78)]
    plan.add(plan.surface("paper", label), revolved(band))
    plan.add(plan.surface("plastic", cap), ellipsoid(0.14, 0.16, 0.04).moved(y=height * 0.5, z=radius + 0.005))
    return f"{a(glass)} bottle with {a(cap)} cap and {a(label)} label"


def vase(plan: Blueprint) -> str:
    """A turned body with one or two coloured bands and a flower emblem at the front."""
    colour = plan.colour()
    band = plan.colour(colour)
    belly, height = plan.between(0.4, 0.6), plan.between(1.4, 2.0)
    waist, lip, foot = plan.between(0.16, 0.3), plan.between(0.25, 0.42), plan.between(0.25, 0.35)
    heights = np.linspace(0, 1, 28)
    radii = np.interp(heights, [0, 0.35, 0.78, 1.0], [foot, belly, waist, lip])
    radii = np.convolve(np.pad(radii, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    outer = [(float(r), float(height * h)) for r, h in zip(radii, heights)]
    plan.add(plan.surface("ceramic", colour), revolved([*outer, (outer[-1][0] - 0.05, height), (waist - 0.05, height * 0.75), (0, height * 0.7)]))
    for level in [0.35] if plan.pick("one", "two") == "one" else [0.25, 0.45]:
        near = [(r + 0.012, y) for r, y in outer if abs(y / height - level) < 0.07]
        plan.add(plan.surface("ceramic", band), revolved([(near[0][0] - 0.03, near[0][1]), *near, (near[-1][0] - 0.03, near[-1][1])]))
    plan.add(plan.surface("ceramic", band), ellipsoid(0.12, 0.12, 0.05).moved(y=height * 0.62, z=float(np.interp(0.62, heights, radii))))
    return f"a tall {colour} ceramic vase with {a(band)} band"


def teapot(plan: Blueprint) -> str:
    """A round pot: spout on the right, handle on the left, a lid with a knob."""
    colour = plan.colour()
    lid = plan.colour(colour)
    wide, high = plan.between(0.55, 0.7), plan.between(0.45, 0.6)
    body, top = plan.surface("ceramic", colour), plan.surface("ceramic", lid)
    plan.add(body, ellipsoid(wide, high, wide), revolved([(0.38, -high - 0.02), (0.42, -high + 0.12)]))
    plan.add(body, tube([(wide - 0.15, -0.15, 0), (wide + 0.2, 0.0, 0), (wide + 0.32, 0.3, 0), (wide + 0.5, 0.48, 0)], [0.17, 0.12, 0.08, 0.07]))
    plan.add(body, handle(wide, -high * 0.5, high * 0.6, 0.38, 0.065).turned("y", 180))
    plan.add(top, ellipsoid(wide * 0.55, 0.12, wide * 0.55).moved(y=high * 0.9), ellipsoid(0.1, 0.1, 0.1).moved(y=high + 0.14))
    plan.add(top, ellipsoid(0.18, 0.18, 0.05).moved(z=wide - 0.01))
    return f"{a(colour)} ceramic teapot with {a(lid)} lid"


def clock(plan: Blueprint) -> str:
    """An alarm clock: a drum with a dial and hands in front, two bells, two feet."""
    case, dial = plan.colour("white"), plan.pick("white", "beige", "yellow", "black")
    hands = "black" if dial != "black" else "white"
    body = plan.surface("metal", case)
    plan.add(body, revolved([(0.75, -0.25), (0.85, -0.2), (0.85, 0.2), (0.75, 0.25)]).turned("x", 90))
    plan.add(plan.surface("paper", dial), revolved([(0.72, 0), (0.72, 0.03)]).turned("x", 90).moved(z=0.24))
    needle = plan.surface("plastic", hands)
    plan.add(needle, box(0.05, 0.5, 0.03).moved(y=0.22).turned("z", plan.between(0, 360)).moved(z=0.29))
    plan.add(needle, box(0.06, 0.34, 0.03).moved(y=0.15).turned("z", plan.between(0, 360)).moved(z=0.31))
    plan.add(needle, *[box(0.04, 0.1, 0.02).moved(y=0.62).turned("z", 30 * k).moved(z=0.275) for k in range(12)])
    for side in (-1, 1):
        plan.add(body, ellipsoid(0.25, 0.15, 0.25).turned("z", -30 * side).moved(x=0.48 * side, y=0.88))
        plan.add(body, tube([(0.4 * side, -0.7, 0), (0.6 * side, -1.05, 0)], 0.07))
    return f"{a(case)} metal alarm clock with {a(dial)} dial"


def gift(plan: Blueprint) -> str:
    """A wrapped box with a ribbon, a bow and a name tag at the front."""
    paper = plan.colour("black")
    ribbon = plan.colour(paper)
    wrap, band = plan.surface("paper", paper), plan.surface("fabric", ribbon)
    width, height, depth = plan.between(0.9, 1.4), plan.between(0.6, 1.2), plan.between(0.9, 1.3)
    plan.add(wrap, box(width, height, depth), box(width + 0.08, 0.22, depth + 0.08).moved(y=height / 2 - 0.05))
    plan.add(band, box(0.16, height + 0.05, depth + 0.11).moved(y=0.05), box(width + 0.11, height + 0.05, 0.16).moved(y=0.05))
    for side in (-1, 1):
        loop = [
            (side * (0.02 + 0.3 * np.sin(t)), height / 2 + 0.12 + 0.16 * (1 - np.cos(2 * t)) / 2 + 0.1 * np.sin(t), 0)
            for t in np.linspace(0, np.pi, 12)
        ]
        plan.add(band, tube(loop, 0.06))
    plan.add(plan.surface("paper", "white"), box(0.3, 0.2, 0.03).turned("z", 12).moved(x=width * 0.27, y=-0.05, z=depth / 2 + 0.03))
    return f"{a(paper)} gift box with {a(ribbon)} ribbon"


HOUSEHOLD: dict[str, Callable[[Blueprint], str]] = {
    "bottle": bottle,
    "chair": chair,
    "clock": clock,
    "gift": gift,
    "lamp": lamp,
    "mug": mug,
    "table": table,
    "teapot": teapot,
    "vase": vase,
}
