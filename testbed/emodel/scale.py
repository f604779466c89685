"""Opinion of listeners for a transmission rating R, and back (ITU-T G.107, Annex B)."""

import math

BEST_MOS = 4.5
"""Opinion at the largest rating, 100."""


def mos(rating: float) -> float:
    """Return the mean opinion, 1 to 4.5, at a rating of the narrowband scale.

    G.107's polynomial falls below 1 between 0 and 6.5; it is cut off there, so that it never falls.
    """
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return BEST_MOS
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def rating(opinion: float) -> float:
    """Return the smallest rating with a mean opinion above 1, 6.5 to 100; the inverse of `mos`.

    In closed form: Hoene, Karl, Wolisz: "A perceptual quality model intended for adaptive VoIP applications",
    International Journal of Communication Systems 19(3), 2006.

    Parameters
    ----------
    opinion
        1 to 4.5; a value beyond counts as the nearest of these.
    """
    opinion = min(max(opinion, 1.0), BEST_MOS)
    root = math.sqrt(-903_522 + 1_113_960 * opinion - 202_500 * opinion**2)
    angle = math.atan2(15 * root, 18_566 - 6750 * opinion) / 3
    return 20 / 3 * (8 - math.sqrt(226) * math.cos(angle + math.pi / 3))
