"""Diffusion parts that the systems share. Operators that torchvision may lack are declared before anything here imports diffusers."""

import models.torchvision_ops  # noqa: F401
