"""How far people, or people and a judge, agree: percent, points off, Cohen's kappa, Krippendorff's alpha."""

from engines.agreement.measures import (
    cohens_kappa,
    krippendorffs_alpha,
    percent_agreement,
    points_off,
)

__all__ = ["cohens_kappa", "krippendorffs_alpha", "percent_agreement", "points_off"]
