"""What the columns of the further tables mean, in a sentence or two above each table.

A column that no caption names must say by its own name what it holds (`PLAIN`); a test holds this.
"""

from __future__ import annotations

# Columns explained on every page and in docs/numbers.md, or by their own name.
PLAIN = frozenset(
    ("n", "points", "decisions", "r", "r base", "r aligned", "mass", "mass base", "mass aligned")
)

_SYMBOLS = {
    "se": "SE",
    "sd": "SD",
    "auc": "AUC",
    "ece": "ECE",
    "bh": "BH",
    "holm": "Holm",
    "rmse": "RMSE",
}

_WINS = (
    "Kept: how many of these pairs pass the filters; base, aligned and ties: what the kept ones "
    "are won by; direction: the side with more wins; p: one-sided, by a binomial test."
)
_POINTS = "A decision with more than two options counts as a point for each."
_CLUSTERS = "whole participants, games and items (clusters)"

# By the names of `FURTHER`, and the two tables of the verdict.
CAPTIONS = {
    "verdict": (
        "Replace people: everything together. Ranking: do people choose more often what the model "
        "finds likelier; levels: is the mean that of people; effects: do contrasts move the model "
        "as they move people; distribution: are the shares of three or more options those of "
        "people. Not shown: so much data do not tell; cannot say: there is too little to judge by. "
        "Ranges are 95% intervals; the margins are conventions, which a study file can set. "
        "Likeliest: what most often was, beside the options."
    ),
    "numbers": (
        f"Interval: 95%, of r, over {_CLUSTERS}. Ceiling: the r that a "
        "perfect prediction can expect; by chance r may exceed it. "
        f"r baseline: of the best prediction without a model, on the same decisions. {_POINTS} "
        "`--json` has more."
    ),
    "intervals": (
        f"Low and high: the 95% interval of r, over {_CLUSTERS}; SE: its standard error; "
        f"undefined: resamples in which r has no value. {_POINTS}"
    ),
    "levels": (
        "People and predicted: means of what people did and of what the model expects, of the "
        "values of options where they have some, else of the target; difference: predicted less "
        "people, with its 95% interval from low to high; over: what that interval covers (people: "
        "these very texts). Slope: of outcomes on predictions, or of both logits, with its "
        "interval from slope low to slope high; below 1 where the model exaggerates. r within: "
        "within people, both less the person's own mean; r texts and error: r and root mean "
        "squared error of the means at every text."
    ),
    "distributions": (
        "Mean: of the distance between predicted shares and people's over texts; total variation "
        "is a share of answers, Wasserstein-1 in the unit of the options' values. Chance: by how "
        "much so many people (people n) differ from their own shares; excess: mean less chance, "
        "with its 95% interval from low to high. Share: the excess in shares of the range of the "
        "values, with its interval from share low to share high."
    ),
    "differences": (
        "Difference: r of base less r of aligned; low, high, SE and p are over "
        f"{_CLUSTERS}, p Holm and p BH adjusted over the pairs; undefined: resamples without a "
        "value. Williams t with Williams p, Steiger z with Steiger p, and the interval from Zou "
        "low to Zou high take decisions as independent, which those of one person are not."
    ),
    "votes": (
        "n: model families, of which the kept pairs are; statistic: votes, signed ranks or t; p: "
        "in the direction of the data where sided is one, which p two sided doubles; p Holm and "
        "p BH: p two sided, adjusted over the families of games. Mean, low and high: average "
        "difference of r, base less aligned, with its 95% interval, by the mixed model."
    ),
    "ceilings": (
        "Ceiling: the highest r that a prediction can expect, from the share of noise in the total "
        "variance of what people did; low and high: its 95% interval, over whole "
        "participants and games (clusters); n: points of which the noise is known."
    ),
    "measures": (
        "Log loss: nats per decision; Brier: mean squared error; AUC: how often, of a 1 and a 0, "
        "the 1 has the higher prediction; slope and intercept: 1 and 0 where calibrated; ECE: mean "
        "gap between prediction and outcome within ten bins; clipped: points moved off 0 or 1 for "
        "the log. Tempered: after one temperature, fitted on other people."
    ),
    "reliability": (
        "Decisions in ten equal bins of the prediction (bin 0: below .10). Prediction and outcome "
        "are the means within a bin, and equal where a model can be taken at its word."
    ),
    "added": (
        "r model and r baseline are of the same decisions. Partial: the correlation of model and "
        "people with the baseline taken out of both; gain: what the model adds to the baseline's "
        "R²."
    ),
    "worth": (
        "k: a prediction of a prompt is on average as near to what all people would do as the mean "
        "answer of k others who read it; low and high: its 95% interval, over whole items and "
        "people, empty where it has no bound. k even: of a prediction that gives every option the "
        "same share. People: who read a prompt, on average; items: what they read."
    ),
    "theory": (
        "r: of the predictions with theory; r people: of what people did with theory, on the same "
        "decisions; low and high: the 95% interval of the first less the second; closer: whose r "
        "is higher; undecided: decisions of which theory says nothing."
    ),
    "theory_pairs": (
        "r base, r aligned and r people: of each twin and of what people did with theory, on the "
        "same decisions; low and high: the 95% interval of base less aligned; closer: the twin "
        "whose r is higher; undecided: decisions of which theory says nothing."
    ),
    "parameter": f"Pairs, within the decisions that have the value. {_WINS}",
    "round": f"Pairs, within the decisions of these rounds. {_WINS}",
    "topology": f"Pairs, within the games of a topology. {_WINS}",
    "formulation": f"Pairs, within a wording. {_WINS}",
    "presentations": (
        "Presentations: of one decision, in other orders or with other labels; prediction: mean of "
        "their average; SD: of a decision's predictions, the mean over decisions, and SD largest "
        "that of the least steady; r lowest and r highest: of single presentations, r of their "
        "average, which can lie outside that range: averaging takes "
        "out what place and label add."
    ),
    "controls": (
        "r control and mass control: under the control, on the same decisions as r and mass; loss: "
        f"r less r control, with its 95% interval from low to high over {_CLUSTERS}."
    ),
    "groups": (
        f"Pairs, of the model family or size. {_WINS} Median: of r of base less r of aligned over "
        "kept pairs, with its 95% interval from low to high over resamples of pairs."
    ),
    "sweep": (
        "A pair is kept where both masses are at least mass and the higher r is at least min r. "
        f"Pairs: all of the study. {_WINS}"
    ),
    "spellings": (
        "Mass exact and r exact: of the labels alone; mass and r: with all their spellings. "
        "Spellings: of each option the likeliest, with their mean probability over the prompts "
        "that show it; where it is shown under several labels, under each of them."
    ),
}
# Of the tables of `analyze --by`.
BY = {
    "models": (
        "r and mass of each model on the decisions with the value; people and prediction: means of "
        "what people did and of what the model expects, as shares of the target, or in points "
        "where options have values."
    ),
    "pairs": (
        "r and mass of base and aligned, on the decisions with the value that both have scored; "
        "the higher r wins."
    ),
    "wins": CAPTIONS["parameter"],
}

# Of the tables of contrasts.
CONTRASTS = {
    "contrasts": (
        "Effects are differences of means, the level less its control; of an interaction the first "
        "key's effect at the second's level less that at its control. In brackets 95% intervals. "
        "Difference: model less people. p Holm: of no difference, adjusted over the contrasts of a "
        "model and family; a large one does not show that they are alike. Same sign, of people: "
        "the chance that a second sample of people of the same size shows people's effect with the "
        "same sign. Over: what intervals cover; people: who read these very texts, where an arm "
        "has fewer than five texts, so that the model's effect has no error; people and items: "
        "other texts of the kind as well. n: decisions; participants: or plays, where these "
        "are not known, and the people behind rates; items: what was read, versions of one item "
        "once; mass: mean over both arms."
    ),
    "effects": (
        "Over contrasts: r of the model's and people's effects; reliability: the share of the "
        "spread of people's effects that other people would show on these very texts; r "
        "corrected: r over its root. Slope, from slope low to slope high: of people's effects on "
        "the model's, by random effects; below 1 the model exaggerates. Intercept, from intercept "
        "low to intercept high: none where the contrasts have no control in common. York, from "
        "York low to York high: the slope if model and people differed by sampling alone. RMSE: "
        "root mean squared error of the model's "
        "effects, RMSE none: of no effect at all, both less what noise alone gives."
    ),
    "effect_errors": (
        "RMSE base and RMSE aligned: root mean squared error of each model's effects, less what "
        "noise alone gives, over contrasts, on the decisions that both have scored. Difference: "
        "base less aligned, so above 0 where the aligned model is nearer to people, with its 95% "
        "interval from low to high."
    ),
}


def heading(key: str) -> str:
    """A column's name as people read it: sentence case, no underscores, symbols as in the field:
    log_loss -> 'Log loss', r_base -> 'r base', p_bh -> 'p BH'."""
    words = [_SYMBOLS.get(word, word) for word in key.split("_")]
    if len(words[0]) > 1:
        words[0] = words[0][:1].upper() + words[0][1:]
    return " ".join(words)
