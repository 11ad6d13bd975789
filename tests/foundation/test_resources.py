"""Cores and memory are those that a container and a shell leave, not those of the machine."""

import os

import pytest

from foundation.resources import count_cores, read_free_memory, read_limit, read_quota


@pytest.fixture
def root(tmp_path):
    def write(**files: str):
        for name, text in {"proc/self/cgroup": "0::/job/part\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_no_limit_is_none(tmp_path):
    assert read_quota(tmp_path) is None
    assert count_cores(tmp_path) == len(os.sched_getaffinity(0))


def test_the_least_quota_of_all_groups_above_counts(root, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    folder = root(
        **{
            "sys/fs/cgroup/job/part/cpu.max": "max 100000\n",
            "sys/fs/cgroup/job/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/cpu.max": "800000 100000\n",
        }
    )
    assert read_quota(folder) == 1.5
    assert count_cores(folder) == 2


def test_version_1_of_control_groups(root, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    folder = root(
        **{
            "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n",
            "proc/meminfo": "MemAvailable: 9000000 kB\n",
            "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "5000000000\n",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "3000000000\n",
        }
    )
    assert count_cores(folder) == 4
    assert read_free_memory(folder) == 2_000_000_000


def test_free_memory_is_what_the_tightest_limit_leaves(root):
    folder = root(**{"proc/meminfo": "MemTotal: 99 kB\nMemAvailable: 5000000 kB\n"})
    assert read_free_memory(folder) == 5_120_000_000
    root(
        **{
            "sys/fs/cgroup/job/memory.max": "3000000000\n",
            "sys/fs/cgroup/job/memory.current": "2500000000\n",
            "sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 400000000\n",
            "sys/fs/cgroup/job/part/memory.max": "max\n",
            "sys/fs/cgroup/job/part/memory.current": "1\n",
        }
    )
    assert read_free_memory(folder) == 900_000_000


def test_limits_of_the_shell(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (123, 456))
    assert read_limit("RLIMIT_FSIZE") == 123
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert read_limit("RLIMIT_FSIZE") is None
