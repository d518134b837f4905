"""Reading and writing in threads, beside the computation."""

import collections
import concurrent.futures
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 64  # results computed in advance, which bounds memory


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], most: int = AHEAD
) -> Iterator[Result]:
    """Yield `function(item)` of every item, in order, computed in threads.

    Where the iteration ends early, by an error or by Ctrl-C, calls that have begun are
    completed and all others are dropped.

    Args:
        function: called in threads.
        items: its arguments; taken in the caller's thread.
        most: results computed in advance.

    Raises:
        Exception: what `function` raises, in the place of its result.
    """
    pending: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > most:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of `size` items; the last may be shorter."""
    some: list[Item] = []
    for item in items:
        some.append(item)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
