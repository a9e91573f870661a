"""The errors that imgsim raises on purpose: each says what was expected, what was found and how to mend it.

Anything else that escapes is a defect of imgsim. The command line turns `UserError` into exit
status 2 (the person can mend it: settings, input folder, missing model) and the rest into 1.
"""


class ImgsimError(Exception):
    """An error with the three things a person needs, in one message."""

    def __init__(self, expected: str, found: str, mend: str) -> None:
        """Keep the parts apart, so that the interfaces can show them apart."""
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


class GateError(ImgsimError):
    """A new ranking is worse than the published one, which stays."""


class ArtefactError(ImgsimError):
    """A stored artefact is missing, incomplete or not the one its manifest describes."""
