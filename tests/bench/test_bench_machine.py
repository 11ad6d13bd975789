"""What a result says of the processor that it was computed on."""

from pathlib import Path

from bench.runner.machine import read_processor

CORE = "processor\t: {}\nvendor_id\t: AuthenticAMD\ncpu family\t: {}\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\n"


def test_processors_of_one_name_are_told_apart_by_family_and_model(tmp_path: Path):
    for family in (25, 26):
        file = tmp_path / str(family)
        file.write_text(CORE.format(0, family) + CORE.format(1, family))
        assert read_processor(file) == f"AMD EPYC (family {family}, model 2)"


def test_a_processor_has_a_name_where_the_system_tells_no_more(tmp_path: Path):
    arm = tmp_path / "cpuinfo"
    arm.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert read_processor(arm) == read_processor(tmp_path / "nowhere") != ""
