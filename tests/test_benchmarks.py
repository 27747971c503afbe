"""The benchmark tool: that it compares the same functions, measures what it says, and leaves out no loss."""

import json
import time

import pytest
import torch

import lossutils
from benchmarks import measure as measuring
from benchmarks import peers, run
from benchmarks.cases import CASES, TINY, Case
from benchmarks.measure import Time, agree, peak_memory, prepared, race, value_checks, values_and_slopes


def test_every_loss_has_a_case():
    """A loss that nobody times."""
    assert {case.function for case in CASES} == set(lossutils.__all__)
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.rivals for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rivals_are_the_same_function(case):
    """A factor or an option that differs would make the race unfair. Peers that are not installed are left out."""
    torch.manual_seed(0)
    arguments, leaves = prepared(case.draw(TINY), case.learn)
    wanted = values_and_slopes(case.ours, arguments, leaves)
    for name, rival in case.rivals.items():
        try:
            theirs = values_and_slopes(rival, arguments, leaves)
        except ImportError:
            assert name in peers.SHORT
        else:
            assert agree(wanted, theirs), name


def test_agreement_is_strict():
    """A value off by 2e-4, or a gradient by 2 %, is another function."""
    one, slope = torch.tensor(1.0), [torch.ones(4)]
    assert agree((one, slope), (one + 5e-5, slope)) and agree((one, slope), (one, [1.005 * slope[0]]))
    assert not agree((one, slope), (one + 2e-4, slope)) and not agree((one, slope), (one, [1.02 * slope[0]]))
    assert not agree((one * torch.nan, slope), (one, slope))


def test_a_race():
    """Interleaved rounds find the slower one; everyone runs in each."""
    calls = []

    def loss(name, seconds):
        def call(x):
            calls.append(name)
            time.sleep(seconds)
            return x.sum()

        return call

    losses = {"ours": loss("ours", 0.001), "slow": loss("slow", 0.02)}
    times, ratios = race(losses, *prepared((torch.ones(3),), (0,)), seconds=0.0, least=5)
    assert calls.count("ours") == calls.count("slow") == 7
    rounds = [calls[i : i + 2] for i in range(4, 14, 2)]
    assert ["ours", "slow"] in rounds and ["slow", "ours"] in rounds
    assert ratios["ours"] == 1 and 2 < ratios["slow"] < 40
    assert 20 <= times["slow"].forward <= times["slow"].both


def test_peak_memory():
    """A step that holds two tensors of a megabyte at once, whatever was allocated before."""
    x = torch.zeros(2**18, requires_grad=True)
    losses = {"view": lambda x: x[0], "two": lambda x: (2 * x.detach()).exp()[0] + x[0], "none": lambda x: x.sum()}
    peaks = peak_memory(losses, (x,), [])
    assert peaks["two"] == pytest.approx(2, abs=0.01) and peaks["none"] == pytest.approx(0, abs=0.01)
    assert peak_memory({"sum": torch.sum}, (x,), [x])["sum"] < 1.01


def test_value_checks_are_off_and_on():
    """Ours is timed without its checks of values, in every module that asks for them, and then they are on again."""
    half = torch.full((2,), 0.5)
    logits = torch.zeros(4, 1, 3)
    arguments = logits, torch.tensor([[1]]), (4,), (1,)
    with value_checks(False):
        lossutils.hinge_loss(half, half)
        assert lossutils.ctc_loss(logits - 1, *arguments[1:]).isfinite()
        with value_checks(True), pytest.raises(ValueError, match="labels"):
            lossutils.hinge_loss(half, half)
    with pytest.raises(ValueError, match="labels"):
        lossutils.hinge_loss(half, half)
    with pytest.raises(ValueError, match="log_softmax"):
        lossutils.ctc_loss(*arguments)


def rows_of(**ratios):
    """The row of a case with these times of rivals over ours."""
    ratios = {"ours": 1.0, "checked": 1.25, **ratios}
    case = Case("mse_loss, special", lossutils.mse_loss, None, {})
    times = dict.fromkeys(ratios, Time(1.0, 2.0, 3.0))
    return run.row(case, times, ratios, dict.fromkeys(ratios, 4.0))


def test_verdicts():
    """torch's function is the bar at 1.1, else the fastest peer at 1.03; the textbook is none."""
    torchs = rows_of(torch=1 / 1.1, kornia=0.5, textbook=0.1)
    assert (torchs["against"], torchs["ratio"], torchs["met"]) == ("torch", 1.1, True)
    assert rows_of(torch=1 / 1.11)["met"] is False
    peer = rows_of(kornia=2.0, monai=0.96, textbook=0.1)
    assert (peer["against"], peer["met"]) == ("monai", False)
    assert rows_of(kornia=1 / 1.03)["met"] is True
    alone = rows_of(textbook=0.5)
    assert alone["against"] is alone["ratio"] is alone["met"] is None
    assert torchs["checks"] == 0.25 and "checked" not in torchs["ms"] | torchs["speed"] | {}


def test_the_table():
    """A row has the header's columns; a miss is bold, in the table and at its end."""
    rows = [rows_of(torch=0.5, textbook=2.0), rows_of(kornia=3.0)]
    missed, met = map(run.line, rows)
    assert missed.count("|") == met.count("|") == run.HEADER[0].count("|")
    assert "**2.00 of torch**" in missed and "| 0.33 of kornia |" in met and "kornia 3.00× (4 MB)" in met
    text = run.report({"cores": 2, "threads": 2, "versions": {"torch": "2"}, "rows": rows})
    assert text.endswith(f"{met}\n\nMissed: mse_loss, special.\n")


def test_the_command(capsys, monkeypatch, tmp_path):
    """One tiny run from end to end; only a whole run writes the files."""
    monkeypatch.setattr(run, "FULL", TINY)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "JSON", tmp_path / "a.json")
    monkeypatch.setattr(run, "TABLE", tmp_path / "a.md")
    threads = torch.get_num_threads()
    try:
        result = run.main(["--quick", "--only", "huber", "--threads", "1"])
        assert [row["case"] for row in result["rows"]] == ["huber_loss"] and not list(tmp_path.iterdir())
        assert {"ours", "torch", "textbook"} <= set(result["rows"][0]["ms"])
        assert "| huber_loss |" in capsys.readouterr().out
        monkeypatch.setattr(run, "CASES", [case for case in CASES if case.name == "mse_loss"])
        monkeypatch.setattr(run, "measure", lambda case, *options: rows_of(torch=1.0))
        assert run.main([]) == json.loads((tmp_path / "a.json").read_text())
        assert (tmp_path / "a.md").read_text().startswith("# Benchmarks\n")
    finally:
        torch.set_num_threads(threads)


def test_a_rival_with_another_value_is_an_error():
    """Nothing is timed against a function that only has the same name."""
    case = next(case for case in CASES if case.name == "mse_loss")
    with pytest.raises(AssertionError, match="mse_loss: half gives"):
        run.measure(case._replace(rivals={"half": lambda x, y: (x - y).square().mean() / 2}), TINY, 0.0, 1)


def test_peers_are_loaded_as_far_as_their_losses(tmp_path, monkeypatch):
    """A package whose top can't load has its losses all the same; one that is not there is an ImportError."""
    package = tmp_path / "a_peer"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator does not exist')")
    (package / "losses.py").write_text("from .helper import two")
    (package / "helper.py").write_text("two = 2")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(peers.SHORT, "odd", "a_peer")
    monkeypatch.setitem(peers.SHORT, "gone", "no_such_peer")
    assert peers.peer("odd", "losses").two == 2
    with pytest.raises(ImportError):
        peers.peer("gone", "losses")


def test_the_committed_result():
    """The file that the book shows has a row for every case and stays small."""
    result = json.loads(run.JSON.read_text())
    assert run.JSON.stat().st_size <= 50_000
    assert [row["case"] for row in result["rows"]] == [case.name for case in CASES]
    assert run.TABLE.read_text() == run.report(result)
    assert measuring.Time._fields == ("forward", "backward", "both")
