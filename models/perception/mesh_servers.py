"""Which of several mesh servers is asked next."""

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class MeshServers:
    """Servers that make the same meshes, by address; threads may share it. Other processes do not know of it: each begins somewhere else."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._under_way = dict.fromkeys((url.rstrip("/") for url in urls), 0)
        self._lock, self._turn = threading.Lock(), os.getpid()

    @contextmanager
    def one(self, tried: Collection[str]) -> Iterator[str]:
        """The address with the fewest requests of this process under way, of those that were not tried if there are any; under way in the block."""
        with self._lock:
            self._turn += 1
            urls = list(self._under_way)
            urls = urls[self._turn % len(urls) :] + urls[: self._turn % len(urls)]
            url = min([url for url in urls if url not in tried] or urls, key=self._under_way.__getitem__)
            self._under_way[url] += 1
        try:
            yield url
        finally:
            with self._lock:
                self._under_way[url] -= 1
