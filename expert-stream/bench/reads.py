#!/usr/bin/env python3
"""What a file with the parts of an expert side by side would gain: direct reads at random of three slices in
three places against one read of the same bytes, eight experts at a time, in turn, and each slice over-read to
whole blocks as a GGUF's are.

Usage: reads.py FILE [--slice BYTES] [--seconds S]
"""
import argparse
import concurrent.futures
import mmap
import os
import random
import threading
import time

BLOCK = 4096
EXPERTS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--slice", type=int, default=864 * 1024)
    parser.add_argument("--seconds", type=float, default=2, help="for each way and turn")
    parser.add_argument("--turns", type=int, default=4)
    arguments = parser.parse_args()
    descriptor = os.open(arguments.file, os.O_RDONLY | os.O_DIRECT)
    size = os.fstat(descriptor).st_size
    slice_bytes = -(-arguments.slice // BLOCK) * BLOCK
    own = threading.local()

    def read(offset, length):
        if getattr(own, "length", 0) < length:
            own.buffer, own.length = mmap.mmap(-1, length), length
        return os.preadv(descriptor, [memoryview(own.buffer)[:length]], offset)

    def somewhere(length):
        return random.randrange(0, (size - length) // BLOCK) * BLOCK

    # Name, reads an expert takes, bytes of each, bytes that count.
    ways = [("three slices", 3, slice_bytes + BLOCK, slice_bytes), ("one piece", 1, 3 * slice_bytes, 3 * slice_bytes)]
    total = {name: [0, 0.0] for name, *_ in ways}
    with concurrent.futures.ThreadPoolExecutor(3 * EXPERTS) as pool:
        for _ in range(arguments.turns):
            for name, reads, length, useful in ways:
                started = time.monotonic()
                while time.monotonic() - started < arguments.seconds:
                    places = [somewhere(length) for _ in range(EXPERTS * reads)]
                    list(pool.map(lambda at, n=length: read(at, n), places))
                    total[name][0] += useful * EXPERTS * reads
                total[name][1] += time.monotonic() - started
    for name, (bytes_, seconds) in total.items():
        print(f"{name}: {bytes_ / seconds / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
