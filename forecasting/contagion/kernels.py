"""The compiled inside of `hawkes.py` and `diffusion.py`. Not for verdicts and not for tables."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecasting.contagion.rates import Floats
from warehouse.compiled import compilers

compiled, inlined = compilers(Path(__file__).parent)
Integers = NDArray[np.int64]
TRIES = 8


@compiled
def excitement(times: Floats, marks: Integers, at: Floats, kinds: int, decay: float) -> Floats:
    """[at, kinds]: sum of decay × exp(-decay × age) over the events before each moment; both times ascend.

    An event at the very moment is not before it.
    """
    out = np.zeros((len(at), kinds))
    state = np.zeros(kinds)
    now, k = times[0] if len(times) else 0.0, 0
    for row in range(len(at)):
        while k < len(times) and times[k] < at[row]:
            state *= np.exp(-decay * (times[k] - now))
            now = times[k]
            state[marks[k]] += decay
            k += 1
        faded = np.exp(-decay * max(at[row] - now, 0.0))
        for j in range(kinds):
            out[row, j] = state[j] * faded
    return out


@inlined
def chance(seed: int, person: int, draw: int) -> float:
    """A number from 0 to 1 that depends on its arguments alone (splitmix64, Steele, Lea and Flood 2014)."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(person) * np.uint64(0xD1B54A32D192ED03)
    x += np.uint64(draw) * np.uint64(0x8CB92BA72F3D8DD7) + np.uint64(0x632BE59BD9B4E019)
    for _ in range(2):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return float(x >> np.uint64(11)) / 9007199254740992.0


@compiled
def pick(running: Floats, start: int, end: int, u: float) -> int:
    """The place in start..end-1 whose stretch of the running sum of weights holds the share `u`; start < end."""
    before = running[start - 1] if start > 0 else 0.0
    wanted = before + u * (running[end - 1] - before)
    low, high = start, end - 1
    while low < high:
        middle = (low + high) // 2
        if running[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def choose(first: Integers, running: Floats, person: int, called: Integers, seed: int) -> int:
    """Fills `called` with the places of different neighbours, chosen by weight; how many there are.

    All of them where there are no more than places; else the search gives up after some draws of the same.
    """
    start, end = first[person], first[person + 1]
    if end - start <= len(called):
        for k in range(end - start):
            called[k] = start + k
        return end - start
    count = 0
    for draw in range(TRIES * len(called)):
        at = pick(running, start, end, chance(seed, person, draw))
        fresh = True
        for k in range(count):
            fresh = fresh and called[k] != at
        if fresh:
            called[count] = at
            count += 1
            if count == len(called):
                break
    return count


@compiled
def spread(
    first: Integers, other: Integers, running: Floats, begin: Integers, calls: int, catch: Floats, delay: int,
    steps: int, seed: int,
) -> Integers:  # fmt: skip
    """New people per step [steps + 1]; step 0 holds the people `begin`.

    Each person, `delay` steps after they were reached, calls up to `calls` different neighbours once, chosen by
    weight; each catches it with their own chance `catch` [people]. `first` [people + 1] says where a person's
    neighbours `other` begin, `running` is the running sum of all weights. A draw depends on seed, person and its
    number alone: with a lower `catch` nobody is reached who would not be with a higher one.
    """
    people = len(first) - 1
    reached = np.full(people, -1, dtype=np.int64)
    queue = np.empty(people, dtype=np.int64)
    called = np.empty(calls, dtype=np.int64)
    size = 0
    for person in begin:
        if reached[person] < 0:
            reached[person] = 0
            queue[size] = person
            size += 1
    new = np.zeros(steps + 1, dtype=np.int64)
    new[0] = size
    k = 0
    while k < size:
        person = queue[k]
        k += 1
        step = reached[person] + delay
        if step > steps or first[person] == first[person + 1]:
            continue
        count = choose(first, running, person, called, seed)
        for draw in range(count):
            at = called[draw]
            if reached[other[at]] < 0 and chance(seed, person, -1 - draw) < catch[other[at]]:
                reached[other[at]] = step
                queue[size] = other[at]
                size += 1
                new[step] += 1
    return new
