"""`python -m bench rules` measures what it says: a small run has every figure."""

import json

from bench.__main__ import main


def test_a_small_run_has_every_figure(capsys):
    assert main(["rules", "--rules", "30", "--turns", "12", "--calls", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["name"], result["rules"], result["turns"]) == ("rules", 30, 12)
    assert result["conditions"] > 30
    assert result["decisions_per_call"] > 0
    assert set(result["at_turn"]) == {"10", "12"}
    for figures in (result, *result["at_turn"].values()):
        assert 0 < figures["p50_cpu_us"] <= figures["p99_cpu_us"]
        assert 0 < figures["p50_us"] <= figures["p99_us"]


def test_a_run_of_nothing_is_not_measured(capsys):
    assert main(["rules", "--rules", "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
