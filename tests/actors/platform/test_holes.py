"""What a child allocates after its parent took the holes lies side by side."""

from fresh import run


def test_a_child_copies_few_pages_once_the_holes_are_taken() -> None:
    code = """
        import os
        from actors.holes import take_holes
        kept = [[bytes(1000), bytes(3000)] for _ in range(2000)]
        for pair in kept:
            pair.pop(0)  # leaves a hole in each page
        bytes(100_000)  # malloc files them under their size

        def private_kib():
            with open("/proc/self/smaps_rollup") as rollup:
                return next(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty"))

        for prepare in (lambda: 0, take_holes):
            taken = prepare()
            if os.fork() == 0:
                before = private_kib()
                mine = [bytes(1000) for _ in range(400)]
                print(taken, private_kib() - before, flush=True)
                os._exit(0)
            os.wait()
    """
    told = run(code)
    _, scattered_kib, taken, dense_kib = map(int, told.split())
    assert taken > 1000
    assert dense_kib < scattered_kib / 2, told
