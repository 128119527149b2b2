"""The small base models of the embedded default. Operators that torchvision may lack are declared before anything here imports diffusers."""

import models.torchvision_ops  # noqa: F401
