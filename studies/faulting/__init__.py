"""The parts of `studies/faults.py`: kills, damaged and hostile files, fuzzing, sharing, disks, versions."""
