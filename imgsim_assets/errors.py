"""The errors that imgsim raises on purpose: each says what was expected, what was found and how to mend it.

Anything else that escapes is a defect of imgsim. The command line turns `UserError` into exit
status 2 (the person can mend it: settings, input folder, missing model) and the rest into 1.
"""

from collections.abc import Mapping, Sequence

from imgsim_assets.secrets import masked


class ImgsimError(Exception):
    """An error with the three things a person needs, in one message."""

    def __init__(self, expected: str, found: str, mend: str) -> None:
        """Keep the parts apart, so that the interfaces can show them apart; secrets are masked in each."""
        expected, found, mend = masked(expected), masked(found), masked(mend)
        super().__init__(f"expected {expected}; found {found}; to mend: {mend}")
        self.expected = expected
        self.found = found
        self.mend = mend

    def __reduce__(self) -> tuple[type["ImgsimError"], tuple[str, str, str]]:
        """Let it be sent from one process to another."""
        return type(self), (self.expected, self.found, self.mend)


class UserError(ImgsimError):
    """Something the person who runs imgsim can mend."""


class WorldError(UserError):
    """The machine does not allow it: no room on the disk, no memory, no permission."""


class SettingsError(UserError):
    """A setting is unknown or its value is impossible."""


class InputError(UserError):
    """The folder of photos or one of its label files cannot be used."""


class ModelError(UserError):
    """A backbone's weights are absent, or are not what the settings say they are."""


def joined(faults: Sequence[UserError]) -> UserError:
    """Make one error of several, at least one, so that a person sees them all at once."""
    if len(faults) == 1:
        return faults[0]
    parts = zip(*((fault.expected, fault.found, fault.mend) for fault in faults), strict=True)
    return UserError(*("; ".join(f"({number}) {part}" for number, part in enumerate(one, 1)) for one in parts))


class GateError(ImgsimError):
    """A new ranking is worse than the published one, which stays."""


class ArtefactError(ImgsimError):
    """A stored artefact is missing, incomplete or not the one its manifest describes."""


def all_together(errors: Mapping[str, ImgsimError]) -> ImgsimError:
    """Make one error of those of several things, by their names; the person can mend it where all of them can be."""
    if len(errors) == 1:
        return next(iter(errors.values()))
    kind = UserError if all(isinstance(error, UserError) for error in errors.values()) else ImgsimError
    return kind(
        f"{', '.join(errors)} to work",
        "; ".join(f"{name}: {error.found}, where there should be {error.expected}" for name, error in errors.items()),
        "; ".join(f"{name}: {error.mend}" for name, error in errors.items()),
    )


def said_by(error: BaseException, length: int = 300) -> str:
    """Say what another library raised, for the `found` of an error of ours: its kind and the start of its words."""
    words = masked(f"{type(error).__name__}: {error}")  # before it is cut: half a secret is not known for one
    return " ".join(words.split())[:length]
