"""The one error of reading meshes: a `ValueError` that names the rule a stranger's file broke."""


class MeshError(ValueError):
    """A mesh file that cannot become a correct mesh.

    rule: short machine name, used as `Decision.rule` (`not_finite`, `missing_texture`, `unsafe_uri`, ...).
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
