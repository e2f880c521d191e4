"""What processes have cost in time and memory, as the kernel counts it."""

import os
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


def of_tree(root: int) -> float:
    """CPU seconds of a process and all that descend from it, so far. Children that have ended count with theirs."""
    return sum(seconds for _, seconds in _tree(root).values())


def memory_of_tree(root: int) -> int:
    """Bytes that a process and all that descend from it have to themselves, shared pages in shares."""
    return 1024 * sum(map(_proportional, _tree(root)))


def of_folder(folder: Path) -> float:
    """CPU seconds of the processes that work in a folder or below it: the embedded servers of an installation."""
    return sum(found[1] for pid in _pids() if _works_in(pid, folder) and (found := _stat(pid)))


def _tree(root: int) -> dict[int, tuple[int, float]]:
    stats = {pid: stat for pid in _pids() if (stat := _stat(pid))}
    tree, known = {root}, 0
    while len(tree) > known:
        known = len(tree)
        tree |= {pid for pid, (parent, _) in stats.items() if parent in tree}
    return {pid: stats[pid] for pid in tree if pid in stats}


def _proportional(pid: int) -> int:
    """KB, as `Pss` of proc(5)."""
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _pids() -> list[int]:
    return [int(each.name) for each in _PROC.iterdir() if each.name.isdigit()]


def _stat(pid: int) -> tuple[int, float] | None:
    """Its parent, and its CPU seconds with those of children it has waited for."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # ended meanwhile
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) / _TICK


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return (_PROC / str(pid) / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False
