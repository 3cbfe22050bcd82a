"""Killed at any point between "webhook received" and "ts stored", the bot loses nothing and does nothing twice.

Every point once is part of every test run; `make chaos` (CHAOS=long) does ten rounds of each, with recoveries timed at
the real clock.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.conftest import LONG
from tests.chaos.figures import FIGURES, Figures
from tests.chaos.lane import Lane, Outcome, opened
from tests.chaos.points import POINTS, Point
from tests.chaos.rig import SPEED
from tests.databases import Databases

ROUNDS, LANES, RECOVER_AT = (10, 6, 1.0) if LONG else (1, 2, SPEED)
ROUNDS_A_LANE = 20
"""Then a lane begins anew: looking at everything that stands takes longer every time."""
RECOVERED_S = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases, migrated: str
) -> Mapping[str, Sequence[Outcome]]:
    """What the rounds of the points of this session showed, by name; several lanes share them."""
    given = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    named = {params["point"].name for params in given if "point" in params}
    points = [point for point in sorted(POINTS, key=lambda point: point.act) if point.name in named]
    figures = request.config.stash[FIGURES] = Figures(len(points) * ROUNDS, request.config.get_terminal_writer())
    folder, todo = tmp_path_factory.mktemp("points"), iter([point for point in points for _ in range(ROUNDS)])
    await asyncio.gather(
        *(_lanes(folder / f"{n}", todo, partial(databases.make, template=migrated), figures) for n in range(LANES))
    )
    found = defaultdict(list)
    for outcome in figures.outcomes:
        found[outcome.point].append(outcome)
    return found


async def _lanes(folder: Path, todo: Iterator[Point], database: Callable[[Path], str], figures: Figures) -> None:
    """Do rounds on one lane after the other, until nothing is to do."""
    number, point = 0, next(todo, None)
    while point is not None:
        number += 1
        place = folder / f"{number}"
        place.mkdir(parents=True)
        async with opened(place, database(place), recover_at=RECOVER_AT) as lane:
            for _ in range(ROUNDS_A_LANE):
                outcome = await _round(lane, point)
                figures.add(outcome)
                point = next(todo, None)
                if point is None or outcome.error:
                    break


async def _round(lane: Lane, point: Point) -> Outcome:
    try:
        return await lane.round(point)
    except Exception as e:  # noqa: BLE001 - it belongs to this point; the others go on
        return Outcome(point.name, error=f"{e!r}; the log of the bot ends with: {lane.bot.last_words()}")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_killed_at(point: Point, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    rounds = outcomes[point.name]

    assert [one.error for one in rounds if one.error] == []
    assert [one.lost for one in rounds if one.lost] == []
    assert [one.twice for one in rounds if one.twice] == []
    assert max(one.recovered_s for one in rounds) <= RECOVERED_S
    assert len(rounds) == ROUNDS


def test_every_point_has_a_name_of_its_own() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS) >= 20
