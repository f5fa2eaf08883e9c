"""A scoring worker without Celery: for each line on standard input one tick of all shards, its figures as JSON.

python -m benchmarks.scoring_process SHARDS
"""

from __future__ import annotations

import json
import sys
import time

import django

django.setup()

from ai.tasks import make_scorer  # noqa: E402 - the settings come first


def main(shards: int) -> None:
    scorer = make_scorer()
    for _line in sys.stdin:
        began = time.perf_counter()
        ticks = [scorer.score_shard(shard, shards) for shard in range(shards)]
        figures = {
            "seconds": time.perf_counter() - began,
            "seniors": sum(tick.seniors for tick in ticks if tick),
            "emergencies": sum(tick.emergencies for tick in ticks if tick),
            "reported": sum(tick.reported for tick in ticks if tick),
            "rebuilt": sum(tick.rebuilt for tick in ticks if tick),
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
