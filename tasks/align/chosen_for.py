"""Which models the filters' thresholds were chosen for: scores of other models have other scales."""

from data_specs.align_params import AlignParams

JUDGED_BY = {
    "detector": ("box_score", "box_count", "second_object"),
    "segmenter": ("silhouette_iou",),
    "mesh": ("silhouette_iou", "depth_agreement", "colour_difference", "micro_distance", "mirror_lead", "rival_lead"),
    "depth": ("scale_agreement", "depth_agreement"),
    "pose": ("pose_confidence", "silhouette_iou"),
}
"""Role -> the rules whose scores change most with who plays it. Appearance has a rule of its own for each kind."""


def inherited_thresholds(params: AlignParams) -> str:
    """A sentence for people where models are judged by thresholds that were chosen for others; "" where none is.

    A threshold that differs from the default counts as chosen for the models at hand.
    """
    usual, inherited = AlignParams.model_validate({}), []
    for role, judging in JUDGED_BY.items():
        here, there = getattr(params, role).kind, getattr(usual, role).kind
        rules = [rule for rule in judging if getattr(params.filters, rule) == getattr(usual.filters, rule)]
        if here != there and rules:
            inherited.append(f"{role} {here} by thresholds of {there} ({', '.join(rules)})")
    if not inherited:
        return ""
    return f"judged by what was chosen for other models, whose scores do not compare (tasks/align/README.md): {'; '.join(inherited)}"
