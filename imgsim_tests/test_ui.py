"""The UI as a person meets it: the real `imgsim ui` and `mlflow ui`, seen through a real browser."""

import json
import shutil
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from imgsim_assets.definitions import build_definitions
from imgsim_assets.settings_sources import load_settings
from imgsim_tests.dagster_server import (
    BIN,
    READ_BY_DAGSTER,
    asset_nodes,
    clean_environment,
    copy_clone,
    dagster_dev,
    graphql,
    guarded_ui,
    imgsim,
)
from imgsim_tests.servers import PATIENCE, Server, poll, running_server
from imgsim_tests.workplace import Workplace

pytestmark = pytest.mark.slow

GROUPS = {"images", "embeddings", "learning", "search", "delivery"}
TEMPORARY_HOME = ".tmp_dagster_home_"  # Dagster's own; it stays behind only where the server had to be killed
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WINDOW = {"width": 1900, "height": 2000}  # the graph leaves out what is not in sight


@pytest.fixture(scope="module")
def workplace(synced_once: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workplace whose state folder `synced` holds what a sync made."""
    folder = synced_once.copy_to(tmp_path_factory.mktemp("ui") / "workplace").folder
    (folder / "state").rename(folder / "synced")
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return copy_clone(tmp_path / "clone")


@pytest.fixture(scope="module")
def served(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    """A copy of the workplace and its UI, for tests that begin and end with all fresh, whichever comes first."""
    folder = tmp_path_factory.mktemp("served")
    place = Workplace(workplace).copy_to(folder / "workplace", "synced").folder
    environment = clean_environment(folder / "home", IMGSIM_CONFIG=place / "imgsim.toml", IMGSIM_STATE=place / "synced")
    with guarded_ui(copy_clone(folder / "clone"), environment) as server:
        yield place, server


def specified_nodes(definitions: dg.Definitions) -> dict[str, tuple[str | None, set[str], str | None]]:
    return {
        spec.key.to_user_string(): (spec.group_name, set(spec.kinds), spec.description)
        for spec in definitions.resolve_all_asset_specs()
    }


@contextmanager
def browser_page(server: Server, known_refusals: tuple[str, ...] = ()):
    """Open a page in Chromium; it must meet no error, and ask nobody but the server for anything.

    `known_refusals`: paths that the UI asks for although its own server does not have them.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on the PATH to look at the UI with")
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    errors: list[str] = []
    strangers: list[str] = []

    def note_request(request) -> None:
        if not request.url.startswith((server.url, "data:", "blob:")):
            strangers.append(request.url)

    def note_answer(answer) -> None:
        if answer.status >= 400 and not answer.url.endswith(known_refusals):
            errors.append(f"{answer.status} {answer.url}")

    def note_console(message) -> None:
        # A refused request is noted with its address by `note_answer`.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            errors.append(message.text)

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        try:
            page = browser.new_page(viewport=WINDOW)
            page.set_default_timeout(PATIENCE * 1000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", note_console)
            page.on("request", note_request)
            page.on("response", note_answer)
            yield page
        finally:
            browser.close()
    assert errors == []
    assert strangers == []


def look_at_the_graph(page, url: str, keys: set[str], pictures: Path) -> None:
    page.goto(f"{url}/asset-groups")
    graph = page.locator("foreignObject")
    for group in sorted(GROUPS):
        graph.get_by_text(group, exact=True).wait_for()
    page.screenshot(path=pictures / "1-groups.png")
    page.keyboard.press("Alt+e")  # Dagster's own key: open every group
    for key in sorted(keys):
        graph.get_by_text(key.rpartition("/")[2], exact=True).wait_for()
    page.screenshot(path=pictures / "2-graph.png")


def look_at_the_catalogue(page, url: str, descriptions: set[str], pictures: Path) -> None:
    page.goto(f"{url}/assets")
    for description in sorted(descriptions):
        page.get_by_text(description, exact=True).wait_for()
    page.screenshot(path=pictures / "3-catalogue.png")


def look_at_an_asset(page, url: str, key: str, kinds: set[str], description: str, pictures: Path) -> None:
    page.goto(f"{url}/assets/{key}?view=overview")
    page.get_by_text(description.partition("`")[0].strip()).first.wait_for()  # the UI draws Markdown's code apart
    page.get_by_text("Kinds", exact=True).wait_for()
    for kind in kinds:
        page.get_by_text(kind, exact=True).first.wait_for()
    page.screenshot(path=pictures / f"asset-{key.replace('/', '-')}.png")


def ended_run(server: Server, query: str) -> dict[str, str]:
    """Wait for the one run that `query` asks for to end: its `runId` and `status`."""

    def ended():
        runs = graphql(server, query)["runsOrError"]["results"]
        return [run for run in runs if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}]

    (run,) = poll(ended, "the run to end")
    return run


def materialize_all(page, server: Server, pictures: Path) -> str:
    """Click the button in the global asset graph, wait for the run to end, and give its id."""
    page.goto(f"{server.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    query = "{runsOrError{... on Runs{results{runId status}}}}"
    run = ended_run(server, query)
    assert run["status"] == "SUCCESS"
    page.goto(f"{server.url}/runs/{run['runId']}")
    page.get_by_text("Success", exact=True).first.wait_for()
    page.get_by_text("RUN_SUCCESS", exact=True).wait_for()
    page.screenshot(path=pictures / "4-run.png")
    return str(run["runId"])


def look_at_the_score(page, url: str, score: float, pictures: Path) -> None:
    """The evaluation's page shows the score as a number, and its plots as pictures that can be seen."""
    page.goto(f"{url}/assets/evaluation?view=overview")
    page.get_by_text("map_at_10", exact=True).first.wait_for()
    page.get_by_text(repr(score)[:7]).first.wait_for()
    page.screenshot(path=pictures / "5-evaluation.png", full_page=True)
    page.get_by_text("[Show Markdown]").first.click()
    plot = page.get_by_role("dialog").locator("img")
    plot.wait_for()
    poll(lambda: plot.evaluate("picture => picture.naturalWidth > 100"), "the plot to be drawn")
    page.screenshot(path=pictures / "6-plot.png")


def submission(state: Path) -> bytes:
    return (state / "published" / "submission.csv").read_bytes()


def test_materialize_all_in_the_ui_gives_the_submission_of_sync(workplace, clone, tmp_path):
    state = tmp_path / "state"
    home = imgsim(workplace, state, "home").strip()
    environment = clean_environment(
        tmp_path / "home", DAGSTER_HOME=home, IMGSIM_CONFIG=workplace / "imgsim.toml", IMGSIM_STATE=state
    )
    expected = specified_nodes(build_definitions(load_settings(config=workplace / "imgsim.toml", environ={})))
    plain = {words for _, _, words in expected.values() if "`" not in words}
    score = json.loads((workplace / "synced" / "published" / "metrics.json").read_text())["map_at_10"]

    with guarded_ui(clone, environment) as server:
        assert asset_nodes(server) == expected
        assert not graphql(server, "{shouldShowNux}")["shouldShowNux"], "a dialog asks for an e-mail address"
        with browser_page(server) as page:
            look_at_the_graph(page, server.url, set(expected), tmp_path)
            look_at_the_catalogue(page, server.url, plain, tmp_path)
            for key, kinds in (("embeddings/tiny", {"onnx", "lance"}), ("raw_images", {"Polars", "Parquet"})):
                look_at_an_asset(page, server.url, key, kinds, expected[key][2], tmp_path)
            run = materialize_all(page, server, tmp_path)
            look_at_the_score(page, server.url, score, tmp_path)
    assert submission(state) == submission(workplace / "synced")

    # All that Dagster wrote lies in the state folder: its records, the run's logs, and nothing where it was started.
    assert {"history", "schedules", "storage", "artefacts", "mlflow.db"} <= {path.name for path in state.iterdir()}
    assert (state / "history" / "runs.db").is_file()
    assert (state / "storage" / run / "compute_logs").is_dir()
    assert {path.name for path in clone.iterdir()} == set(READ_BY_DAGSTER)

    # What the UI made is fresh but for one thing: it did not look at the folder of photos first.
    found = json.loads(imgsim(workplace, state, "status", "--json"))
    not_fresh = {key: one["causes"] for key, one in found.items() if one["state"] == "stale"}
    assert not_fresh == {key: ["image_folder changed"] for key in ("raw_images", "solution_labels")}
    assert set(json.loads(imgsim(workplace, state, "sync", "--json"))["materialized"]) == set(not_fresh)
    assert submission(state) == submission(workplace / "synced")


def stale_assets(server: Server) -> set[str]:
    """Ask the server which assets it calls stale or missing."""
    nodes = graphql(server, "{assetNodes{assetKey{path} isMaterializable staleStatus}}")["assetNodes"]
    return {
        "/".join(one["assetKey"]["path"]) for one in nodes if one["isMaterializable"] and one["staleStatus"] != "FRESH"
    }


def materialize_unsynced(page, server: Server, expected: set[str], picture: Path) -> None:
    """Use the menu beside "Materialize all", and wait for the run to end."""
    query = "{runsOrError{... on Runs{results{runId status}}}}"
    known = {run["runId"] for run in graphql(server, query)["runsOrError"]["results"]}
    page.goto(f"{server.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").wait_for()
    page.locator("xpath=//button[contains(., 'Materialize all')]/following::button[1]").click()
    page.get_by_text("Materialize unsynced").click()
    dialog = page.get_by_role("dialog")
    for key in expected:
        dialog.get_by_text(key, exact=True).first.wait_for()
    page.screenshot(path=picture)
    dialog.get_by_role("button", name=f"Materialize {len(expected)}").click()

    def ended():
        runs = graphql(server, query)["runsOrError"]["results"]
        return [run for run in runs if run["runId"] not in known and run["status"] in {"SUCCESS", "FAILURE"}]

    (run,) = poll(ended, "the run to end")
    steps = graphql(server, f'{{runOrError(runId: "{run["runId"]}"){{... on Run{{stepStats{{stepKey status}}}}}}}}')
    failed = [one["stepKey"] for one in steps["runOrError"]["stepStats"] if one["status"] == "FAILURE"]
    assert failed in ([], ["publication"]), "only the publication waits, for what is made of the others"


def test_a_setting_changed_shows_as_unsynced_until_it_is_materialized(served, tmp_path):
    """Level by level, as Dagster's rule looks one hop up; the same assets as `imgsim sync` would take."""
    place, server = served
    state, config = place / "synced", place / "imgsim.toml"
    before = submission(state)
    with browser_page(server) as page:
        assert stale_assets(server) == set()
        config.write_text(config.read_text(encoding="utf-8") + "\n[annoy]\ntrees = 7\n", encoding="utf-8")
        page.goto(f"{server.url}/locations")
        page.get_by_text("Reload", exact=True).click()
        poll(lambda: stale_assets(server) == {"annoy_index"}, "the new setting to be seen")
        page.goto(f"{server.url}/assets/annoy_index?view=overview")
        page.get_by_text("Unsynced").first.wait_for()
        page.screenshot(path=tmp_path / "7-unsynced.png")
        told = json.loads(imgsim(place, state, "status", "--json"))
        assert {key for key, one in told.items() if one["state"] == "stale"} == stale_assets(server)
        assert told["annoy_index"]["causes"] == ["annoy.trees changed 50 -> 7"]
        pressed = 0
        while stale := stale_assets(server):
            materialize_unsynced(page, server, stale, tmp_path / f"8-wave-{pressed}.png")
            pressed += 1
            assert pressed < 8
    assert pressed > 1
    told = json.loads(imgsim(place, state, "status", "--json"))
    assert {one["state"] for one in told.values()} == {"fresh"}
    assert json.loads(imgsim(place, state, "sync", "--json"))["materialized"] == []
    assert submission(state) == before


def sync_by_one_click(page, server: Server, pictures: Path) -> None:
    """Open the job `sync` in the UI, press its button, and wait for the run to end."""
    page.goto(f"{server.url}/locations/imgsim/jobs/sync")
    page.get_by_text("what imgsim sync does").first.wait_for()
    page.goto(f"{server.url}/locations/imgsim/jobs/sync/playground")
    page.get_by_role("button", name="Launch run").click()
    query = '{runsOrError(filter: {pipelineName: "sync"}){... on Runs{results{runId status}}}}'
    run = ended_run(server, query)
    page.screenshot(path=pictures / "9-synced.png")
    assert run["status"] == "SUCCESS"


def test_one_click_does_what_sync_does(served, tmp_path):
    """A photo was dropped and nobody looked at the folder: the UI calls all fresh, and one click publishes it."""
    place, server = served
    state = place / "synced"
    shutil.copyfile(place / "photos" / "train" / "train_00003.jpg", place / "photos" / "test" / "dropped.jpg")
    with browser_page(server) as page:
        assert stale_assets(server) == set()
        sync_by_one_click(page, server, tmp_path)
        assert stale_assets(server) == set()
    assert b"dropped.jpg" in submission(state)
    told = json.loads(imgsim(place, state, "status", "--json"))
    assert {one["state"] for one in told.values()} == {"fresh"}


def handshake(server: Server, origin: str) -> int:
    """Ask for a websocket as a browser does for a page of `origin`; give the status of the answer."""
    host = server.url.removeprefix("http://")
    name, port = host.split(":")
    lines = [
        "GET /graphql HTTP/1.1", f"Host: {host}", f"Origin: {origin}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-ws", "", "",
    ]  # fmt: skip
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(4096).split()[1])


def test_forged_requests_reach_nothing(workplace, clone, tmp_path):
    """What a page of another site can make a browser send while the UI runs; the same without forgery works."""
    place = Path(shutil.copytree(workplace, tmp_path / "workplace", symlinks=True))
    environment = clean_environment(
        tmp_path / "home", IMGSIM_CONFIG=place / "imgsim.toml", IMGSIM_STATE=place / "synced"
    )
    wipe = 'mutation {wipeAssets(assetPartitionRanges: [{assetKey: {path: ["clusters"]}}]) {__typename}}'
    with guarded_ui(clone, environment) as server:
        evil = {"Origin": "http://evil.example"}
        address = f"/graphql?{urllib.parse.urlencode({'query': wipe})}"
        assert server.status(address) == 405
        assert server.status(address, headers={"Accept": "image/*", "Sec-Fetch-Site": "cross-site"}) == 403
        assert server.status("/graphql", {"query": wipe}, evil) == 403
        assert server.status("/graphql", {"query": wipe}, {"Origin": "null"}) == 403
        assert server.status(address, {}, {**evil, "Content-Type": "application/x-www-form-urlencoded"}) == 403
        assert server.status("/graphql", {"query": wipe}, {"Host": "evil.example"}) == 403
        assert server.status("/report_asset_materialization/clusters", {}, evil) == 403
        assert server.status("/", headers={"Host": "evil.example"}) == 403
        assert handshake(server, "http://evil.example") == 403
        assert handshake(server, server.url) == 101
        assert stale_assets(server) == set()
        assert server.status("/graphql", {"query": wipe}, {"Origin": server.url}) == 200
        assert "clusters" in stale_assets(server)


def test_a_plain_dagster_dev_in_a_fresh_clone_shows_the_graph(clone, tmp_path):
    """No variable is set; records go to `.imgsim/` beside it, as those of `imgsim sync` do."""
    expected = specified_nodes(build_definitions(load_settings(environ={})))
    with dagster_dev(clone, clean_environment(tmp_path / "home")) as server:
        assert asset_nodes(server) == expected
    assert {group for group, _, _ in expected.values()} == GROUPS
    left = {path.name for path in clone.iterdir() if not path.name.startswith(TEMPORARY_HOME)}
    assert left == {*READ_BY_DAGSTER, ".imgsim"}
    assert (clone / ".imgsim" / "history" / "runs.db").is_file()


def test_dagster_accepts_the_instance_that_imgsim_prepares(workplace, tmp_path):
    state = tmp_path / "its: state # 1"  # each sign of it means something in YAML
    home = imgsim(workplace, state, "home").strip()
    done = subprocess.run(
        [BIN / "dagster", "instance", "info"],
        cwd=tmp_path,
        env=clean_environment(tmp_path / "home", DAGSTER_HOME=home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "telemetry:\n  enabled: false" in done.stdout
    assert "max_concurrent_runs: 1" in done.stdout
    assert (state / "history" / "runs.db").is_file()


def test_mlflow_ui_shows_the_score(workplace, tmp_path):
    state = workplace / "synced"
    command = [str(BIN / "mlflow"), "ui", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{state}/mlflow.db"]
    environment = clean_environment(tmp_path / "home")
    with running_server(command, lambda one: one.get("/health"), tmp_path, environment, tmp_path / "log") as server:
        api = "/api/2.0/mlflow"
        experiment = server.json(f"{api}/experiments/get-by-name?experiment_name=imgsim")["experiment"]
        (run,) = server.json(f"{api}/runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
        metrics = {one["key"]: one["value"] for one in run["data"]["metrics"]}
        published = json.loads((state / "published" / "metrics.json").read_text())
        assert metrics["map_at_10"] == published["map_at_10"]
        assert run["info"]["status"] == "FINISHED"
        with browser_page(server, known_refusals=("/users/current",)) as page:
            page.goto(f"{server.url}/#/experiments/{experiment['experiment_id']}/runs/{run['info']['run_id']}")
            page.get_by_text("map_at_10", exact=True).first.wait_for()
            page.screenshot(path=tmp_path / "mlflow.png", full_page=True)
