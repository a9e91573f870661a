"""What is asked of the model hub, through its own client: the newest commit of a name, and the files of a commit.

The client retries what may pass (429, 5xx, a transfer that breaks off is resumed); what it says in the end becomes one
sentence here. Each fetched file is held against the digest that the hub lists for it.
"""

import hashlib
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsim_assets.errors import ModelError, UserError, said_by
from imgsim_assets.progress import LINE, LINE_EVERY_SECONDS, Count
from imgsim_assets.secrets import masked
from imgsim_assets.settings import Runtime
from imgsim_assets.vision.backbones.weights import OPEN_CLIP, PICKLE_SUFFIXES, SHARD_INDEX, SHARDS, SINGLE
from imgsim_assets.world import IN_THE_WAY, KINDS, world_fault_in

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS = 5.0  # for the hub to answer at all
CARD = "README.md"  # says the licence
ALWAYS = "config.json"  # every model that imgsim reads has one


def is_offline(runtime: Runtime) -> bool:
    """Tell whether the settings or the hub's own variables forbid asking it."""
    from huggingface_hub import is_offline_mode

    return runtime.offline or is_offline_mode()


def why_unreachable() -> str:
    """Ask once whether the hub is there: nothing, or what stands in the way.

    The hub's own client asks again and again, for a minute and for each file, and says so each time.
    """
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    # The client lets through whatever its transport raises, and the transport differs between its versions.
    except Exception as error:
        return said_by(error)
    return ""


def mask_the_clients_words() -> None:
    """Let the client say in one line each what it tries again, without the signatures of the addresses in it."""
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_masked)  # once, however often it is said


def _masked(record: logging.LogRecord) -> bool:
    record.msg, record.args = " ".join(masked(record.getMessage()).split()), ()
    return True


def newest_commit(repository: str) -> str:
    """Ask which commit the main branch of a repository is at.

    Raises:
        UserError: the hub does not say.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    mask_the_clients_words()
    try:
        # Of the ways to ask, the one that the client retries; and it finds at once what only files are refused for.
        commit = get_hf_file_metadata(hf_hub_url(repository, ALWAYS), retry_on_errors=True).commit_hash
    except Exception as error:
        raise refused(repository, "main", error, "") from error
    if commit is None:
        raise ModelError(f"the commit of {repository}", "the hub does not name it", "set HF_ENDPOINT to a model hub")
    return commit


def download(repository: str, commit: str, patterns: tuple[str, ...], by_hand: str) -> Path:
    """Fetch the weights of a commit and its files of these names, whatever of them is not in the hub's cache.

    Args:
        repository: its name.
        commit: its 40 digits.
        patterns: names of files; the card with the licence comes with them.
        by_hand: how a person gets them otherwise.

    Returns:
        The commit's folder in the cache.

    Raises:
        ModelError: the hub does not give a file, or gives other bytes than it lists; or has no safetensors.
        WorldError: the hub's cache cannot be written.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.hf_api import RepoFile

    mask_the_clients_words()
    try:
        listed = HfApi().list_repo_tree(repository, revision=commit, recursive=True)
        files = [one for one in listed if isinstance(one, RepoFile)]
        digests = {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in files}
        chosen = choose_files(repository, commit, digests, (*patterns, CARD))
        with _bar(repository) as bar:
            folder = snapshot_download(repository, revision=commit, allow_patterns=chosen, tqdm_class=bar)
    except ModelError:
        raise
    except Exception as error:
        raise refused(repository, commit, error, by_hand) from error
    for name in chosen:
        require_digest(repository, commit, Path(folder) / name, name, digests[name])
    return Path(folder)


def choose_files(repository: str, commit: str, listed: Mapping[str, Any], patterns: tuple[str, ...]) -> list[str]:
    """Choose what is fetched: the files of these names, and one set of weights.

    Its own weights come before open_clip's file, which timm's repositories have beside them and which has both towers.

    Raises:
        ModelError: no safetensors are among those `listed`.
    """
    weights = next((kind for kind in ((SINGLE,), (SHARD_INDEX, SHARDS), (OPEN_CLIP,)) if kind[0] in listed), None)
    if weights is None:
        pickles = sorted(name for name in listed if name.endswith(PICKLE_SUFFIXES))
        found = f"only {', '.join(pickles)}: such files are pickles, which can run any code when read, and are refused"
        raise ModelError(
            f"{SINGLE} in {repository} at commit {commit}",
            found if pickles else "no weights there",
            "name a commit of it that has safetensors, or another model",
        )
    return sorted(name for name in listed if any(fnmatch(name, pattern) for pattern in (*patterns, *weights)))


def require_digest(repository: str, commit: str, path: Path, name: str, digest: str) -> None:
    """Hold a fetched file against the hub's digest: sha256 of large files, git's blob id of the others.

    Raises:
        ModelError: it has other bytes; it is removed from the cache.
    """
    found = digest_like(path, digest)
    if found != digest:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise ModelError(
            f"{name} of {repository} at commit {commit} with the digest {digest}, as the hub lists it",
            f"{found}; it was removed",
            "fetch it again; where that does not help, what lies between here and the hub changes files",
        )


def digest_like(path: Path, digest: str) -> str:
    """Compute of a file's content what the hub calls its digest, of the same kind as `digest`."""
    if len(digest) == hashlib.sha256().digest_size * 2:
        return sha256_of(path)
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def sha256_of(path: Path) -> str:
    """Compute the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refused(repository: str, commit: str, error: BaseException, by_hand: str) -> UserError:
    """Say what the hub's client raised."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    answers = [getattr(one, "response", None) for one in (error, error.__cause__, error.__context__)]
    status = next((answer.status_code for answer in answers if answer is not None), 0)
    page = f"{constants.ENDPOINT}/{repository}"
    what = f"{repository} at commit {commit}" if by_hand else f"the newest commit of {repository}"
    if isinstance(error, GatedRepoError):
        found = f"it is given only to those who have accepted its licence ({status})"
        mend = f"accept it at {page}, then log in with `hf auth login` or set HF_TOKEN, and try again"
    elif isinstance(error, RepositoryNotFoundError):
        found = f"the hub has no repository of that name, or not for you ({status})"
        mend = f"look whether {page} was renamed or removed; if it is private, log in with `hf auth login`"
    elif isinstance(error, RevisionNotFoundError):
        found = f"the hub has no such commit ({status})"
        mend = f"set revision to a commit shown on {page}, or leave it out"
    elif status == 429:
        found, mend = "too many requests were made from here (429)", "wait some minutes and try again"
    elif status >= 500:
        found, mend = f"the hub is out of order ({status})", "try again later; files that are here already stay"
    elif isinstance(error, HFValidationError):
        found, mend = said_by(error), "write the name as its page has it, owner/name, and no commit in it"
    elif fault := world_fault_in(error, [*KINDS, IN_THE_WAY]):  # of this machine, in the hub's cache
        return fault
    else:
        found, mend = said_by(error), "try again"
    return ModelError(what, f"the hub does not give it: {found}", f"{mend}; or {by_hand}" if by_hand else mend)


@contextmanager
def _bar(repository: str) -> "Iterator[type[tqdm[Any]]]":
    """Give the class of the client's bars: of its three only that of bytes; off a terminal a line each half minute.

    The client leaves its bars open; they are closed when the block ends.
    """
    from huggingface_hub.utils.tqdm import tqdm as hub_bar

    made: list[tqdm[Any]] = []

    class Bar(hub_bar):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            self.is_told = str(options.get("name")).endswith(".transfer")
            self.count, self.told_at = Count(None), 0.0
            if self.is_told:
                options |= {"desc": f"fetching {repository}", "leave": False, "dynamic_ncols": True, "bar_format": None}
            else:
                options["disable"] = True
            made.append(self)
            super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            self.count.done += int(n or 0)
            if self.is_told and self.disable and self.count.seconds - self.told_at >= LINE_EVERY_SECONDS:
                self.told_at = self.count.seconds
                said = self.format_meter(
                    self.count.done,
                    self.total,
                    self.count.seconds,
                    prefix=f"fetching {repository}",
                    unit="B",
                    unit_scale=True,
                    bar_format=LINE,
                )
                self.write(said, file=sys.stderr)
            shown: bool | None = super().update(n)
            return shown

    try:
        yield Bar
    finally:
        for one in made:
            one.close()
