import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import hunch
from hunch.evidence import sensitivity
from hunch.plan import PILOT
from hunch.traces import read_study


def test_a_comparison_gives_one_verdict_a_claim_and_one_row_a_run(blobs, small, build):
    study = hunch.compare(build, blobs, **small)
    assert len(study.verdicts) == 1
    frame = study.frame()
    assert list(frame.columns) == [
        "arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s",
    ]  # fmt: skip
    assert len(frame) == 12
    assert set(frame["seed"]) == set(range(6))
    assert frame["iterations"].isna().equals(frame["outcome"] != "reached")


def test_pilot_and_confirm_share_no_seed(blobs, small, build):
    every = hunch.compare(build, blobs, **small).frame(stage="all")
    pilot = set(every.loc[every["stage"] == PILOT, "seed"])
    assert pilot
    assert not pilot & set(every.loc[every["stage"] == "confirm", "seed"])


def test_another_study_seed_is_another_disjoint_study(blobs, small, build):
    one = hunch.compare(build, blobs, **small).frame(stage="all")
    two = hunch.compare(build, blobs, **{**small, "seed": 1}).frame(stage="all")
    assert not set(one["seed"]) & set(two["seed"])


def test_the_same_call_gives_the_same_numbers(blobs, small, build):
    one, two = (hunch.compare(build, blobs, **small) for _ in range(2))
    pd.testing.assert_frame_equal(one.frame().drop(columns="wall_s"), two.frame().drop(columns="wall_s"))
    assert str(one) == str(two)


def test_renaming_and_reordering_arms_changes_no_number(blobs, small, build):
    one = hunch.compare(build, blobs, **small)
    turned = {
        **small,
        "arms": [hunch.Arm("zz", norm="batch"), hunch.Arm("aa")],
        "claims": [hunch.faster("zz", than="aa")],
    }
    two = hunch.compare(build, blobs, **turned)
    assert two.plan.target == one.plan.target
    assert two.verdicts[0].effect == one.verdicts[0].effect
    assert two.verdicts[0].decision == one.verdicts[0].decision


def test_the_learning_rate_is_tuned_for_each_arm_that_names_none(blobs, small, build):
    settings = {**small, "base": hunch.Arm("base", batch_size=16), "seeds": 6, "tuning": "once"}
    study = hunch.compare(build, blobs, **settings)
    assert all(rate > 0 for _, rate in study.plan.rates)
    every = study.frame(stage="all")
    assert every.loc[every["stage"] == PILOT, "lr"].nunique() >= 7
    assert every.loc[every["stage"] == "confirm"].groupby("arm")["lr"].nunique().max() == 1
    assert "at these learning rates" in str(study)


def test_a_given_rate_is_never_tuned(blobs, small, build):
    study = hunch.compare(build, blobs, **small)
    assert dict(study.plan.rates) == {"none": 0.5, "before": 0.5}


def test_without_a_budget_it_is_doubled_until_little_is_gained(blobs, small, build):
    study = hunch.compare(build, blobs, **{**small, "budget": None, "seeds": 2})
    assert study.plan.budget is not None
    assert study.plan.budget % 500 == 0


def test_all_claims_of_the_design_are_decided_or_say_why(blobs, small, build):
    claims = [
        hunch.faster("before", than="none"),
        hunch.lower_cost("before", than="none"),
        hunch.lower_error("before", than="none"),
        hunch.lower("saturation", "before", than="none"),
        hunch.higher("slope", "before", than="none", site="0"),
        hunch.higher("update_weight", "before", than="none"),
        hunch.same("before", "none", of="held_out_cost"),
        hunch.contrast("gap", {"before": 1, "none": -1}),
    ]
    study = hunch.compare(build, blobs, **{**small, "claims": claims})
    assert [v.claim.outcome for v in study.verdicts] == [c.outcome for c in claims]
    for verdict in study.verdicts:
        assert verdict.decision != "undecided" or verdict.reason
        assert verdict.alpha == pytest.approx(0.05 / 8)


def test_a_study_without_claims_only_measures(blobs, small, build):
    study = hunch.compare(build, blobs, **{**small, "claims": []})
    assert study.verdicts == ()
    assert len(study.frame()) == 12


@pytest.mark.parametrize(
    "arm",
    [
        hunch.Arm("x", norm="batch", norm_at="after_activation"),
        hunch.Arm("x", norm="layer"),
        hunch.Arm("x", norm="rms"),
        hunch.Arm("x", norm="group"),
        hunch.Arm("x", keep_prob=0.8),
        hunch.Arm("x", keep_prob={"0": 0.5}),
        hunch.Arm("x", l2=1e-2),
        hunch.Arm("x", weight_decay=1e-2),
        hunch.Arm("x", init_std=0.5),
        hunch.Arm("x", optimizer="momentum", lr=0.1),
        hunch.Arm("x", optimizer="adam", lr=0.01),
        hunch.Arm("x", optimizer="adamw", lr=0.01),
    ],
    ids=repr,
)
def test_every_kind_of_arm_trains(blobs, small, build, arm):
    settings = {
        **small,
        "arms": [hunch.Arm("none"), arm],
        "claims": [hunch.lower_cost("x", than="none")],
        "seeds": 2,
    }
    study = hunch.compare(build, blobs, **settings)
    assert set(study.frame()["arm"]) == {"none", "x"}
    one, two = (study.frame().query("arm == @name")["cost"].to_numpy() for name in ("none", "x"))
    assert not np.array_equal(one, two)


def test_regression_and_binary_labels_are_recognised(rng, small):
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.normal(size=200)
    settings = {**small, "claims": [hunch.lower_error("before", than="none")], "seeds": 2}
    study = hunch.compare(hunch.mlp([4, 6, 1]), (x, y.astype(np.float32)), **settings)
    assert study.plan.cost == "mean_squared_error"
    study = hunch.compare(hunch.mlp([4, 6, 1]), (x, (y > 0).astype(int)), **settings)
    assert study.plan.cost == "binary_cross_entropy"
    assert study.frame()["held_out_error"].between(0, 1).all()


def test_tables_frames_and_datasets_train_alike(tmp_path, rng, small):
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=["a", "b", "c"])
    frame["kind"] = np.where(rng.random(150) < 0.5, "x", "y")
    frame["target"] = (frame["a"] + frame["b"] > 0).map({True: "yes", False: "no"})
    frame.to_csv(tmp_path / "d.csv", index=False)
    settings = {**small, "seeds": 2, "y": "target"}
    build = hunch.mlp([5, 4, 2])
    from_csv = hunch.compare(build, str(tmp_path / "d.csv"), **settings).frame()
    from_frame = hunch.compare(build, frame, **settings).frame()
    assert np.allclose(from_csv["cost"], from_frame["cost"])
    x = torch.randn(90, 8, generator=torch.Generator().manual_seed(1))
    dataset = torch.utils.data.TensorDataset(x, (x[:, 0] > 0).long())
    settings.pop("y")
    one = hunch.compare(hunch.mlp([8, 4, 2]), dataset, **settings).frame()
    loader = torch.utils.data.DataLoader(dataset, batch_size=7, shuffle=True)
    two = hunch.compare(hunch.mlp([8, 4, 2]), loader, **settings).frame()
    assert one["cost"].tolist() == two["cost"].tolist()


def test_a_run_that_diverges_is_an_outcome(rng, small):
    x = 100 * rng.normal(size=(100, 4)).astype(np.float32)
    settings = {**small, "base": hunch.Arm("base", lr=1e8, batch_size=16), "seeds": 2}
    study = hunch.compare(hunch.mlp([4, 6, 1]), (x, x[:, 0].astype(np.float32)), **settings)
    assert (study.frame()["outcome"] == "diverged").all()
    assert study.verdicts[0].decision == "undecided"


def test_a_user_written_sequential_works(blobs, small):
    def build():
        return nn.Sequential(
            nn.Flatten(),
            nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.1)),
            nn.Linear(6, 3),
        )

    settings = {
        **small,
        "arms": [hunch.Arm("as_built"), hunch.Arm("bare", norm="none", keep_prob=1.0)],
        "claims": [hunch.faster("as_built", than="bare")],
    }
    assert len(hunch.compare(build, blobs, **settings).frame()) == 12


def test_global_random_states_are_left_alone(blobs, small, build):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    hunch.compare(build, blobs, **{**small, "seeds": 2})
    assert torch.equal(before, torch.random.get_rng_state())


# --- the study file -----------------------------------------------------------------------------


def test_the_same_call_resumes_and_trains_nothing_again(blobs, small, build, tmp_path, monkeypatch, engine):
    path = tmp_path / "s.hunch"
    first = hunch.compare(build, blobs, **small, engine=engine.name, store=path)
    assert [p.name for p in tmp_path.iterdir()] == ["s.hunch"]

    def refuse(*_args, **_kwargs):
        raise AssertionError("a run was trained again")

    monkeypatch.setattr(engine, "train", refuse)
    again = hunch.compare(build, blobs, **small, engine=engine.name, store=path)
    assert str(again) == str(first)
    assert str(hunch.open(path)) == str(first)


def test_a_study_that_was_cut_short_goes_on_to_the_same_bytes(
    blobs, small, build, tmp_path, monkeypatch, engine
):
    small["engine"] = engine.name
    whole = hunch.compare(build, blobs, **small, store=tmp_path / "whole.hunch")
    real, done = engine.train, []

    def stop_after_a_while(*args, **kwargs):
        for result in real(*args, **kwargs):
            if len(done) == 10:
                raise KeyboardInterrupt
            done.append(result)
            yield result

    monkeypatch.setattr(engine, "train", stop_after_a_while)
    with pytest.raises(KeyboardInterrupt) as stopped:
        hunch.compare(build, blobs, **small, store=tmp_path / "cut.hunch")
    assert stopped.value.__notes__ == [
        f"Finished runs are kept in {tmp_path / 'cut.hunch'}; the same call goes on from there."
    ]
    assert len(read_study(tmp_path / "cut.hunch").table) == 10
    monkeypatch.setattr(engine, "train", real)
    resumed = hunch.compare(build, blobs, **small, store=tmp_path / "cut.hunch")
    left, right = (json.dumps(s.to_json()["verdicts"], sort_keys=True) for s in (whole, resumed))
    assert left == right
    pd.testing.assert_frame_equal(
        whole.frame("all").drop(columns="wall_s"), resumed.frame("all").drop(columns="wall_s")
    )


def test_a_finished_study_says_that_nothing_is_left_to_train(blobs, small, build, tmp_path, capsys):
    settings = {**small, "progress": True, "store": tmp_path / "s.hunch"}
    for claims in (small["claims"], []):
        settings |= {"claims": claims, "store": tmp_path / f"{len(claims)}.hunch"}
        hunch.compare(build, blobs, **settings)
        first = capsys.readouterr().err
        assert "A block is" in first and "Nothing is left" not in first
        hunch.compare(build, blobs, **settings)
        again = capsys.readouterr().err
        assert f"Nothing is left to train: the study is read from {settings['store']}." in " ".join(
            again.split()
        )
        assert "A block is" not in again and "confirm" not in again


def test_another_plan_on_the_same_file_is_refused_by_name_and_nothing_is_written(
    blobs, small, build, tmp_path
):
    path = tmp_path / "s.hunch"
    hunch.compare(build, blobs, **small, store=path)
    before = path.read_bytes()
    other = {**small, "arms": [hunch.Arm("none"), hunch.Arm("before", norm="layer")]}
    with pytest.raises(hunch.PlanError, match="layer"):
        hunch.compare(build, blobs, **other, store=path)
    with pytest.raises(hunch.PlanError, match="data"):
        hunch.compare(build, (blobs[0] + 1, blobs[1]), **small, store=path)
    with pytest.raises(hunch.PlanError, match=r"weights|network"):
        hunch.compare(hunch.mlp([8, 7, 3], "sigmoid"), blobs, **small, store=path)
    assert path.read_bytes() == before


def test_a_refused_call_leaves_no_file(blobs, small, build, tmp_path):
    path = tmp_path / "s.hunch"
    bad = {**small, "claims": [hunch.faster("beefore", than="none")]}
    with pytest.raises(hunch.PlanError, match="beefore"):
        hunch.compare(build, blobs, **bad, store=path)
    assert not path.exists()


def test_a_stored_study_opens_prints_and_reports_without_torch(blobs, small, build, tmp_path):
    path = tmp_path / "s.hunch"
    study = hunch.compare(build, blobs, **small, store=path)
    code = f"""
        import sys
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name == "torch" or name.startswith("torch."):
                    raise ImportError("torch is blocked")
        sys.meta_path.insert(0, Block())
        try:
            import torch
        except ImportError:
            pass
        else:
            raise SystemExit("the block does not block")
        import hunch
        study = hunch.open({str(path)!r})
        print(study)
        study.report({str(tmp_path / "page.html")!r})
        study.frame(), study.curves(), study.to_json()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(study).strip()
    assert (tmp_path / "page.html").stat().st_size > 10_000


# --- train ---------------------------------------------------------------------------------------


def test_train_returns_ordinary_networks_that_match_their_record(blobs, build):
    arm = hunch.Arm("x", norm="batch", keep_prob=0.8, batch_size=16)
    runs = hunch.train(build, blobs, arm=arm, seeds=3, budget=30, lr=0.3, progress=False)
    assert list(runs.seeds) == [0, 1, 2]
    network = runs.network(1)
    assert isinstance(network, nn.Sequential)
    assert not network.training
    assert {type(m) for m in network} == {nn.Linear, nn.BatchNorm1d, nn.Sigmoid, nn.Dropout}
    assert len(runs.frame()) == 3
    assert runs.network(1) is not network
    with pytest.raises(hunch.PlanError, match="seed"):
        runs.network(17)


def test_trained_networks_give_the_error_that_the_frame_shows(build, rng):
    x = rng.normal(size=(200, 8)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    data = (x[:150], y[:150], x[150:], y[150:])
    runs = hunch.train(build, data, seeds=2, budget=60, lr=0.5, progress=False)
    for seed in runs.seeds:
        with torch.no_grad():
            wrong = runs.network(seed)(torch.from_numpy(x[150:])).argmax(1).numpy() != y[150:]
        shown = runs.frame().set_index("seed").loc[seed, "held_out_error"]
        assert shown == pytest.approx(wrong.mean())


def test_runs_that_stop_at_the_target_take_the_same_time_to_it(blobs, small, build, engine):
    kwargs = {**small, "target": 0.9, "budget": 60, "engine": engine.name}
    whole = hunch.compare(build, blobs, **kwargs)
    stopped = hunch.compare(build, blobs, **kwargs, stop_at_target=True)
    assert str(stopped.verdicts) == str(whole.verdicts)
    left, right = stopped.frame(), whole.frame()
    assert left["iterations"].equals(right["iterations"])
    reached = (left["outcome"] == "reached").to_numpy()
    assert reached.any()
    assert (left["cost"][reached] <= 0.9).all()
    assert (left["cost"][reached] > right["cost"][reached]).any()
    curves = stopped.curves("before", metric="train")
    assert curves["cost"].isna().any()
    (claim,) = whole.plan.claims
    choices = [[row.choice for row in sensitivity(s.plan, s.table, claim).rows] for s in (whole, stopped)]
    assert "harder target" in choices[0]
    assert "harder target" not in choices[1]


def test_stopping_at_the_target_is_refused_where_a_claim_needs_the_rest(blobs, small, build):
    claims = [hunch.faster("before", than="none"), hunch.lower_cost("before", than="none")]
    with pytest.raises(hunch.PlanError, match="this claim needs the rest of them: before lower cost"):
        hunch.compare(build, blobs, **{**small, "claims": claims}, stop_at_target=True)


def test_a_claim_may_be_written_in_words(blobs, small, build):
    written = hunch.compare(build, blobs, **{**small, "claims": ["before faster than none"]})
    assert str(written) == str(hunch.compare(build, blobs, **small))
    with pytest.raises(hunch.PlanError, match="claims must be hunch claims, got 3"):
        hunch.compare(build, blobs, **{**small, "claims": [3]})


def test_a_build_that_starts_every_seed_alike_is_warned_about(blobs, small, build):
    network = build()
    with pytest.warns(hunch.HunchWarning, match="the same initial weights at every seed"):
        hunch.compare(lambda: network, blobs, **small)
