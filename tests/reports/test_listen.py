"""The player under the answer, in a browser: keys, switches, a region, blind listening, chosen calls."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from testbed.reports import sounds
from testbed.reports.listen import listening
from testbed.reports.report import write_report
from testbed.reports.sounds import MAX_SOUND_BYTES, PageSounds
from testbed.reports.summary import summarize
from testbed.results import load

from .a_run import FRAME_MS, HZ, SCHEMES, make_run
from .chromium import opened

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
PRESS = """((key, shiftKey) => document.getElementById('scrubber').dispatchEvent(
    new KeyboardEvent('keydown', {key: key, shiftKey: shiftKey || false, bubbles: true})))"""
KEYS = "[...document.querySelectorAll('#schemes button')].map(b => b.innerText.replace(/\\s+/g, ' ').trim())"
PRESSED = "document.querySelector('#schemes [aria-pressed=true]').innerText.replace(/\\s+/g, ' ').trim()"
PLAYING = """new Promise(done => {{ const look = () => player.isPlaying() && player.position() > {at}
    ? done(true) : setTimeout(look, 5); look(); }})"""
# By the clock of the sound: how far it is from where it would be without the switch, for each scheme.
SWITCH = """(async () => {
    const off = [];
    for (const track of schemeTracks()) {
        player.seek(0.1);
        while (player.position() < 0.15) await new Promise(done => setTimeout(done, 5));
        const began = player.clock(), at = player.position();
        player.choose(track);
        while (player.clock() < began + 0.1) await new Promise(done => setTimeout(done, 10));
        off.push([player.track().name, player.position() - at - (player.clock() - began)]);
    }
    return off;
})()"""


def after(page, milliseconds):
    page.run(f"new Promise(done => setTimeout(done, {milliseconds}))")


def playing(page, at=0.0):
    assert page.run(PLAYING.format(at=at)) is True


def with_trials(run, count, adaptive=False):
    """Give a run the sounds of its first realization of other clips and points, too."""
    manifest = json.loads((run / "manifest.json").read_text())
    examples = manifest["examples"]
    first = examples[0]
    for point in range(3):
        for realization in range(2):
            if (point, realization) == (first["point"], 0) or len(examples) >= count * len(SCHEMES):
                continue
            examples += [
                {**example, "point": point, "realization": realization}
                for example in examples[: len(SCHEMES)]
            ]
    if adaptive:
        manifest["scenario"]["playout"] = {"policy": "adaptive", "preset": "neteq"}
        for example in examples[: len(SCHEMES)]:
            if example["scheme"] == "lbrr":
                timeline = pd.read_parquet(run / example["timeline"])
                timeline.loc[50:, "played_ns"] += 400_000_000
                timeline.to_parquet(run / example["timeline"], index=False)
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("listen") / "run", seconds=6.0)
    with opened(write_report(with_trials(run, 4, adaptive=True)), 1400) as page:
        yield page
        assert page.complaints == []
        assert [url[:5] for url in page.requests] == ["file:"]


def test_keys_play_the_schemes_in_the_order_of_the_answer(page):
    keys = page.run(KEYS)
    assert keys[:3] == ["1 no loss", "2 plc baseline", "3 LBRR + DRED"]
    assert keys[-2:] == ["0 recording", "the loss"]
    assert page.run(PRESSED) == "2 plc baseline"  # no scheme is recommended
    page.run(f"{PRESS}('3')")
    playing(page)
    assert page.run(PRESSED) == "3 LBRR + DRED"
    page.run(f"{PRESS}(' ')")
    assert page.run("player.isPlaying()") is False
    before = page.run("player.position()")
    page.run(f"{PRESS}('ArrowRight')")
    page.run(f"{PRESS}('ArrowLeft', true)")
    assert page.run("player.position()") == pytest.approx(before + 0.8, abs=1e-6)
    page.run(f"{PRESS}('Home')")
    assert page.run("player.position()") == 0


def test_a_switch_keeps_the_position(page):
    page.run(f"{PRESS}('1')")
    playing(page, 0.3)
    off = dict(page.run(SWITCH))
    page.run("player.pause()")
    assert list(off)[:2] == ["no loss", "plc"]
    assert len(off) == len(SCHEMES)
    assert [name for name, seconds in off.items() if abs(seconds) > 0.02] == []


def test_moments_of_stretched_speech_are_those_of_its_frames(page):
    track = "tracks.find(track => track.name === 'lbrr')"
    for frame, second in ((10, 0.2), (49, 0.98), (50, 1.4), (100, 2.4)):
        assert page.run(f"inSound({track}, {frame * FRAME_MS / 1000})") == pytest.approx(second, abs=1e-3)
        assert page.run(f"inSpeech({track}, {second})") == pytest.approx(frame * FRAME_MS / 1000, abs=1e-3)
    assert page.run(f"inSpeech({track}, 1.19)") == pytest.approx(0.99, abs=1e-3)  # in the stall
    heads = "[...document.querySelectorAll('.spectrogram .head')].map(head => parseFloat(head.style.left))"
    page.run("player.seek(3)")
    places = dict(zip(page.run("tracks.map(track => track.name)"), page.run(heads), strict=True))
    assert places["lbrr"] - places["plc"] == pytest.approx(100 * 0.4 / page.run("callSeconds()"), abs=0.1)
    assert len({round(place, 3) for name, place in places.items() if name != "lbrr"}) == 1


def test_the_loss_is_the_recording_with_silence_where_a_packet_was_lost(page):
    lost = page.run("tracks.find(track => track.lost).lost")
    levels = """Promise.all([0, 1].map(async place => {
        const sound = (await player.soundOf(tracks[place])).getChannelData(0), frame = sound.length / 300;
        const level = (part) => Math.max(...part.map(Math.abs));
        return Array.from({length: 300}, (_, i) => level(sound.slice(i * frame, (i + 1) * frame)));
    }))"""
    whole, loss = page.run(levels)
    assert [level > 0 for level in loss] == [letter != "x" for letter in lost]
    assert all(level in (0, before) for level, before in zip(loss, whole, strict=True))


def test_a_region_repeats(page):
    drag = """(([from, to]) => {
        const box = document.getElementById('scrubber'), inside = box.getBoundingClientRect();
        const at = (share, type) => box.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerId: 1,
            pointerType: 'touch', clientX: inside.left + share * inside.width, clientY: inside.top + 9}));
        box.setPointerCapture = () => {};
        at(from, 'pointerdown'); at((from + to) / 2, 'pointermove'); at(to, 'pointerup');
    })"""
    page.run(f"{drag}([0.5, 0.55])")
    assert page.run("player.loop()") == pytest.approx([3.0, 3.3], abs=0.02)
    page.run("player.play()")
    after(page, 800)
    assert 3.0 <= page.run("player.position()") <= 3.32
    page.run(f"{PRESS}('2')")
    after(page, 500)
    assert 3.0 <= page.run("player.position()") <= 3.32
    page.run(f"{PRESS}('l')")
    assert page.run("player.loop()") is None
    after(page, 600)
    page.run("player.pause()")
    assert page.run("player.position()") > 3.4
    page.run("player.seek(2)")
    page.run(f"{PRESS}('[')")
    page.run("player.seek(4)")
    page.run(f"{PRESS}(']')")
    assert page.run("player.loop()") == [2, 4]
    page.run(f"{drag}([0.5, 0.5])")
    assert page.run("player.loop()") is None
    assert page.run("player.position()") == pytest.approx(3.0, abs=0.02)


def test_the_playhead_stays_where_the_sound_is(page):
    """After a zoom, whose middle it is, and after the view was moved."""
    page.run("player.seek(3.9)")
    page.run("[...document.querySelectorAll('#call-zoom button')].at(-2).click()")  # 2 s
    head = "parseFloat(document.querySelectorAll('.spectrogram .head')[3].style.left)"
    assert page.run(head) == pytest.approx(50, abs=0.1)
    page.run(
        "const start = document.getElementById('call-start'); start.value = 3.4;"
        "start.dispatchEvent(new Event('input'))"
    )
    assert page.run(head) == pytest.approx(25, abs=0.1)
    picture = "document.querySelectorAll('.spectrogram')[3]"
    page.run(
        f"{{const box = {picture}.getBoundingClientRect(); {picture}.dispatchEvent(new MouseEvent('click', "
        "{clientX: box.left + box.width / 2, clientY: box.top + 5})); }"
    )
    playing(page)
    assert page.run("player.track() === tracks[3]") is True
    assert page.run("player.position()") == pytest.approx(4.4, abs=0.3)
    page.run("player.pause()")


def test_blind_listening_hides_names_and_counts_choices(page):
    page.run(f"{PRESS}('b')")
    try:
        assert page.run(KEYS)[: len(SCHEMES)] == [f"{n} {letter}" for n, letter in enumerate("ABCDEFG", 1)]
        shown = page.run("document.getElementById('player').innerText")
        assert not [name for name in SCHEMES if name in shown]
        assert "PLCMOS" not in page.run("document.getElementById('now').innerText")
        assert page.run("document.querySelectorAll('#scrubber rect[fill]').length") == 0
        assert page.run("document.querySelectorAll('#schemes svg').length") == 0
        assert page.run("document.getElementById('call').hidden") is True
        liked = []
        for key in "123":
            page.run(f"{PRESS}('{key}')")
            liked.append(page.run("player.track().name"))
            page.run(f"{PRESS}('p')")
        assert "lbrr" not in page.run("location.hash")
    finally:
        page.run(f"{PRESS}('b')")
    said = page.run("document.getElementById('blind-result').innerText")
    assert "Preferred in 3 blind choices" in said
    assert all(f"{name}: {liked.count(name)}" in said for name in liked)
    assert page.run("document.getElementById('call').hidden") is False
    assert page.run("localStorage.length + sessionStorage.length") == 0


def test_the_call_is_chosen_by_score_or_from_the_worst(page):
    options = page.run("[...document.querySelectorAll('#call-choice option')].map(o => o.textContent)")
    assert len([each for each in options if each.startswith("en-allison, realization")]) == 4
    assert any(each.startswith("worst PLCMOS: en-allison, realization ") for each in options)
    page.run(
        "const c = document.getElementById('call-choice'); c.value = 'call 2';"
        "c.dispatchEvent(new Event('change'))"
    )
    assert page.run("location.hash") == "#call=2"
    assert page.run("document.getElementById('call-about').textContent").startswith("Clip en-allison")
    assert page.run("player.isPlaying()") is False
    rows = page.run("[...document.querySelectorAll('#worst-calls tbody tr')].map(row => row.textContent)")
    assert len(rows) == 10
    assert all(" % lost, " in row and ".call(" in row for row in rows)
    page.run("document.querySelector('button[data-call]').click()")
    playing(page)
    assert page.run("player.track().name") == page.run(
        "document.querySelector('button[data-call]').dataset.scheme"
    )
    page.run("player.pause()")
    page.run("location.hash = '#call=0'")
    after(page, 50)
    assert page.run("trial().realization") == 0


def test_names_with_markup_stay_text(tmp_path):
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", EVIL), clips=(EVIL,), seconds=2.0)
    with opened(write_report(run), 390) as page:
        page.tap("#schemes button:nth-child(2)")
        playing(page)
        page.run("document.querySelectorAll('#listen details').forEach(each => { each.open = true; })")
        page.tap("#blind")
        assert page.violations() == []
        page.tap("#prefer")
        page.tap("#blind")
        assert page.violations() == []
        assert any(EVIL in text for text in page.run(KEYS))
        assert page.run("document.querySelectorAll('img[onerror]').length") == 0
        assert page.run("document.querySelectorAll('script').length") == 3
        assert page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert page.complaints == []


def test_sounds_are_compressed_where_there_are_many_and_left_out_where_there_is_no_room(monkeypatch):
    rng = np.random.default_rng(5)
    made = [(3000 * rng.standard_normal(HZ)).astype(np.int16) for _ in range(4)]

    def pages(most_bytes=MAX_SOUND_BYTES):
        page = PageSounds(most_bytes)
        places = [page.add(samples) for samples in (made[0], made[0])]
        page.end_first()
        places += [page.add(samples) for samples in made]
        assert places == [0, 0, 0, 1, 2, 3]
        files, is_compressed = page.encoded()
        return [None if file is None else file[:5] for file in files], is_compressed

    flac, ogg = "ZkxhQ", "T2dnU"
    assert pages() == ([flac] * 4, False)
    monkeypatch.setattr(sounds, "MAX_LOSSLESS_BYTES", 100_000)
    assert pages() == ([flac, ogg, ogg, ogg], True)
    assert pages(20_000) == ([ogg, ogg, ogg, None], True)


def test_a_run_without_sound_still_lists_its_worst_calls(tmp_path):
    run = make_run(tmp_path / "run", examples=False, seconds=2.0)
    results = load(run)
    found = listening(results, summarize(results), {})
    table = results.table
    assert found.data is None
    assert len(found.worst) == 10
    assert found.worst[0].row == table[table["scheme"] != "no loss"]["plcmos"].idxmin()
    text = write_report(run).read_text("utf-8")
    assert 'id="player"' not in text
    assert f".call({found.worst[0].row})" in text


def test_longer_sounds_of_earlier_runs_are_cut(tmp_path):
    soundfile.write(tmp_path / "long.flac", np.zeros(61 * HZ, np.int16), HZ)
    assert len(sounds.read_sound(tmp_path / "long.flac")) == 60 * HZ
