"""Where settings come from: profile < file < `IMGSIM_*` variables < command line, the later one winning.

Tables merge key by key, with one exception: `[backbones.X]` tables in a person's file replace the
profile's backbones as a whole, so that the file shows all the models that will run. Variables and
the command line name single keys, and change them in whatever backbones there are.

Relative paths in a file are relative to the file's folder, others to the working directory.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imgsim_assets.errors import SettingsError
from imgsim_assets.model_lock import with_locked_commits
from imgsim_assets.settings import Places, Settings
from imgsim_assets.settings_refusal import Layer, Tree, closest, refusal

PROFILES = Path(__file__).parent / "profiles"
PREFIX = "IMGSIM_"
SHORT_NAMES = {"IMGSIM_DATA": "places.data", "IMGSIM_STATE": "places.state"}
PROFILE_VARIABLE = "IMGSIM_PROFILE"
CONFIG_VARIABLE = "IMGSIM_CONFIG"
PATH_KEYS = ("data", "state", "models")
LOCAL_PREFIXES = ("./", "../", "~/")


def load_settings(
    profile: str | None = None,
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Put the layers together and validate the result.

    Args:
        profile: name of a packaged profile; None: `IMGSIM_PROFILE`, else the file's `profile`, else `pretrained`.
        config: a person's TOML file; None: `IMGSIM_CONFIG`, else no file.
        overrides: from the command line, nested like the settings; a None in it counts as not given.
        environ: the environment; empty variables count as not given.

    Raises:
        SettingsError: a profile, file, key or value is not known or not possible; every problem is listed. Or the lock
            file of models in the state folder, which gives hub names without a revision theirs, is none.
    """
    config = config or (Path(environ[CONFIG_VARIABLE]).expanduser() if environ.get(CONFIG_VARIABLE) else None)
    file = Layer(str(config), _with_paths(_read_toml(config), config.absolute().parent)) if config else Layer("", {})
    default = Settings.model_fields["profile"].default
    chosen = profile or environ.get(PROFILE_VARIABLE) or file.tree.get("profile", default)
    base = Layer(f"profile {chosen}", _read_toml(_profile_file(chosen)))
    here = Path.cwd()
    given = Layer("the command line", _with_paths(_without_none(overrides or {}), here))
    variables = [Layer(layer.source, _with_paths(layer.tree, here)) for layer in _variables(environ)]
    layers = [base, file, *variables, given, Layer("the choice of profile", {"profile": chosen})]

    tree: Tree = {}
    for layer in layers:
        if layer is file and "backbones" in file.tree:
            tree.pop("backbones", None)
        tree = _merged(tree, layer.tree)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise refusal(error, layers) from error
    _require_apart(settings.places)
    return with_locked_commits(settings)


def _require_apart(places: Places) -> None:
    """Refuse a state folder whose own files would be photos, or that holds the photos."""
    data, state = places.data.resolve(), places.state.resolve()
    photos = [(data / split).resolve() for split in ("train", "test")]
    found = "it holds the photos" if data.is_relative_to(state) else None
    found = next((f"it lies in {one}" for one in photos if state.is_relative_to(one)), found)
    if found:
        raise SettingsError(
            f"a state folder apart from the photos, not {places.state}", found, "name another folder with --state"
        )


def profile_names() -> list[str]:
    """Names of the packaged profiles."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def _profile_file(name: object) -> Path:
    known = profile_names()
    if name not in known:
        raise SettingsError(
            f"profile to be one of {', '.join(known)}", f"profile = {name!r}{closest(str(name), known)}", "choose one"
        )
    return PROFILES / f"{name}.toml"


def _read_toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise SettingsError(f"a settings file at {path}", found, "write it, or name another with --config") from error
    except UnicodeDecodeError as error:
        found = f"a byte that is not ({error.reason}, at byte {error.start})"
        raise SettingsError(f"UTF-8 text in {path}", found, "save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"TOML in {path}", str(error), "mend that line") from error


def _variables(environ: Mapping[str, str]) -> Iterator[Layer]:
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in (PROFILE_VARIABLE, CONFIG_VARIABLE) and environ[name]:
            key = SHORT_NAMES.get(name, name.removeprefix(PREFIX).lower().replace("__", "."))
            value: Any = _literal(environ[name])
            for part in reversed(key.split(".")):
                value = {part: value}
            yield Layer(f"the variable {name}", value)


def _literal(text: str) -> Any:  # noqa: ANN401 (whatever TOML holds)
    """Read lists, tables and quoted text as TOML; numbers and switches stay text, which the field's type reads.

    So a name that looks like a number (a commit, an experiment called 50) stays a name.
    """
    if text.lstrip().startswith(("[", "{", '"', "'")):
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            return text
        return parsed["value"] if parsed.keys() == {"value"} else text
    return text


def _merged(lower: Tree, upper: Tree) -> Tree:
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _without_none(tree: Mapping[str, Any]) -> Tree:
    plain = {key: _without_none(value) if isinstance(value, Mapping) else value for key, value in tree.items()}
    return {key: value for key, value in plain.items() if value is not None}


def _with_paths(tree: Tree, base: Path) -> Tree:
    """Make the paths in `tree` absolute; what has not the form of settings is left for the validation to refuse."""
    result = dict(tree)
    places, backbones, clusters = tree.get("places"), tree.get("backbones"), tree.get("clusters")
    if isinstance(clusters, dict) and isinstance(clusters.get("names"), str | Path):
        result["clusters"] = {**clusters, "names": str(_absolute(str(clusters["names"]), base))}
    if isinstance(places, dict):
        result["places"] = {
            key: str(_absolute(str(value), base)) if key in PATH_KEYS and isinstance(value, str | Path) else value
            for key, value in places.items()
        }
    if isinstance(backbones, dict):
        result["backbones"] = {
            name: {**backbone, "uri": _absolute_uri(backbone["uri"], base)}
            if isinstance(backbone, dict) and isinstance(backbone.get("uri"), str)
            else backbone
            for name, backbone in backbones.items()
        }
    return result


def _absolute_uri(uri: str, base: Path) -> str:
    scheme, colon, name = uri.partition(":")
    if colon and name and (scheme == "onnx" or name.startswith(LOCAL_PREFIXES)):
        return f"{scheme}:{_absolute(name, base)}"
    return uri


def _absolute(path: str, base: Path) -> Path:
    return Path(os.path.normpath(base / Path(path).expanduser()))
