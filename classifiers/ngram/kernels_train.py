"""The compiled optimiser: one pass of stochastic dual coordinate ascent over sparse posts, all columns at once.

Not a public interface: `classifiers.ngram.train` says what is minimised.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

import numpy as np

from classifiers.ngram.compiled import compiled


@compiled
def ascend(order, starts, rows, targets, weights, scales, penalty, coefficients, bias, prior, duals):
    """Visit the posts in this order and move each one's dual values towards weight * (target - probability).

    `scales` and `coefficients` Float32 (rows, columns): squared scale of a feature, and its weight, which changes in
    place with `bias` (columns,) and `duals` (posts, columns). Returns the mean size of the moves wanted.
    """
    columns = targets.shape[1]
    logits, norms, steps = (
        np.zeros(columns, np.float32),
        np.zeros(columns, np.float32),
        np.zeros(columns, np.float32),
    )
    total = 0.0
    for i in order:
        first, last = starts[i], starts[i + 1]
        n = np.float32(max(last - first, 1))
        value = np.float32(1.0) / np.sqrt(n)
        for m in range(columns):
            logits[m], norms[m] = 0.0, 0.0
        for at in range(first, last):
            row = np.int64(rows[at])
            for m in range(columns):
                logits[m] += coefficients[row, m]
                norms[m] += scales[row, m]
        for m in range(columns):
            weight = weights[i, m]
            steps[m] = 0.0
            if weight > 0:
                logit = logits[m] * value + bias[m]
                wanted = weight * (targets[i, m] - 1.0 / (1.0 + np.exp(-logit))) - duals[i, m]
                reach = norms[m] / n + prior
                step = wanted * penalty / (penalty + 0.25 * weight * reach)
                duals[i, m] += step
                bias[m] += step * prior / penalty
                steps[m] = step * value / penalty
                total += abs(wanted)
        for at in range(first, last):
            row = np.int64(rows[at])
            for m in range(columns):
                coefficients[row, m] += steps[m] * scales[row, m]
    return total / max(order.size, 1)


@compiled
def tally(starts, rows, cells, sums):
    """Add each post's `cells` (posts, columns) to the rows of its features in `sums` (rows, columns)."""
    for i in range(starts.size - 1):
        for at in range(starts[i], starts[i + 1]):
            for m in range(cells.shape[1]):
                sums[rows[at], m] += cells[i, m]


@compiled
def add_up(starts, rows, coefficients, bias, logits):
    """Logits (posts, columns) of a model in full precision."""
    for i in range(starts.size - 1):
        value = np.float32(1.0) / np.sqrt(np.float32(max(starts[i + 1] - starts[i], 1)))
        for m in range(bias.size):
            logits[i, m] = 0.0
        for at in range(starts[i], starts[i + 1]):
            for m in range(bias.size):
                logits[i, m] += coefficients[rows[at], m]
        for m in range(bias.size):
            logits[i, m] = logits[i, m] * value + bias[m]
