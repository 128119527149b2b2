"""Things of a table. Each function draws one object of its category, its front towards +Z, handles to the sides."""

from collections.abc import Callable

import numpy as np

from models.geometry.procedural_grid import Grid, curve, cylinder, ellipsoid, lathe, tube
from models.geometry.procedural_paints import (
    ANY,
    Design,
    Mask,
    Paint,
    Part,
    article,
    band,
    dots,
    draw_metal,
    draw_paint,
    front_rectangle,
    paint,
    spots,
    stripes,
)


def _hollow(outside: np.ndarray, wall: float, floor: float) -> np.ndarray:
    """The profile of a vessel from that of its outside (K, 2): up the outside, over the rim, down the inside to the axis."""
    inside = outside[outside[:, 1] > outside[0, 1] + floor] - [wall, 0.0]
    inside[:, 0] = np.maximum(inside[:, 0], 0.01)
    rim = (outside[-1] + inside[-1]) / 2.0 + [0.0, wall / 2.0]
    return np.concatenate([[(0.0, outside[0, 1])], outside, [rim], inside[::-1], [(0.0, outside[0, 1] + floor)]])


def _handle(radius: float, low: float, high: float, reach: float, thickness: float) -> Grid:
    """A bow towards +X, fixed to a body of the given radius at two heights."""
    angles = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 15)
    path = np.column_stack([radius - 0.03 + reach * np.cos(angles) ** 0.8, (low + high) / 2 + (high - low) / 2 * np.sin(angles), np.zeros(15)])
    return tube(path, thickness)


def _decor(low: float, high: float, radius: float, rng: np.random.Generator) -> tuple[Mask | None, str]:
    """What is painted on a vessel between two heights, and its words with {0} for the colour, {1} with an article."""
    kind = str(rng.choice(["none", "band", "stripes", "dots", "patch"]))
    span = high - low
    if kind == "band":
        place = low + span * rng.uniform(0.3, 0.6)
        return band(place, place + span * rng.uniform(0.15, 0.3)), "{1} band"
    if kind == "stripes":
        return stripes(int(rng.integers(5, 10)), 0.4), "{0} stripes"
    if kind == "dots":
        rows = tuple(low + span * np.array([0.2, 0.5, 0.8]))
        return dots(rows, 8, min(0.26 * radius, 0.13 * span)), "{0} dots"
    if kind == "patch":
        return front_rectangle(radius, low + 0.25 * span, low + 0.8 * span), "{1} square on the front"
    return None, ""


def _decorated(low: float, high: float, radius: float, body: Paint, rng: np.random.Generator) -> tuple[tuple[tuple[Mask, Paint], ...], str]:
    """Marks for a vessel and the words for them, beginning with " with" where there are any."""
    mask, words = _decor(low, high, radius, rng)
    colour = draw_paint(body.material, rng, ANY, (body.name,))
    return (((mask, colour),), " with " + words.format(colour.name, article(colour.name))) if mask else ((), "")


def _mug(rng: np.random.Generator) -> Design:
    body = draw_paint(str(rng.choice(["ceramic", "ceramic", "enamel"])), rng, ANY)
    radius, height, flare = rng.uniform(0.42, 0.6), rng.uniform(0.8, 1.3), rng.uniform(0.85, 1.1)
    belly = radius * rng.uniform(0.95, 1.12)
    outside = np.concatenate([[(radius * flare * 0.88, 0.0)], curve([(radius * flare, 0.06), (belly, height * 0.5), (radius, height)], 12)])
    marks, words = _decorated(0.1 * height, 0.95 * height, belly, body, rng)
    parts = [Part(lathe(_hollow(outside, 0.06, 0.1), 36), body, marks)]
    parts.append(Part(_handle(min(radius, belly), 0.22 * height, 0.8 * height, rng.uniform(0.26, 0.4), rng.uniform(0.055, 0.08)), body))
    drink = draw_paint("glass", rng, ("brown", "black", "green", "white"), (body.name,))
    parts.append(Part(cylinder(min(radius, belly) - 0.05, 0.04).moved(y=0.8 * height), drink))
    size = "tall " if height / radius > 2.3 else "wide " if height / radius < 1.75 else ""
    return Design(parts, article(f"{size}{body.words} mug{words}"))


def _bottle(rng: np.random.Generator) -> Design:
    body = draw_paint(str(rng.choice(["glass", "glass", "plastic"])), rng, ANY)
    radius, height, neck = rng.uniform(0.26, 0.4), rng.uniform(1.3, 1.9), rng.uniform(0.09, 0.13)
    shoulder = height * rng.uniform(0.5, 0.65)
    side = [(radius * 0.92, 0.0), (radius, 0.06), (radius, shoulder)]
    slope = curve([(radius, shoulder + 0.02), (radius * 0.75, shoulder + 0.14 * height), (neck, shoulder + 0.27 * height), (neck, height)], 14)
    parts = [Part(lathe(np.concatenate([side, slope, [(neck * 1.2, height), (neck * 1.2, height + 0.05), (neck, height + 0.06)]]), 36), body)]
    cap = draw_metal(rng, ("steel", "brass", "copper")) if rng.random() < 0.4 else draw_paint("plastic", rng, ANY, (body.name,))
    parts.append(Part(cylinder(neck * 1.3, 0.15, 0.02, 24).moved(y=height + 0.1), cap))
    label = draw_paint("print", rng, ("white", "beige", "yellow", "pink"), (body.name, cap.name))
    stamp = draw_paint("paper", rng, ANY, (label.name, body.name))
    low, high = 0.18 * shoulder, 0.85 * shoulder
    sleeve = cylinder(radius + 0.008, high - low, 0.0, 36).moved(y=(low + high) / 2.0)
    edge = front_rectangle(radius * 1.7, low - 1.0, high + 1.0)
    centre = np.array([[0.0, low + 0.68 * (high - low), radius]])
    parts.append(Part(sleeve, body, ((edge, label), (spots(centre, 0.42 * radius), stamp))))
    size = "tall " if height / radius > 5.5 else "round " if height / radius < 4.2 else ""
    return Design(
        parts,
        article(
            f"{size}{body.words} bottle with {article(label.name)} label and {article(cap.words if cap.material == 'plastic' else cap.name)} cap"
        ),
    )


def _vase(rng: np.random.Generator) -> Design:
    body = draw_paint(str(rng.choice(["ceramic", "ceramic", "glass", "stone"])), rng, ANY) if rng.random() < 0.85 else draw_metal(rng)
    height, foot, belly = rng.uniform(1.2, 1.9), rng.uniform(0.2, 0.36), rng.uniform(0.36, 0.62)
    neck, lip, place = rng.uniform(0.12, 0.24), rng.uniform(0.2, 0.36), rng.uniform(0.3, 0.6)
    outside = curve([(foot, 0.0), (belly, place * height), (neck, 0.86 * height), (lip, height)], 26)
    outside = np.concatenate([[(foot * 0.9, 0.0)], outside + np.array([0.0, 0.03])])
    marks, words = _decorated((place - 0.25) * height, (place + 0.25) * height, belly, body, rng)
    parts = [Part(lathe(_hollow(outside, 0.04, 0.08), 40), body, marks)]
    flowers = rng.random() < 0.5
    if rng.random() < 0.4 or not (words or flowers):
        bow = _handle(neck + 0.05, place * height + 0.1, 0.9 * height, rng.uniform(0.22, 0.34), 0.045)
        parts.append(Part(bow.turned("y", rng.uniform(-60.0, -20.0)), body))
        words += f"{' and' if words else ' with'} one handle"
    if flowers:
        petals, leaf = draw_paint("skin", rng, ("red", "yellow", "pink", "white", "purple", "orange"), (body.name,)), paint("green", "foliage", rng)
        count = int(rng.integers(2, 5))
        for k in range(count):
            angle, reach, top = 0.6 + 2.0 * np.pi * k / count, rng.uniform(0.12, 0.34), height + rng.uniform(0.3, 0.65)
            tip = np.array([reach * np.sin(angle), top, reach * np.cos(angle)])
            parts.append(Part(tube(curve([(0.0, 0.5 * height, 0.0), (*(tip[[0, 1, 2]] * [0.3, 0.8, 0.3]),), (*tip,)], 7), 0.022, 6), leaf))
            bloom = ellipsoid(0.17, 0.12, 0.17, rows=10, columns=20).mapped(_petals)
            parts.append(Part(bloom.moved(*tip), petals, ((spots(tip[None] + [0, 0.1, 0], 0.07), paint("brown", "skin", rng)),)))
        words += f"{' and' if words else ' with'} {('two', 'three', 'four')[count - 2]} {petals.name} flowers"
    size = "tall " if height / belly > 3.6 else "round " if height / belly < 2.6 else ""
    return Design(parts, article(f"{size}{body.words} vase{words}"))


def _petals(points: np.ndarray) -> np.ndarray:
    angle = np.arctan2(points[..., 0], points[..., 2])
    swell = 1.0 + 0.25 * np.cos(5.0 * angle)[..., None] * [1.0, 0.0, 1.0]
    return points * swell


def _teapot(rng: np.random.Generator) -> Design:
    body = draw_paint("ceramic", rng, ANY) if rng.random() < 0.7 else draw_metal(rng)
    radius, squat = rng.uniform(0.5, 0.62), rng.uniform(0.72, 1.0)
    height = 2.0 * radius * squat * 0.88
    outside = curve([(0.55 * radius, 0.0), (radius, 0.45 * height), (0.9 * radius, 0.7 * height), (0.42 * radius, height)], 20)
    marks, words = _decorated(0.1 * height, 0.9 * height, radius, body, rng)
    parts = [Part(lathe(outside, 36), body, marks)]
    second = draw_paint("ceramic", rng, ANY, (body.name,)) if rng.random() < 0.6 else body
    lid = curve([(0.46 * radius, height - 0.01), (0.4 * radius, height + 0.05), (0.06, height + 0.14)], 8)
    parts.append(Part(lathe(lid, 30), second))
    parts.append(Part(ellipsoid(0.075, 0.075, 0.075, rows=8, columns=16).moved(y=height + 0.18), second))
    spout = curve(
        [(0.8 * radius, 0.3 * height, 0), (1.35 * radius, 0.5 * height, 0), (1.5 * radius, 0.85 * height, 0), (1.75 * radius, 1.0 * height, 0)], 12
    )
    parts.append(Part(tube(spout, np.linspace(0.16, 0.065, 12), 16), body))
    bow = _handle(0.92 * radius, 0.22 * height, 0.85 * height, rng.uniform(0.34, 0.46), rng.uniform(0.05, 0.07))
    parts.append(Part(bow.turned("y", 180.0), second))
    lidded = f"{' and' if words else ' with'} {article(second.name)} lid and handle" if second is not body else ""
    return Design(parts, article(f"{'flat ' if squat < 0.8 else 'round ' if squat > 0.93 else ''}{body.words} teapot{words}{lidded}"))


TABLEWARE: dict[str, Callable[[np.random.Generator], Design]] = {"mug": _mug, "bottle": _bottle, "vase": _vase, "teapot": _teapot}
