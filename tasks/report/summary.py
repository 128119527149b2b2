"""The facts at the top of the page."""

from tasks.report.inputs import Inputs, MissingError


def summary(inputs: Inputs) -> list[dict[str, str]]:
    """Label, value and note of each headline fact; only what there is."""
    return [fact for part in (_data, _training, _evaluation) for fact in part(inputs)]


def _data(inputs: Inputs) -> list[dict[str, str]]:
    facts = []
    if "assets" in inputs.manifests:
        assets = inputs.manifests["assets"]
        facts.append(_fact("Assets", f"{assets.samples():,}", f"of {assets.entered:,} in the catalogue"))
    if "align" in inputs.manifests:
        pictures = inputs.manifests["align"]
        facts.append(_fact("Aligned pictures", f"{pictures.samples():,}", f"of {pictures.entered:,}"))
    if "shards" in inputs.manifests:
        verified = inputs.manifests["shards"]
        facts.append(_fact("Verified samples", f"{verified.samples():,}", f"data set {verified.digest()[:12]}"))
    return facts


def _training(inputs: Inputs) -> list[dict[str, str]]:
    if not inputs.runs:
        return []
    name, record = next(reversed(inputs.runs.items()))
    steps = sum(run["settings"]["steps"] for run in inputs.runs.values())
    return [_fact("Training", f"{steps:,} steps", f"in {len(inputs.runs)} runs"), _fact("Model", name, f"weights {record['weights_sha256'][:12]}")]


def _evaluation(inputs: Inputs) -> list[dict[str, str]]:
    try:
        metrics = inputs.metrics
    except MissingError:
        return []
    scores = [row["metrics"]["consistency_psnr"] for row in metrics["rows"] if row["name"] == "real" and "consistency_psnr" in row["metrics"]]
    return [_fact("Consistency", f"{score['mean']:.1f} dB", f"± {score['spread']:.1f}, {len(metrics['assets'])} held-out assets") for score in scores]


def _fact(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}
