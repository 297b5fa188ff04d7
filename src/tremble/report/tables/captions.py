"""What the columns of the further tables mean, in a sentence or two above each table.

A column that no caption names must say by its own name what it holds (`PLAIN`); a test holds this.
"""

from __future__ import annotations

from tremble.report.tables.captions_training import TRAINING

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
    "kl": "KL",
    "dpo": "DPO",
}

_WINS = (
    "Which of the two predicts people better, the base or the aligned model? Kept: pairs that "
    "pass the filters. Base, aligned and ties: how many kept pairs each side wins, and how many "
    "are tied. Direction: the side with more wins. p: one-sided binomial test."
)
_POINTS = (
    "A decision with more than two options, or without a target option, counts as one point per "
    "option."
)
_CLUSTERS = "whole participants, games and items (clusters)"
_UNDECIDED = (
    "Undecided: decisions for which theory makes no prediction, for example because a player is "
    "indifferent; they are not among n, and the note gives the reasons."
)

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
        "How precise is r? Low and high: 95% interval of r, from resampling whole clusters "
        "(participants, games or items): a bootstrap t on the scale of Fisher's z. It need not "
        "be symmetric, and with few clusters it is wider than r plus or minus 1.96 SE. SE: "
        "standard error of r over clusters. Undefined: resamples in which r has no value. "
        "Points: decisions; one with more than two options, or without a target option, counts as "
        "one point per option."
    ),
    "levels": (
        "People and predicted: the mean of what people did and the mean that the model expects. "
        "Outcome: “value”, the value of the chosen option, or “target”, the share of the target "
        "option. Difference: predicted minus people; low and high: its 95% interval. Over: what "
        "the interval generalises to; “people” alone: new people who read the same texts. Slope: "
        "of the regression of what people did on the predictions; slope low and slope high: its "
        "95% interval. At 1 predictions have the right spread; between 0 and 1 they are too "
        "extreme (the model exaggerates); above 1 they are too moderate; below 0 they point in the "
        "wrong direction. Line: “logit”, a logistic regression on the logit of the prediction (for "
        "single choices), or “linear”. r within: r after subtracting each person's own means. r "
        "texts: r of the means per text. Error: the root mean squared difference of these means, "
        "in the unit of the outcome."
    ),
    "distributions": (
        "Lower is better; an excess of 0 is as close as chance allows. Mean: the distance "
        "between the model's shares and people's, averaged over texts. Total variation: the "
        "share of answers that would have to change; Wasserstein-1: in the unit of the options' "
        "values. Chance: the distance that sampling alone produces with so many people. People "
        "n: how many people answered; where only shares are known, the people behind each text "
        "added up, so that one who read several texts counts for each. Excess: mean minus "
        "chance; low and high: its 95% interval. Share: the excess as a share of the range of "
        "the values, with its interval from share low to share high; for total variation it "
        "repeats the excess. Over: what the interval generalises to; “people” alone: new people "
        "who read the same texts."
    ),
    "differences": (
        "Which predicts people better, base or aligned? Difference: r of base minus r of aligned; "
        "if positive, base predicts people better. Low and high: its 95% interval; SE: its "
        f"standard error; p: two-sided; all over {_CLUSTERS}. p Holm and p BH: p adjusted over all "
        "rows of the same formats and wording, that is over all pairs and families. Report p "
        "if you planned this one comparison, p Holm if you look for any difference among several. "
        "Undefined: resamples without a value. Williams t, Williams p, Steiger z, Steiger p and "
        "the interval from Zou low to Zou high treat decisions as independent; report them only if "
        "no person and no text occurs twice."
    ),
    "votes": (
        "Does base or aligned win when each family of models (for example Qwen) counts once? "
        "Pairs: kept pairs. n: families of models with a kept pair. Statistic: votes, signed "
        "ranks or t. p: in the direction of the data where “sided” is one; p two sided: twice "
        "that. p Holm and p BH: p two sided, adjusted over the families of games. Mean: average "
        "r of base minus r of aligned, by a mixed model; low and high: its 95% interval."
    ),
    "ceilings": (
        "Ceiling: the noise ceiling, the highest r that any prediction can be expected to reach, "
        "the square root of 1 - noise/total. Total: the variance of what people did. Noise: the "
        "part of it that depends on which people happened to be asked. Method: how the noise is "
        "known; “repeated contexts”: from people who faced the same situation; "
        "“rate(1-rate)/(n-1)”: from shares of n people with one choice each; “rate_sd^2/n”: from "
        "shares whose spread between people is known. Low and high: 95% interval of the ceiling, "
        "from resampling whole clusters (participants or games). n: points whose noise is known; "
        "noise, total and ceiling are about these."
    ),
    "measures": (
        "How good are the predictions as probabilities? For log loss, Brier and ECE lower is "
        "better; predicting even odds for two options scores a log loss of .69, a Brier of .25 and "
        "an AUC of .50. Log loss: nats per decision. Brier: mean squared error. AUC: the chance "
        "that a random 1 gets a higher prediction than a random 0. Slope and intercept: 1 and 0 "
        "for calibrated predictions; a slope between 0 and 1 means that they are too extreme. ECE: "
        "expected calibration error, the mean gap between prediction and outcome within ten bins. "
        "Clipped: points moved off 0 or 1 for the log. Temperature: one number by which all "
        "log-odds are divided, chosen to minimise the log loss; above 1 it makes predictions less "
        "extreme. Each prediction is tempered by a fit to four fifths of the people, without its "
        "own; the column shows the median of the five fits. Tempered: after that."
    ),
    "reliability": (
        "Decisions are sorted into ten bins of equal width by their prediction (bin 0: below .10). "
        "Prediction and outcome: the means within a bin; where they are equal, the probabilities "
        "can be taken literally."
    ),
    "added": (
        "r model and r baseline: on the "
        "same decisions. Partial: correlation of model and people after removing the baseline "
        "from both. Gain: what the model adds to the baseline's R²."
    ),
    "worth": (
        "k: on average, the model's prediction for a prompt is as close to what all people would "
        "do as the mean answer of k people who read it. Low and high: its 95% interval, over whole "
        "items and people; empty where there is no bound. k even: k of a forecaster that gives "
        "every option an equal share; a model whose k is not above it does no better than guessing "
        "evenly. Items: the texts, games or gambles that people read. Decisions: choices about "
        "them, or problems of which only shares are known. People: how many read one prompt, on "
        "average."
    ),
    "theory": (
        "r: of the predictions with theory. r people: of what people did with theory, on the "
        "same decisions (n). Low and high: 95% interval of the difference, r minus r people. "
        "Closer: whose r is higher, model or people; blank if n is below 30, or if the interval "
        f"includes 0 or is missing. {_UNDECIDED}"
    ),
    "theory_pairs": (
        "r base, r aligned and r people: of each model's predictions, and of what people did, with "
        "theory, on the same decisions (n). Low and high: 95% interval of the difference, r base "
        "minus r aligned. Closer: the model with the higher r; blank if n is below 30, or "
        f"if the interval includes 0 or is missing. {_UNDECIDED}"
    ),
    "parameter": f"{_WINS} Each row: only decisions with this value.",
    "round": f"{_WINS} Each row: only decisions of these rounds.",
    "topology": f"{_WINS} Each row: only games of this topology (type of game).",
    "formulation": f"{_WINS} Each row: one wording.",
    "presentations": (
        "Presentations: in how many ways each decision was shown. Prediction: the mean prediction "
        "after averaging over these ways. SD: standard deviation of a decision's predictions, "
        "averaged over decisions; SD largest: of the least stable decision. r lowest and r "
        "highest: of single presentations. r: of the average over presentations; it can lie "
        "outside that range, because averaging removes what position and label add."
    ),
    "controls": (
        "r control and mass control: under the control, on the same decisions as r and mass. "
        f"Loss: r minus r control; low and high: its 95% interval, over {_CLUSTERS}."
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
    "responses": (
        "Lower nats are better: the model finds what people said more likely. Kind: a row is about "
        "one experiment, or a mean in which every experiment counts once; experiments: how many. "
        "People and responses: those with a score. Kept: their share of the responses that the "
        "study takes (notes say what its keys leave out). Nats: minus "
        "the log probability of a response under the whole vocabulary, summed over its tokens, per "
        "response. Low and high: its 95% interval, over whole people for an experiment, over "
        "experiments for a mean. Nats closed: with the mark that closes the response. Per token: "
        "nats per token. First: how often the likeliest first token is the response's. Options: "
        "responses whose options are known; the columns after it are about these. Nats options: "
        "if the model had to choose one of the options. Compare it with even (equal odds), own "
        "(the person's own choices so far, plus one each) and repeat (how often this person "
        "repeated the last response so far), which use no model; a mean of these columns is over "
        "the experiments that have them."
    ),
    "misalignment": (
        "Does further training make a model worse at predicting people? d: Cohen's d of nats per "
        "response, aligned minus base, divided by the pooled standard deviation of responses; "
        "above 0 the aligned model is worse. Low and high: its 95% interval; p: two-sided; p Holm: "
        "p adjusted over the experiments of the pair. Kind: a row is about one experiment, a "
        "mean over experiments (each counts once; over several pairs, d is averaged over pairs "
        "first), or the slope of d over generations of models. n: what the interval is over: "
        "people for an experiment, experiments for a mean, generations for a slope. Pairs: how "
        "many. Type and generation: of the pair, from the study file. Responses: those that both "
        "models have a score for; kept base and kept aligned: the share of all responses that each "
        "has. Difference: aligned minus base, in nats per response, with its 95% interval from "
        "difference low to difference high. Paired d: of people's own mean differences, divided "
        "by their standard deviation."
    ),
    "positions": (
        "Position: the number of the response in its session. Nats: per response, lower is better; "
        "low and high: its 95% interval. Gain: how many nats fewer a response here costs than "
        "response 1 of the same people, with its 95% interval from gain low to gain high; above 0 "
        "the model has learnt from what the person did before. Kind: a row is about one "
        "experiment (intervals over people) or a mean over experiments (intervals over "
        "experiments); experiments: how many. People and responses: those with a score."
    ),
    "personas": (
        "Arms: an interview before the session with the person's own facts (own), with those of "
        "another participant (other), with the same questions refused, or no interview (none). "
        "Difference: how many nats fewer a response costs in the first arm than in the second; "
        "above 0 the first predicts better. "
        "Own - other is the answer: what an interview does to everybody cancels. Low and high: its "
        "95% interval, over people, each counting once (over experiments for a mean; kind). n: "
        "people with all arms (experiments for a mean); missing: people who lack one. "
        "Responses: those with a score in all arms. Smallest: the difference that so many people "
        "would show with a probability of .80. Equal: the share of people whose other gives the "
        "same answers. Unequal: the difference without these people, unequal n of them left, with "
        "its 95% interval from unequal low to unequal high. d: the difference as Cohen's d over "
        "responses, as in arXiv 2605.07632, which does not pair them."
    ),
    **TRAINING,
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
        "No contrast is excluded for low mass. RMSE base and RMSE aligned: root mean squared "
        "error of each model's effects over contrasts, after subtracting what noise alone "
        "produces, on the decisions that both have scored. Difference: base minus aligned, so "
        "above 0 the aligned model is closer to people; low and high: its 95% interval."
    ),
}


def heading(key: str) -> str:
    """A column's name as people read it: sentence case, no underscores, symbols as in the field:
    log_loss -> 'Log loss', r_base -> 'r base', p_bh -> 'p BH'."""
    words = [_SYMBOLS.get(word, word) for word in key.split("_")]
    if len(words[0]) > 1:
        words[0] = words[0][:1].upper() + words[0][1:]
    return " ".join(words)
