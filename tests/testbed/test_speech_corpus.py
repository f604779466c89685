"""The corpus, fetched from a small Debian archive of our own by the real apt and dpkg; apt's sources."""

import hashlib
import json
import os
import subprocess
import threading

import av
import numpy as np
import pytest
import soundfile

from testbed import apt
from testbed.apt import AptSource, debian_mirror, private_apt, sources
from testbed.clip_cutting import active_level_dbov, cut_clips
from testbed.corpus_voices import ASTERISK, MORE, CorpusVoice
from testbed.errors import FetchError, SpeechError
from testbed.scenario.speech import Speech
from testbed.speech import PACKAGED, fetch, list_clips, load_clips
from testbed.speech_corpus import CORPORA, Corpus, unlike_known

PROMPTS = json.loads((PACKAGED / "prompts.json").read_text(encoding="utf-8"))


def write_prompt(path, random, seconds):
    """Write noise that comes in syllables, with silent ends, in the codec of the file's ending."""
    time = np.arange(round(16000 * seconds)) / 16000
    sound = random.normal(scale=0.2, size=len(time)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    pcm = np.concatenate([np.zeros(4800), sound, np.zeros(4800)])
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".g722":
        soundfile.write(path, pcm, 16000)
        return
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16000, layout="mono")
        whole = (pcm * 32767).clip(-32768, 32767).astype(np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.rate = 16000
        container.mux([*stream.encode(frame), *stream.encode(None)])


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Build the packages and the index files that make a folder a Debian archive."""
    root = tmp_path_factory.mktemp("archive")
    random = np.random.default_rng(5)
    lists = []
    for voice in (*ASTERISK, *MORE):
        for name in PROMPTS[voice.key]:
            path = root / "build" / voice.package / voice.folder / f"{name}.{voice.suffix}"
            write_prompt(path, random, random.uniform(3, 5))
    for package in dict.fromkeys(voice.package for voice in (*ASTERISK, *MORE)):
        tree = root / "build" / package
        notice = tree / "usr/share/doc" / package / "copyright"
        notice.parent.mkdir(parents=True)
        notice.write_text(f"Licence of {package}")
        (tree / "DEBIAN").mkdir()
        control = f"Package: {package}\nVersion: 1:2.0-1\nArchitecture: all\n"
        control += "Maintainer: x <x@example.org>\nDescription: x\n"
        (tree / "DEBIAN/control").write_text(control)
        deb = root / f"pool/{package}_2.0-1_all.deb"
        deb.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "-Znone", "-b", str(tree), str(deb)], check=True, capture_output=True)
        data = deb.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        lists.append(f"{control}Filename: pool/{deb.name}\nSize: {len(data)}\nSHA256: {digest}\n")
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    packages = root / f"dists/stable/main/binary-{architecture}/Packages"
    packages.parent.mkdir(parents=True)
    packages.write_text("\n".join(lists))
    digest = hashlib.sha256(packages.read_bytes()).hexdigest()
    (root / "dists/stable/Release").write_text(
        f"Suite: stable\nCodename: stable\nComponents: main\nArchitectures: {architecture}\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {digest} {packages.stat().st_size} "
        f"main/binary-{architecture}/Packages\n"
    )
    return root


@pytest.fixture
def machine(archive, tmp_path, monkeypatch):
    """A machine whose Debian mirror is that archive."""
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        apt, "debian_mirror", lambda: AptSource(f"file:{archive}", "stable", ("main",), trusted=True)
    )
    return tmp_path


def test_fetch_makes_a_corpus_of_many_voices(machine):
    said = []
    clips = fetch(said.append)
    assert len(clips) == 25 == len({clip.name for clip in clips})
    assert len({clip.language for clip in clips}) == 5
    assert len({clip.speaker for clip in clips[:8]}) == 4
    for clip in clips:
        assert 8 <= len(clip.pcm) / 16000 <= 12
        assert active_level_dbov(clip.pcm.astype(float))[0] == pytest.approx(-26, abs=0.6)
        assert "1:2.0-1" in clip.source
    assert any("Fetching" in line for line in said)
    assert [clip.sha256 for clip in list_clips()["asterisk"]] == [clip.sha256 for clip in clips]
    scenario = Speech(corpus="asterisk", clips=8)
    assert [clip.name for clip in load_clips(scenario, machine)] == [clip.name for clip in clips[:8]]
    said.clear()
    fetch(said.append)
    assert len(said) == 1
    assert "already" in said[0]
    assert [path.name for path in (machine / "cache/speech").iterdir()] == [CORPORA["asterisk"].folder.name]


@pytest.mark.long
def test_more_voices_come_beside_those_of_asterisk(machine):
    asterisk = [clip.sha256 for clip in fetch()]
    clips = fetch(more=True)
    assert len(clips) == 55 == len({clip.name for clip in clips})
    assert len({clip.speaker for clip in clips}) == len({clip.speaker for clip in clips[:11]}) == 10
    assert {clip.codec for clip in clips} == {"G.722", "PCM", "Vorbis"}
    assert [clip.sha256 for clip in clips if clip.codec == "G.722"] == asterisk
    scenario = Speech(corpus="more", clips=12)
    assert [clip.name for clip in load_clips(scenario, machine)] == [clip.name for clip in clips[:12]]
    for clip in clips:
        assert 8 <= clip.seconds <= 12
        package = clip.source.split()[1]
        assert (clip.file.parent / f"{package}.txt").read_text() == f"Licence of {package}"


def test_more_voices_that_are_not_there_say_how_to_get_them(machine):
    scenario = Speech(corpus="more")
    with pytest.raises(SpeechError, match=r"corpus: more is not .*; `testbed speech fetch --more` gets it"):
        load_clips(scenario, machine)


def test_two_fetches_at_once_give_one_whole_corpus(machine):
    results, both = [], threading.Barrier(2)

    def one():
        both.wait()
        results.append([clip.sha256 for clip in fetch()])

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert results[0] == results[1]
    assert [path.name for path in (machine / "cache/speech").iterdir()] == [CORPORA["asterisk"].folder.name]


def test_clips_are_compared_with_those_known_of_the_same_packages():
    entries = json.loads((PACKAGED / "index.json").read_text(encoding="utf-8"))
    assert len(entries) == 4
    assert unlike_known(CORPORA["asterisk"], entries) == []
    entries[1]["sha256"] = "0" * 64
    assert unlike_known(CORPORA["asterisk"], entries) == ["fr-june-1"]
    entries[1]["source"] = entries[1]["source"].replace("1.6.1-1", "1.7.0-1")
    assert unlike_known(CORPORA["asterisk"], entries) == []


def test_files_of_a_killed_fetch_are_removed_and_never_count_as_complete(machine):
    left = machine / "cache/speech/.fetch.abc/clips"
    left.mkdir(parents=True)
    (left / "index.json").write_text("[]")
    assert len(fetch()) == 25
    assert [path.name for path in (machine / "cache/speech").iterdir()] == [CORPORA["asterisk"].folder.name]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, FetchError])
def test_an_interrupted_fetch_leaves_nothing_behind(machine, monkeypatch, fault):
    def stop(line):
        if "(ru)" in line:
            raise fault

    with pytest.raises(fault):
        fetch(stop)
    assert list((machine / "cache/speech").iterdir()) == []
    assert "asterisk" not in list_clips()


def test_a_package_that_is_not_there_is_named(machine, monkeypatch):
    voice = CorpusVoice("xx", "xx", "asterisk-core-sounds-xx-g722", "xx", "g722", "G.722", "X", "", "")
    monkeypatch.setitem(CORPORA, "asterisk", Corpus("asterisk", 2, (voice,)))
    with pytest.raises(FetchError, match="asterisk-core-sounds-xx-g722"):
        fetch()


def test_a_mirror_that_cannot_be_read_is_an_error(machine, monkeypatch):
    nowhere = AptSource(f"file:{machine}/nowhere", "stable", ("main",), trusted=True)
    monkeypatch.setattr(apt, "debian_mirror", lambda: nowhere)
    with pytest.raises(FetchError, match="apt-get update"):
        fetch()


def test_a_machine_without_apt_is_told_so(machine, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(FetchError, match="Debian"):
        fetch()


def test_the_cut_is_a_function_of_the_prompts(archive):
    voice = ASTERISK[2]
    sounds = archive / "build" / voice.package / voice.folder
    one, two = list(cut_clips(voice, sounds, 2)), list(cut_clips(voice, sounds, 2))
    assert all(np.array_equal(a, b) and m == n for (a, m), (b, n) in zip(one, two, strict=True))
    used = [name for _, names in one for name in names]
    assert len(used) == len(set(used))


def test_active_level_ignores_the_pauses():
    random = np.random.default_rng(0)
    sound = random.normal(scale=0.1, size=32000)
    level, active = active_level_dbov(np.concatenate([sound, np.zeros(32000), sound]))
    assert level == pytest.approx(-20, abs=0.1)
    assert active.sum() == 200
    assert active_level_dbov(np.zeros(3200))[0] == -np.inf


# apt's sources


def etc_apt(folder, **files):
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        path, suffix = name.rsplit("_", 1)
        (folder / path.replace("__", "/")).with_suffix(f".{suffix}").write_text(text)
    return folder


def test_one_line_sources_with_options_comments_and_other_archives(tmp_path):
    etc = etc_apt(
        tmp_path,
        sources_list="# deb http://old.example/debian bullseye main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
        "deb [arch=amd64 signed-by=/keys/a.gpg] http://mirror.example/debian bookworm main contrib # mine\n"
        "deb-src http://mirror.example/debian bookworm main\n",
    )
    assert debian_mirror(etc) == AptSource(
        "http://mirror.example/debian", "bookworm", ("main", "contrib"), "/keys/a.gpg"
    )
    assert len(list(sources(etc))) == 3


def test_deb822_sources(tmp_path):
    etc = etc_apt(
        tmp_path,
        **{
            "sources.list.d__a_list": "deb https://other.example/apt cloud-sdk main\n",
            "sources.list.d__b_sources": "Types: deb\nEnabled: no\nURIs: http://off.example\nSuites: sid\n"
            "Components: main\n\n# comment\nTypes: deb\n# inside\nURIs: http://mirror.example/debian\n"
            " http://second.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
            "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xyz\n",
        },
    )
    found = list(sources(etc))
    assert [(s.uri, s.suite) for s in found[1:]] == [
        (f"http://{host}.example/debian", suite)
        for host in ("mirror", "second")
        for suite in ("bookworm", "bookworm-updates")
    ]
    mirror = debian_mirror(etc)
    assert (mirror.uri, mirror.suite) == ("http://mirror.example/debian", "bookworm")


def test_a_machine_without_a_mirror_is_told_so(tmp_path):
    with pytest.raises(FetchError, match="no Debian mirror"):
        debian_mirror(etc_apt(tmp_path, sources_list="deb http://x.example/ubuntu noble-security main\n"))


def test_private_apt_asks_for_the_suites_and_kinds(archive, machine, tmp_path):
    private_apt(tmp_path / "apt", suites=("stable",), kinds=("deb",))
    assert (tmp_path / "apt/sources.list").read_text() == f"deb [trusted=yes] file:{archive} stable main\n"
