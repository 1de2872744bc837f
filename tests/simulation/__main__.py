"""`python -m tests.simulation --seed N [--mutant NAME] [--world A|B|C]`: run one seed again, or many with `--seeds`."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack

from tests.simulation.mutants import MUTANTS
from tests.simulation.worlds import WORLDS


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seeds", type=int, default=0, help="run so many, from --seed on, and stop at the first broken"
    )
    parser.add_argument("--world", choices=sorted(WORLDS), default="A")
    parser.add_argument("--mutant", choices=sorted(MUTANTS))
    parser.add_argument("--keep-going", action="store_true", help="with --seeds: list all broken seeds")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    broken = steps = 0
    with ExitStack() as stack:
        if wanted.mutant:
            stack.enter_context(MUTANTS[wanted.mutant].applied())
        for seed in range(wanted.seed, wanted.seed + max(1, wanted.seeds)):
            outcome = WORLDS[wanted.world](seed, echo=not wanted.seeds).run()
            steps += outcome.steps
            if outcome.violation:
                broken += 1
                print(f"seed {seed}: {outcome.violation}")
                if not wanted.keep_going:
                    print(outcome.story)
                    break
            elif not wanted.seeds:
                print("\n".join(outcome.story.splitlines()[:8]))
                print(f"steps {outcome.steps}, {outcome.seconds:.1f} s simulated, trace {outcome.digest}")
    spent = time.perf_counter() - begun
    print(f"{broken} broken; {max(1, wanted.seeds)} seeds asked for, {steps} steps, {spent:.1f} s")
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
