"""Impairments of the E-model: delay, loss, and residual echo (ITU-T G.107, 7.4 and 7.5)."""

import math

_NOTICED_MS = 100.0  # mT: the delay that talkers begin to notice
_POWER = 6  # 6 sT, at the default sensitivity of 1


def delay_impairment(delay_ms: float) -> float:
    """Return Idd: what absolute delay takes from R where there is no echo.

    Parameters
    ----------
    delay_ms
        Ta: one way, from mouth to ear.
    """
    if delay_ms <= _NOTICED_MS:
        return 0.0
    octaves = math.log2(delay_ms / _NOTICED_MS)
    rise: float = (
        (1 + octaves**_POWER) ** (1 / _POWER) - 3 * (1 + (octaves / 3) ** _POWER) ** (1 / _POWER) + 2
    )
    return 25 * rise


def loss_impairment(
    equipment: float, robustness: float, lost_percent: float, burst_ratio: float = 1.0, most: float = 95.0
) -> float:
    """Return Ie,eff: what codec and loss take from R.

    Parameters
    ----------
    equipment
        Ie: impairment by the codec without loss.
    robustness
        Bpl: the higher, the better the concealment.
    lost_percent
        Ppl: share of the packets that are lost or come too late, in %.
    burst_ratio
        BurstR; 1: independent losses.
    most
        Impairment at total loss.
    """
    if not lost_percent:
        return equipment
    return equipment + (most - equipment) * lost_percent / (lost_percent / burst_ratio + robustness)


def burst_ratio(lost: float, bursts: float, packets: float) -> float:
    """Return BurstR: mean length of bursts, divided by that of independent losses of the same rate.

    Parameters
    ----------
    lost, bursts
        Number of packets lost, and of runs of them without a packet in between; NaN if there are none.
    packets
        Number of packets.
    """
    return lost / bursts * (1 - lost / packets) if bursts else math.nan


def echo_at_listener(basic: float, path_loss_db: float, round_trip_ms: float) -> float:
    """Return Idle: what the talker's echo at the listener takes from R.

    Parameters
    ----------
    basic
        Ro: the rating by noise alone.
    path_loss_db, round_trip_ms
        WEPL and Tr: the weighted echo path loss, and the delay of the echo.
    """
    rated: float = 10.5 * (path_loss_db + 7) * (round_trip_ms + 1) ** -0.25
    return (basic - rated) / 2 + math.sqrt((basic - rated) ** 2 / 4 + 169)
