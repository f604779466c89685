"""The narrowband E-model with all its terms (ITU-T G.107, 06/2015)."""

import math
from dataclasses import dataclass

from testbed.emodel.impairments import delay_impairment, echo_at_listener, loss_impairment


@dataclass(frozen=True)
class Narrowband:
    """A telephone connection, by G.107's parameters with their defaults.

    Attributes
    ----------
    slr, rlr, stmr, lstr
        Loudness ratings in dB: of sending, of receiving, of the sidetone, of the listener's sidetone.
    ds
        D-value of the telephone at the sending side.
    telr, wepl
        Loudness rating of the talker echo and weighted echo path loss, in dB.
    t_ms, tr_ms, ta_ms
        Delays: one way of the echo path, round trip, and one way from mouth to ear.
    qdu
        Quantizing distortion units.
    ie, bpl, ppl, burst_ratio
        See `testbed.emodel.impairments.loss_impairment`.
    nc, nfor
        Circuit noise and noise floor at the receiving side, dBm0p and dBmp.
    ps, pr
        Room noise at the sending and the receiving side, dB(A).
    advantage
        A: what users forgive for the advantage of access.
    """

    slr: float = 8.0
    rlr: float = 2.0
    stmr: float = 15.0
    lstr: float = 18.0
    ds: float = 3.0
    telr: float = 65.0
    wepl: float = 110.0
    t_ms: float = 0.0
    tr_ms: float = 0.0
    ta_ms: float = 0.0
    qdu: float = 1.0
    ie: float = 0.0
    bpl: float = 4.3
    ppl: float = 0.0
    burst_ratio: float = 1.0
    nc: float = -70.0
    nfor: float = -64.0
    ps: float = 35.0
    pr: float = 35.0
    advantage: float = 0.0

    @property
    def noise(self) -> float:
        """No: sum of all noise, in dBm0p."""
        olr = self.slr + self.rlr
        sent = self.ps - self.slr - self.ds - 100 + 0.004 * (self.ps - olr - self.ds - 14) ** 2
        heard = self.pr + 10 * math.log10(1 + 10 ** ((10 - self.lstr) / 10))
        received = self.rlr - 121 + heard + 0.008 * (heard - 35) ** 2
        return _sum_db(self.nc, sent, received, self.nfor + self.rlr)

    @property
    def basic(self) -> float:
        """Ro: rating by signal and noise."""
        return 15 - 1.5 * (self.slr + self.noise)

    @property
    def simultaneous(self) -> float:
        """Is: impairments that come with the speech: its level, its sidetone and its quantization."""
        return self._loudness + self._sidetone + self._quantization

    @property
    def talker_echo(self) -> float:
        """Idte."""
        terv = (
            self.telr
            - 40 * math.log10((1 + self.t_ms / 10) / (1 + self.t_ms / 150))
            + 6 * math.exp(-0.3 * self.t_ms**2)
        )
        if self.stmr < 9:
            terv += self._sidetone / 2
        difference = -1.5 * (self.noise - self.rlr) - (80 + 2.5 * (terv - 14))
        echo = (difference / 2 + math.sqrt(difference**2 / 4 + 100) - 1) * (1 - math.exp(-self.t_ms))
        return math.hypot(echo, self._sidetone) if self.stmr > 20 else echo

    @property
    def listener_echo(self) -> float:
        """Idle."""
        return echo_at_listener(self.basic, self.wepl, self.tr_ms)

    @property
    def rating(self) -> float:
        """R."""
        by_delay = self.talker_echo + self.listener_echo + delay_impairment(self.ta_ms)
        by_loss = loss_impairment(self.ie, self.bpl, self.ppl, self.burst_ratio)
        return self.basic - self.simultaneous - by_delay - by_loss + self.advantage

    @property
    def _loudness(self) -> float:
        """Iolr: too loud."""
        x = (self.slr + self.rlr + 0.2 * (64 + self.noise - self.rlr)) / 8
        return float(20 * ((1 + x**8) ** (1 / 8) - x))

    @property
    def _sidetone(self) -> float:
        """Ist: a sidetone of another level than the best."""
        masked = -10 * math.log10(
            10 ** (-self.stmr / 10) + math.exp(-self.t_ms / 4) * 10 ** (-self.telr / 10)
        )
        return float(
            12 * (1 + ((masked - 13) / 6) ** 8) ** (1 / 8)
            - 28 * (1 + ((masked + 1) / 19.4) ** 35) ** (1 / 35)
            - 13 * (1 + ((masked - 3) / 33) ** 13) ** (1 / 13)
            + 29
        )

    @property
    def _quantization(self) -> float:
        """Iq."""
        q = 37 - 15 * math.log10(self.qdu)
        g = 1.07 + 0.258 * q + 0.0602 * q**2
        y, z = (self.basic - 100) / 15 + 46 / 8.4 - g / 9, 46 / 30 - g / 40
        return 15 * math.log10(1 + 10**y + 10**z)


def _sum_db(*levels: float) -> float:
    return 10 * math.log10(sum(10 ** (level / 10) for level in levels))
