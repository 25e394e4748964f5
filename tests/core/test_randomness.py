"""Random names out of a pool: nobody is given what another has."""

from itertools import count

from ledger.randomness import Pool


def test_no_byte_is_given_twice_and_the_source_is_asked_seldom() -> None:
    numbers, asked = count(), []

    def source(size: int) -> bytes:
        asked.append(size)
        return b"".join(next(numbers).to_bytes(4, "big") for _ in range(size // 4))

    pool = Pool(source, size=64)
    given = [pool(12) for _ in range(20)]
    assert {len(one) for one in given} == {12}
    assert len({one[place : place + 4] for one in given for place in (0, 4, 8)}) == 60
    assert asked == [64] * 4
