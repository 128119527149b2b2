"""Things that grow, drive, fly or stand outside. Each function plans one object and returns its caption; the front is +Z."""

from collections.abc import Callable

import numpy as np

from models.geometry.procedural_blueprint import Blueprint, a
from models.geometry.procedural_pieces import box, ellipsoid, prism, revolved, tube


def house(plan: Blueprint) -> str:
    """Brick walls, a gabled roof, a door and windows at the front, a chimney."""
    wall, roof, door = (
        plan.pick("red", "beige", "white", "orange", "grey", "yellow"),
        plan.pick("brown", "grey", "red", "blue", "green"),
        plan.colour(),
    )
    width, height, depth = plan.between(1.1, 1.5), plan.between(0.8, 1.2), plan.between(0.9, 1.3)
    rise = plan.between(0.5, 0.8)
    bricks, tiles = plan.surface("brick", wall), plan.surface("wood", roof)
    outline = [(-width / 2, 0), (width / 2, 0), (width / 2, height), (0, height + rise), (-width / 2, height)]
    plan.add(bricks, prism(outline, depth))
    slope, length = np.degrees(np.arctan2(rise, width / 2)), np.hypot(rise, width / 2) + 0.18
    for side in (-1, 1):
        slab = box(length, 0.08, depth + 0.25).moved(x=side * (length / 2 - 0.02)).turned("z", -side * slope)
        plan.add(tiles, slab.moved(y=height + rise + 0.05))
    plan.add(plan.surface("wood", door), box(0.3, 0.55, 0.06).moved(x=-width * 0.2, y=0.275, z=depth / 2 + 0.02))
    glass, frame = plan.surface("plastic", "blue"), plan.surface("wood", "white")
    for x, y in ((width * 0.22, height * 0.5), (0.0, height + rise * 0.3)):
        plan.add(frame, box(0.36, 0.34, 0.05).moved(x=x, y=y, z=depth / 2 + 0.01))
        plan.add(glass, box(0.28, 0.26, 0.05).moved(x=x, y=y, z=depth / 2 + 0.03))
    plan.add(bricks, box(0.2, 0.7, 0.2).moved(x=width * 0.27, y=height + rise * 0.75, z=-depth * 0.2))
    return f"a small {wall} brick house with {a(roof)} roof and {a(door)} door"


def car(plan: Blueprint) -> str:
    """A toy car driving towards +Z: body, cabin, four wheels, head lamps in front and tail lamps behind."""
    colour = plan.colour("black", "grey")
    paint, glass, rubber = plan.surface("metal", colour), plan.surface("plastic", "grey"), plan.surface("leather", "black")
    length, height, width = plan.between(1.8, 2.3), plan.between(0.4, 0.5), plan.between(0.85, 1.0)
    radius, cabin = plan.between(0.22, 0.28), plan.between(0.38, 0.5)
    side = [(-length / 2, 0), (length / 2, 0), (length / 2, height * 0.75), (length * 0.2, height), (-length / 2, height)]
    plan.add(paint, prism(side, width).turned("y", -90).moved(y=radius))
    back, front = (-length * 0.42, -length * 0.34) if plan.pick("van", "car") == "van" else (-length * 0.32, -length * 0.2)
    roof = [(back, 0), (length * 0.2, 0), (length * 0.06, cabin), (front, cabin)]
    plan.add(glass, prism(roof, width - 0.12).turned("y", -90).moved(y=radius + height))
    top = [(front - 0.03, 0), (length * 0.06 + 0.03, 0), (length * 0.06, 0.06), (front, 0.06)]
    plan.add(paint, prism(top, width - 0.08).turned("y", -90).moved(y=radius + height + cabin))
    for x in (-1, 1):
        for z in (-0.3, 0.3):
            wheel = revolved([(radius - 0.04, -0.09), (radius, -0.05), (radius, 0.05), (radius - 0.04, 0.09)]).turned("z", 90)
            plan.add(rubber, wheel.moved(x=x * width / 2, y=radius, z=z * length))
            plan.add(glass, ellipsoid(0.1, 0.11, 0.11).moved(x=x * (width / 2 + 0.04), y=radius, z=z * length))
        plan.add(plan.surface("plastic", "yellow"), ellipsoid(0.1, 0.09, 0.05).moved(x=x * width * 0.33, y=radius + height * 0.5, z=length / 2))
        plan.add(plan.surface("plastic", "red"), box(0.16, 0.1, 0.05).moved(x=x * width * 0.33, y=radius + height * 0.6, z=-length / 2))
    return f"{a(colour)} toy car with black wheels"


def boat(plan: Blueprint) -> str:
    """A sailing boat whose bow points right, with its sail and a porthole towards the front."""
    hull, sail = plan.colour("white"), plan.pick("white", "beige", "red", "yellow", "orange", "pink")
    length, height, width = plan.between(1.6, 2.0), plan.between(0.35, 0.5), plan.between(0.5, 0.7)
    side = [(-length * 0.38, -height), (length * 0.3, -height), (length * 0.56, 0), (-length * 0.46, 0)]
    plan.add(plan.surface("wood", hull), prism(side, width))
    plan.add(plan.surface("wood", "beige"), box(length * 0.95, 0.05, width * 0.9).moved(x=0.05, y=0.02))
    mast = plan.between(1.4, 1.9)
    plan.add(plan.surface("wood", "brown"), tube([(0, 0, 0), (0, mast, 0)], [0.05, 0.03]), tube([(0.05, 0.2, 0), (-length * 0.4, 0.2, 0)], 0.03))
    cloth = plan.surface("fabric", sail)
    plan.add(cloth, prism([(-length * 0.4, 0.25), (-0.05, 0.25), (-0.05, mast * 0.95)], 0.04))
    plan.add(cloth, prism([(0.06, 0.15), (length * 0.48, 0.1), (0.06, mast * 0.8)], 0.03))
    plan.add(plan.surface("metal", "grey"), *[ellipsoid(0.08, 0.08, 0.04).moved(x=x, y=-height * 0.4, z=width / 2) for x in (-0.3, 0.0, 0.3)])
    return f"{a(hull)} wooden sailing boat with {a(sail)} sail"


def rocket(plan: Blueprint) -> str:
    """A fat rocket with three fins, a nozzle and a round window at the front."""
    body, nose = plan.colour("black"), plan.colour()
    radius, height = plan.between(0.32, 0.42), plan.between(1.5, 2.0)
    bulge = [(radius * (0.75 + 0.45 * np.sin(np.pi * t) ** 0.8), height * t) for t in np.linspace(0, 0.72, 16)]
    plan.add(plan.surface("metal", body), revolved(bulge))
    tip = [(bulge[-1][0] * np.cos(t) ** 0.9 if t < 1.5 else 0.0, bulge[-1][1] + 0.55 * np.sin(t)) for t in np.linspace(0, np.pi / 2, 10)]
    plan.add(plan.surface("metal", nose), revolved(tip))
    plan.add(plan.surface("metal", "grey"), revolved([(0.22, -0.2), (0.26, -0.2), (0.15, 0.02)]))
    fin = prism([(radius * 0.6, 0.0), (radius + 0.45, -0.32), (radius + 0.5, 0.0), (radius * 0.8, 0.5)], 0.07)
    plan.add(plan.surface("plastic", nose), *[fin.turned("y", 30 + 120 * k) for k in range(3)])
    middle = height * 0.45
    plan.add(plan.surface("metal", "grey"), ellipsoid(0.2, 0.2, 0.07).moved(y=middle, z=radius * 1.17))
    plan.add(plan.surface("plastic", "blue"), ellipsoid(0.15, 0.15, 0.07).moved(y=middle, z=radius * 1.17 + 0.03))
    return f"{a(body)} metal rocket with {a(nose)} nose and fins"


def tree(plan: Blueprint) -> str:
    """A trunk with a round or a conical crown, and fruit or a bird box at the front."""
    leaves = plan.pick("green", "green", "orange", "yellow", "teal", "red")
    trunk, crown = plan.surface("bark", "brown"), plan.surface("leaf", leaves)
    height = plan.between(0.6, 0.9)
    plan.add(trunk, tube([(0, 0, 0), (0.04, height * 0.5, 0), (0, height + 0.3, 0)], [0.17, 0.11, 0.08]))
    plan.add(plan.surface("wood", "beige"), box(0.16, 0.2, 0.1).moved(y=height * 0.65, z=0.15))
    if plan.pick("round", "conical") == "conical":
        for k in range(3):
            width, low = 0.75 - 0.18 * k, height * 0.8 + 0.42 * k
            plan.add(crown, revolved([(width * 0.9, low), (width, low + 0.04), (0.08, low + 0.62), (0, low + 0.64)]))
        return f"a conical {leaves} tree with a brown trunk"
    for _ in range(plan.count(5, 8)):
        x, y, z = plan.between(-0.4, 0.4), plan.between(0.2, 0.8), plan.between(-0.4, 0.4)
        size = plan.between(0.35, 0.5)
        plan.add(crown, ellipsoid(size, size * 0.9, size, 24).moved(x, height + y, z))
    return f"a round {leaves} tree with a brown trunk"


def cactus(plan: Blueprint) -> str:
    """A ribbed stem with arms in a clay pot, and a flower towards the front."""
    pot, flower = plan.pick("orange", "white", "blue", "brown", "teal", "grey"), plan.pick("pink", "red", "yellow", "purple", "white")
    green, height = plan.surface("fruit", "green"), plan.between(0.9, 1.3)
    plan.add(plan.surface("ceramic", pot), revolved([(0.3, 0), (0.42, 0.42), (0.47, 0.42), (0.47, 0.52), (0.38, 0.52), (0.36, 0.46), (0, 0.46)]))
    plan.add(green, ellipsoid(0.27, height * 0.62, 0.27).moved(y=0.42 + height * 0.5))
    for side in (-1, 1)[: plan.count(1, 2)]:
        y, reach = 0.5 + height * plan.between(0.3, 0.5), plan.between(0.45, 0.6)
        plan.add(
            green,
            tube([(side * 0.2, y, 0), (side * reach, y + 0.02, 0), (side * (reach + 0.05), y + 0.2, 0), (side * (reach + 0.05), y + 0.42, 0)], 0.1),
        )
        plan.add(green, ellipsoid(0.1, 0.1, 0.1).moved(side * (reach + 0.05), y + 0.42))
    petals = [ellipsoid(0.06, 0.1, 0.05).moved(y=0.1).turned("z", 60 * k) for k in range(6)]
    centre = 0.42 + height * 0.8
    plan.add(plan.surface("fabric", flower), *[petal.moved(y=centre, z=0.26) for petal in petals])
    plan.add(plan.surface("plastic", "yellow" if flower != "yellow" else "orange"), ellipsoid(0.05, 0.05, 0.05).moved(y=centre, z=0.29))
    return f"a green cactus with {a(flower)} flower in {a(pot)} pot"


def mushroom(plan: Blueprint) -> str:
    """A stem, a cap with spots, and a little door at the front."""
    cap, spots, stem = (
        plan.pick("red", "brown", "orange", "purple", "blue", "pink"),
        plan.pick("white", "beige", "yellow"),
        plan.pick("white", "beige"),
    )
    wide, high, height = plan.between(0.65, 0.9), plan.between(0.4, 0.6), plan.between(0.6, 0.9)
    plan.add(plan.surface("stone", stem), revolved([(0.3, 0), (0.34, 0.08), (0.24, height * 0.5), (0.2, height + 0.1)]))
    dome = [(wide * np.cos(t), height + high * np.sin(t)) for t in np.linspace(0, np.pi / 2, 14)]
    plan.add(plan.surface("leather", cap), revolved([(0.2, height + 0.08), (wide * 0.9, height - 0.06), *dome[:-1], (0.0, height + high)]))
    spot = plan.surface("stone", spots)
    for k in range(plan.count(7, 11)):
        around, up = 2.4 * k + plan.between(-0.3, 0.3), plan.between(0.25, 1.3)
        x, y, z = wide * np.cos(up) * np.sin(around), height + high * np.sin(up), wide * np.cos(up) * np.cos(around)
        size = plan.between(0.07, 0.12)
        plan.add(spot, ellipsoid(size, size, size, 16).moved(x, y, z))
    plan.add(plan.surface("wood", "brown"), ellipsoid(0.12, 0.2, 0.06).moved(y=0.2, z=0.28))
    return f"{a(cap)} mushroom with {spots} spots and {a(stem)} stem"


def apple(plan: Blueprint) -> str:
    """A fruit with a dimple, a stalk, a leaf to the right and a sticker at the front."""
    skin, sticker = plan.pick("red", "green", "yellow", "orange", "pink"), plan.pick("white", "blue", "purple", "teal")
    lobe, tall = plan.between(0.5, 0.6), plan.between(0.85, 1.1)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 26)
    profile = [
        (0.8 * np.cos(t) ** lobe if abs(t) < 1.57 else 0.0, tall * (0.75 * np.sin(t) - 0.18 * np.sin(t) ** 9) + 0.06 * np.sin(t)) for t in angle
    ]
    plan.add(plan.surface("fruit", skin), revolved(profile))
    top = profile[-1][1]
    plan.add(plan.surface("bark", "brown"), tube([(0, top - 0.08, 0), (0.02, top + 0.12, 0), (0.1, top + 0.32, 0)], [0.035, 0.03, 0.045]))
    plan.add(plan.surface("leaf", "green"), ellipsoid(0.28, 0.03, 0.13).turned("z", 25).moved(0.33, top + 0.22))
    plan.add(plan.surface("paper", sticker), ellipsoid(0.17, 0.17, 0.04).moved(y=0.05, z=0.78))
    return f"{a(skin)} apple with a green leaf and {a(sticker)} sticker"


OUTDOORS: dict[str, Callable[[Blueprint], str]] = {
    "apple": apple,
    "boat": boat,
    "cactus": cactus,
    "car": car,
    "house": house,
    "mushroom": mushroom,
    "rocket": rocket,
    "tree": tree,
}
