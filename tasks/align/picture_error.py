"""The one error of reading pictures: a `ValueError` that names the rule which a file broke."""


class PictureError(ValueError):
    """A picture that cannot be used.

    rule: short machine name, used as `Decision.rule` (`damaged`, `changed`, `layout`, ...).
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
