"""What the columns of tables about checkpoints mean, in a sentence or two above each table."""

from __future__ import annotations

from collections.abc import Collection

# What is said of rows and columns, by the name of one of them as people read it: the others of a
# sentence are there with it.
_EXPLAINED = {
    "Checkpoint": "Checkpoint: 0 is the base, then in the order of training.",
    "Step": "Stage and step: the stage of training and its steps so far.",
    "Tokens": "Tokens: seen in training.",
    "g": "g: the share of the final gain on the held-out task that is reached, 0 at the base and 1 "
    "at the last checkpoint by definition; g low and g high: its 95% interval over whole clusters "
    "(items with the same first turn).",
    "Loss": "Loss: nats per token of the right (chosen) answers.",
    "Accuracy": "Accuracy: the share of pairs whose chosen answer is more likely; accuracy per "
    "token: the same for the log-probability per token; accuracy shorter and accuracy longer: "
    "where the chosen answer is the shorter one, and where it is the longer one.",
    "Margin": "Margin: log-probability of the chosen answer minus that of the rejected one, in "
    "nats.",
    "DPO loss": "DPO loss: against the model that the last stage starts from, in nats; implicit "
    "accuracy: the share of pairs whose chosen answer became more likely relative to this model "
    "than the rejected one did.",
    "Items": "Items: those with a score; missing: those without one.",
    "Ties": "Ties: pairs whose two answers are equally likely. Equally long: pairs whose two "
    "answers have equally many tokens.",
    "KL task": "KL task: how far the next-token distribution at the start of the answer, over the "
    "whole vocabulary, has moved from the base's: KL(checkpoint || base) in nats, the mean over KL "
    "task items.",
    "r": "r: of predictions with what people did.",
    "Log loss": "Log loss: nats per decision, lower is better.",
    "Mass": "Mass: the probability of all options together; where it is small, r says little.",
    "Changed": "Changed: the share of decisions whose likeliest option is another than the base's.",
    "KL": "KL: the mean Kullback-Leibler divergence of the shares of the options from the base's, "
    "in nats; 0 for the base.",
    "n": "n: decisions that every checkpoint of the run has scores for.",
    "Contrasts": "Contrasts: treatments whose effect on people has an interval.",
    "Effects r": "Effects r: of the checkpoint's effects with people's, over contrasts (from five "
    "on).",
    "Effects RMSE": "Effects RMSE: root mean squared error of its effects in the outcome's unit, "
    "less noise, so it can be smaller than each single difference; effects RMSE none: that of no "
    "effect at all.",
    "Responses": "Responses: what people said in sessions, of which every checkpoint has a score. "
    "Nats: minus the log-probability of a response, the mean; d: Cohen's d against the base, above "
    "0 where the checkpoint finds what people said less likely.",
}


def _said(*labels: str) -> str:
    """The sentences about some rows or columns, in the order of `_EXPLAINED`."""
    return " ".join(text for about, text in _EXPLAINED.items() if about in labels)


_PLACE = _said("Checkpoint", "Step", "Tokens")
_FIDELITY = _said("r", "Log loss", "Mass", "Changed", "KL", "n")
_TASK = _said("g", "Loss", "Accuracy", "Margin", "DPO loss", "Items", "Ties", "KL task")
_EFFECTS = _said("Contrasts", "Effects r", "Effects RMSE")
_RESPONSES = _said("Responses")
_WHERE = "Rounds: all, the first, or the later ones."


def pivot_caption(labels: Collection[str]) -> str:
    """The caption of checkpoints as columns: what the rows of these labels say."""
    rounds = "Families are shown over all rounds." if "r" in labels else ""
    said = _said("Checkpoint", *labels)
    return " ".join(filter(None, ["One column per checkpoint.", said, rounds]))


TRAINING = {
    "checkpoints": (
        f"How well does each checkpoint of a training predict people? {_PLACE} {_WHERE} {_FIDELITY}"
    ),
    "task": (
        "How much has each checkpoint learnt of the task? "
        f"{_PLACE} Measure: what measures the gain. {_TASK}"
    ),
    "checkpoint_contrasts": (
        "What does a treatment do to people, and to each checkpoint? Contrast: the level less the "
        "control. People: the effect on people, in the outcome's unit; people low and people high: "
        "its 95% interval. Effect: the checkpoint's; low and high: its interval. Difference: "
        "effect less people's; difference low and difference high: its interval. n: decisions that "
        f"every checkpoint of the run has scores for. {_PLACE}"
    ),
    "checkpoint_effects": (
        f"How near are the effects of all treatments together to people's? {_EFFECTS} Difference: "
        "effects RMSE less the base's, above 0 where the checkpoint is further from people; low "
        f"and high: its 95% interval. {_PLACE}"
    ),
    "checkpoint_responses": (
        f"How likely does each checkpoint find what people said in sessions? {_RESPONSES} People: "
        "who said it. Missing: responses that a checkpoint has no score for; they count at none. "
        "Difference: nats less the base's; low and high: its 95% interval over whole people. A "
        "row without an experiment is the mean over experiments, each counting once, and its "
        f"interval is over experiments. {_PLACE}"
    ),
    "stop": (
        "Stop at the earliest checkpoint from which the share g of the final gain stays at or "
        "above keep. The rule reads the held-out task alone, never what people did. Stage: “all”, "
        "the whole series, or one stage with g counted within it. Measure: what measures the gain. "
        "Keep: a convention, set in the study file. Checkpoint and step: the stop; a dash means "
        "that nothing is recommended, for the reason given. g: at the stop, on the half of the "
        "task's clusters that did not choose it; g low and g high: its 95% interval. Surely: the "
        "earliest checkpoint from which the lower bound of g stays at or above keep. Earliest and "
        "latest: the middle 80% of the stops that resamples choose; chosen: the share of resamples "
        "that choose this stop. Gain: from the first to the last checkpoint, in the unit of the "
        "measure; gain low and gain high: its 95% interval. Clusters chosen and clusters reported: "
        "how many clusters each half has."
    ),
    "at_stop": (
        "What happens to the prediction of people if training stops there? Difference: the measure "
        "at the stop minus the measure at the base, or at the last checkpoint (against); low and "
        "high: its 95% interval over whole participants, games and items, on the same decisions. "
        "p: two-sided. For r and mass above 0 the stop is higher; for log loss, and for nats per "
        f"response of sessions (family: the experiment), below 0 it is better. {_WHERE} "
        "Checkpoint: the stop. Smallest: the smallest difference that data such as these show with "
        "a probability of .80; a smaller one may be missed."
    ),
    "timing": (
        "When does the measure, r, change? Word: before the stop, with it, or after it; “never”, "
        "no change, and a change of .05 would have been seen; “cannot say”: the reason says why. "
        "Left: the first checkpoint at which the 95% band of the change from the base, over all "
        "checkpoints at once, leaves 0. Stays: the first from which it stays away from 0. A dash: "
        "there is none. Change: r at that first checkpoint minus r of the base. "
        f"Stop: the checkpoint to stop at. {_WHERE} Smallest: the smallest change that the "
        "band shows at every checkpoint with a probability of .80."
    ),
    "equal_gain": (
        "Two runs may gain unequally much, so they are compared where they have gained the same. "
        "Level: the gain from the base, divided by the final gain of the run whose final gain is "
        "smallest (scale, in the unit of the measure), so every run reaches 1. This level is on "
        "one scale for all runs; g in the other tables is each run's own. Only levels that every "
        "run reaches are shown. r: of predictions with what people did, on the straight line "
        "between the two checkpoints where the run first passes the level, over the decisions "
        f"that all runs have. {_WHERE} Gain: the final gain of the run, in the unit of the "
        "measure. r has no interval here."
    ),
}
