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
    "Which of the two predicts people better, the base or the aligned model? Kept: pairs that "
    "pass the filters. Base, aligned and ties: how many kept pairs each side wins, and how many "
    "are tied. Direction: the side with more wins. p: one-sided binomial test."
)
_POINTS = "A decision with more than two options counts as one point per option."
_CLUSTERS = "whole participants, games and items (clusters)"
_TWIN = "Twin: the other model of a pair."
_UNDECIDED = "Undecided: decisions for which theory makes no prediction."

# By the names of `FURTHER`, and the two tables of the verdict.
CAPTIONS = {
    "verdict": (
        "Replace participants: the overall answer. Ranking: do people choose an option more often "
        "when the model finds it more likely? Levels: is the model's mean the same as people's? "
        "Effects: do treatments (contrasts) move the model as they move people? Distribution: "
        "are the shares of three or more options the same? Answers: “not shown” means that your "
        "data cannot tell; “cannot say” means that there is not enough to judge by. Ranges are "
        "95% intervals. The margins are conventions; the study file can change them. “Likeliest” "
        "is the answer, other than the options, that most often had the highest probability."
    ),
    "numbers": (
        f"How well does the model predict who chose what? Interval: 95% interval of r, over "
        f"{_CLUSTERS}. Ceiling: the noise ceiling, the r that a perfect prediction can expect; by "
        "chance r may exceed it. r baseline: r of the best prediction without a language model, "
        f"on the same decisions. {_POINTS} `--json` has more."
    ),
    "intervals": (
        f"How precise is r? Low and high: 95% interval of r, over {_CLUSTERS}. SE: standard error "
        f"of r. Undefined: resamples in which r has no value. {_POINTS}"
    ),
    "levels": (
        "Does the model predict the right mean? People and predicted: the means of what people "
        "did and of what the model expects (of the values of the options where they have values, "
        "otherwise the share of the target option). Difference: predicted minus people; low and "
        "high: its 95% interval. Over: what the interval covers (“people” means these texts only). "
        "Slope: regression of what people did on the predictions (logistic, on the logit of the "
        "prediction, for single choices of a target option); slope low and slope high: its "
        "interval; below 1 the model exaggerates. r within: r after subtracting each person's own "
        "means. r texts and error: r "
        "and root mean squared error of the means per text."
    ),
    "distributions": (
        "How far are the predicted shares from people's? Mean: the distance, averaged over texts. "
        "Total variation is a share of answers; Wasserstein-1 is in the unit of the options' "
        "values. Chance: the distance that sampling alone produces with this many people (people "
        "n). Excess: mean minus chance; low and high: its 95% interval. Share: the excess as a "
        "share of the range of the values; share low and share high: its interval."
    ),
    "differences": (
        "Is base or aligned better, and is the difference clear? Difference: r of base minus r of "
        f"aligned. Low, high, SE and p: 95% interval, standard error and p over {_CLUSTERS}. p "
        "Holm "
        "and p BH: p adjusted over the pairs. Undefined: resamples without a value. Williams t, "
        "Williams p, Steiger z, Steiger p and the interval from Zou low to Zou high treat "
        "decisions as independent, which decisions of the same person are not."
    ),
    "votes": (
        "Does base or aligned win when each model family counts once? Pairs: kept pairs. n: model "
        "families with a "
        "kept pair. Statistic: votes, signed ranks or t. p: in the direction of the data where "
        "“sided” is one; p two sided: twice that. p Holm and p BH: p two sided, adjusted over the "
        "families of games. Mean: average r of base minus r of aligned, by a mixed model; low and "
        "high: its 95% interval."
    ),
    "ceilings": (
        "How high can r be at all? Ceiling: the noise ceiling, the highest r that a prediction can "
        "expect, from the share of noise in the variance of what people did. Low and high: its 95% "
        "interval, over whole participants and games (clusters). n: points whose noise is known."
    ),
    "measures": (
        "How good are the predictions as probabilities? Log loss: nats per decision. Brier: mean "
        "squared error. AUC: how often the higher prediction belongs to the 1, for a pair of a 1 "
        "and a 0. Slope and intercept: 1 and 0 for calibrated predictions. ECE: mean gap between "
        "prediction and outcome within ten bins. Clipped: points moved off 0 or 1 for the log. "
        "Tempered: after one temperature, fitted on other people."
    ),
    "reliability": (
        "Can the probabilities be taken literally? Decisions are sorted into ten equal bins by "
        "their prediction (bin 0: below .10). Prediction and outcome: the means within a bin; they "
        "are equal if the model is calibrated."
    ),
    "added": (
        "Does the model know anything that the baseline does not? r model and r baseline: on the "
        "same decisions. Partial: correlation of model and people after removing the baseline "
        "from both. Gain: what the model adds to the baseline's R²."
    ),
    "worth": (
        "How many people would you have to ask to do as well as the model? k: on average, the "
        "model's prediction for a prompt is as close to what all people would do as the mean "
        "answer of k people who read it. Low and high: its 95% interval, over whole items and "
        "people; empty where there is no bound. k even: the same for equal shares of all options. "
        "People: the mean number who read a prompt. Items: what they read."
    ),
    "theory": (
        "Is the model closer to theory than people are? r: of the predictions with theory. r "
        "people: of what people did with theory, on the same decisions. Low and high: 95% interval "
        f"of r minus r people. Closer: whose r is higher. {_UNDECIDED}"
    ),
    "theory_pairs": (
        f"Which model of a pair is closer to theory? {_TWIN} r base, r aligned and r people: of "
        "each twin, and of what people did, with theory, on the same decisions. Low and high: 95% "
        "interval of r base minus r aligned. Closer: the twin with the higher r. "
        f"{_UNDECIDED}"
    ),
    "parameter": f"{_WINS} Each row: only decisions with this value.",
    "round": f"{_WINS} Each row: only decisions of these rounds.",
    "topology": f"{_WINS} Each row: only games of this topology (type of game).",
    "formulation": f"{_WINS} Each row: one wording.",
    "presentations": (
        "How much do predictions change with the order or the labels of the options? "
        "Presentations: in how many ways each decision was shown. Prediction: the mean prediction "
        "after averaging over these ways. SD: standard deviation of a decision's predictions, "
        "averaged over decisions; SD largest: of the least stable decision. r lowest and r "
        "highest: of single presentations. r: of the average over presentations; it can lie "
        "outside that range, because averaging removes what position and label add."
    ),
    "controls": (
        "Does the model need the removed information to predict people? r control and mass "
        "control: under the control, on the same decisions as r and mass. Loss: r minus r control; "
        f"low and high: its 95% interval, over {_CLUSTERS}."
    ),
    "groups": (
        f"{_WINS} Each row: pairs of this model family or size. Median: of r base minus r aligned "
        "over the kept pairs; low and high: its 95% interval, over resamples of pairs."
    ),
    "sweep": (
        f"{_WINS} Each row: one filter; a pair is kept if both masses are at least “mass” and the "
        "higher r is at least “min r”. Pairs: all pairs of the study."
    ),
    "spellings": (
        "Does the model answer with other spellings of the labels? Mass exact and r exact: with "
        "the labels alone. Mass and r: with all spellings of them. Spellings: the likeliest ones "
        "of each option, with their mean probability over the prompts that show it; an option "
        "shown under several labels has them for each label."
    ),
}
# Of the tables of `analyze --by`.
BY = {
    "models": (
        "r and mass of each model, on the decisions with this value. People and prediction: the "
        "means of what people did and of what the model expects, as shares of the target option, "
        "or in points where options have values."
    ),
    "pairs": (
        "r and mass of base and aligned, on the decisions with this value that both have scored. "
        "The higher r wins."
    ),
    "wins": CAPTIONS["parameter"],
}

# Of the tables of contrasts.
CONTRASTS = {
    "contrasts": (
        "Does the treatment move the model as it moves people? People and model: the effect, the "
        "mean of the level minus the mean of its control; for an interaction, the first key's "
        "effect at the second key's level minus its effect at the control. In brackets: 95% "
        "intervals. Difference: model minus people. p Holm: test of no difference, adjusted over "
        "the contrasts of a model and family; a large p does not show that the effects are equal. "
        "Same sign: the chance that a new sample of as many people shows people's effect with the "
        "same sign. Over: what the intervals cover; “people” means other people with exactly these "
        "texts (an arm has fewer than five texts, so the model's effect has no error), “people and "
        "items” means other texts of the kind as well. n: decisions. Participants: or plays, where "
        "participants are not known, and the people behind rates. Items: texts people read; "
        "versions of one item count once. Mass: mean over both arms; effects with a low mass are "
        "shown here too."
    ),
    "effects": (
        "Taken together, do the effects on the model follow those on people? No contrast is "
        "excluded for low mass. r: of the model's and people's effects over contrasts. "
        "Reliability: the share of the spread of people's effects that other people would show "
        "with exactly these texts. r corrected: r divided by the root of the reliability. Slope: "
        "of people's effects on the model's, by random effects; slope low and slope high: its "
        "interval; below 1 the model exaggerates. Intercept, with intercept low and intercept "
        "high: empty where the contrasts share no control. York, with York low and York high: the "
        "slope if model and people differed by sampling alone. RMSE: root mean squared error of "
        "the model's effects; RMSE none: of predicting no effect at all; both after subtracting "
        "what noise alone produces."
    ),
    "effect_errors": (
        "Whose effects are closer to people's, base or aligned? No contrast is excluded for low "
        "mass. RMSE base and RMSE aligned: root mean squared error of each model's effects over "
        "contrasts, after subtracting what noise alone produces, on the decisions that both have "
        "scored. Difference: base minus aligned, so above 0 the aligned model is closer to people; "
        "low and high: its 95% interval."
    ),
}


def heading(key: str) -> str:
    """A column's name as people read it: sentence case, no underscores, symbols as in the field:
    log_loss -> 'Log loss', r_base -> 'r base', p_bh -> 'p BH'."""
    words = [_SYMBOLS.get(word, word) for word in key.split("_")]
    if len(words[0]) > 1:
        words[0] = words[0][:1].upper() + words[0][1:]
    return " ".join(words)
