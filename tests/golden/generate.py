"""Write all golden files that are made by a program; run ``python -m tests.golden.generate`` from the repository.

With ``--check`` nothing is written: the exit code is 1 and the names are printed where a file is not what is made.
A changed golden file is a changed format: every node must change with it, and docs/formats.md too.
"""

import sys
from pathlib import Path

from tests.golden import generate_proofs, iso20022_messages, ledger_vectors

FOLDER = Path(__file__).parent
_ROOMS = (ledger_vectors, iso20022_messages)


def made() -> dict[Path, str]:
    """Return the text of every golden file by its path."""
    files = {FOLDER / name: text for room in _ROOMS for name, text in room.texts().items()}
    return files | {generate_proofs.FOLDER / name: text for name, text in generate_proofs.files().items()}


def differences() -> list[str]:
    """Return the names of the files that are not what is made, are missing or are left over."""
    expected = made()
    present = {*FOLDER.glob("ledger_*.json"), *FOLDER.glob("iso20022_*.xml"), *generate_proofs.FOLDER.iterdir()}
    return sorted(
        path.relative_to(FOLDER).as_posix()
        for path in expected.keys() | present
        if path not in expected or path not in present or path.read_text(encoding="utf-8") != expected[path]
    )


def main() -> int:
    """Write the files, or compare them."""
    if sys.argv[1:] == ["--check"]:
        names = differences()
        for name in names:
            sys.stderr.write(f"{name} is not what is made now\n")
        return 1 if names else 0
    for room in _ROOMS:
        for name, text in room.texts().items():
            (FOLDER / name).write_text(text, encoding="utf-8")
    generate_proofs.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
