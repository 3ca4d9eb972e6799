"""What follows from the answers of datastore and marketplace drivers, without drivers."""

import base64
import json
from typing import Any

import pytest

from oned.database.db import Database, Transaction
from oned.errors import NoExistsError
from oned.model.app import App, AppState, AppType
from oned.model.datastore import Datastore
from oned.model.image import Image, ImageState
from oned.model.market import Market
from oned.model.snapshots import Snapshots
from oned.storage.requests import ask_datastore, ask_market, monitor_datastore
from oned.storage.results import RESULTS
from onelib.driver import DriverError
from onelib.template import Template
from tests.unit.oned.storage_objects import (
    app,
    datastore,
    get,
    image,
    market,
    payloads,
    put,
    quotas,
    run,
    size_used,
    tasks,
    topics,
    used,
)

S = ImageState


def answer(database: Database, kind: str, text: str | None, *, oid: int = 0, **more: Any) -> None:  # noqa: ANN401
    """Apply what a driver said; None: it failed with ``broken``."""
    payload = {"oid": oid, "action": kind.partition(".")[2].upper(), "message": "<X/>"} | more
    said = DriverError("broken") if text is None else text
    run(database, lambda transaction: RESULTS[kind](transaction, payload, said))


def asked(database: Database, kind: str) -> dict[str, Any]:
    """The payload of the only task of that kind."""
    found = [
        json.loads(text) for text, name in zip(payloads(database), tasks(database), strict=True) if name == kind
    ]
    assert len(found) == 1
    payload: dict[str, Any] = found[0]
    return payload


def error_of(found: Image | App) -> str:
    """The note in the template, without its time."""
    return found.template.get("ERROR").partition(" : ")[2]


def test_a_copied_image_is_ready(database: Database) -> None:
    put(database, datastore(), image(state=S.LOCKED, path="/tmp/x"))
    answer(database, "image.cp", "/ds/0/abc qcow2\n")
    made = get(database, Image)
    assert (made.state, made.source, made.format, made.prev_state) == (S.READY, "/ds/0/abc", "qcow2", S.READY)
    assert topics(database) == ["EVENT IMAGE 0/READY/ "]
    assert tasks(database) == ["datastore.monitor"]
    answer(database, "image.cp", "/ds/0/other raw")
    assert get(database, Image).source == "/ds/0/abc"


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("image.cp", None, "Error copying image in the datastore: broken"),
        ("image.cp", "", "Error copying image in the datastore"),
        ("image.cp", "/ds/x", "CP operation succeeded but image FORMAT was not returned."),
        ("image.mkfs", None, "Error creating datablock: broken"),
        ("image.clone", None, "Error cloning from Image -1: broken"),
        ("image.stat", None, "Cannot parse image SIZE: broken"),
        ("image.stat", "1.5G", "Cannot parse image SIZE: 1.5G"),
        ("image.stat", "", "Cannot parse image SIZE: Cannot get size from STAT"),
        ("image.stat", "1001", "Not enough space in datastore"),
    ],
)
def test_what_fails_leaves_an_image_in_error(
    database: Database, kind: str, text: str | None, message: str
) -> None:
    quotas(database, "")
    put(database, datastore(), image(state=S.LOCKED))
    answer(database, kind, text, check=True)
    failed = get(database, Image)
    assert (failed.state, error_of(failed)) == (S.ERROR, message)
    assert topics(database) == ["EVENT IMAGE 0/ERROR/ "]


def test_the_size_counts_and_the_copy_begins(database: Database) -> None:
    quotas(database, "")
    put(database, datastore(images={0, 1234}), image(state=S.LOCKED, path="/tmp/x"))
    answer(database, "image.stat", "1001\n", check=False)
    assert (get(database, Image).size, get(database, Image).state) == (1001, S.LOCKED)
    assert size_used(database) == "1001"
    payload = asked(database, "image.cp")
    assert (payload["driver"], payload["action"]) == ("datastore:dummy", "CP")
    assert "<PATH>/tmp/x</PATH>" in payload["message"]
    assert "<SIZE>1001</SIZE>" in payload["message"]
    assert "1234" not in payload["message"]


def test_a_size_above_the_quota_is_refused(database: Database) -> None:
    quotas(database, used(0, limit=10))
    put(database, datastore(), image(state=S.LOCKED, path="/tmp/x"))
    answer(database, "image.stat", "11")
    failed = get(database, Image)
    assert (failed.state, failed.size) == (S.ERROR, 0)
    assert error_of(failed) == "user [2] limit of 10 reached for SIZE quota in DATASTORE with ID: 0"
    assert "image.cp" not in tasks(database)


def test_an_empty_image_is_ready(database: Database) -> None:
    put(database, datastore(), image(state=S.LOCKED))
    answer(database, "image.mkfs", "/ds/0/new\n")
    assert (get(database, Image).state, get(database, Image).source) == (S.READY, "/ds/0/new")


@pytest.mark.parametrize("text", ["/ds/0/copy", None])
def test_a_copy_lets_its_source_go(database: Database, text: str | None) -> None:
    put(
        database,
        datastore(),
        image("source", persistent=True, state=S.CLONE, clones={1}),
        image("copy", state=S.LOCKED, cloning_id=0),
    )
    answer(database, "image.clone", text, oid=1)
    copy, source = get(database, Image, 1), get(database, Image)
    assert copy.state is (S.ERROR if text is None else S.READY)
    assert (copy.cloning_id, copy.source) == (-1, text or "")
    assert (source.state, source.clones) == (S.READY, set())
    if text is None:
        assert error_of(copy) == "Error cloning from Image 0: broken"


def test_a_source_that_is_used_stays_so(database: Database) -> None:
    put(
        database,
        image("source", state=S.USED, clones={1, 5}, vms={3}),
        image("copy", state=S.LOCKED, cloning_id=0),
    )
    answer(database, "image.clone", "/x", oid=1)
    assert (get(database, Image).state, get(database, Image).cloning_ops) == (S.USED, 1)


@pytest.mark.parametrize("text", ["", None])
def test_a_removed_image_is_gone_whatever_the_driver_says(database: Database, text: str | None) -> None:
    put(database, datastore(), image(state=S.DELETE), image("other"))
    answer(database, "image.rm", text)
    answer(database, "image.rm", text, oid=1)
    answer(database, "image.rm", text, oid=9)
    with pytest.raises(NoExistsError):
        get(database, Image)
    assert get(database, Image, 1).state is S.READY


@pytest.mark.parametrize(
    ("kind", "text"), [("image.cp", "/ds/1 raw"), ("image.mkfs", "/ds/1"), ("image.clone", "/ds/1")]
)
def test_data_of_an_image_that_is_gone_is_removed(database: Database, kind: str, text: str) -> None:
    gone = image("gone", state=S.LOCKED)
    put(database, datastore(), gone)
    run(database, lambda t: ask_datastore(t, kind, gone, datastore(oid=0)))
    payload = asked(database, kind)
    answer(database, kind, text, **(payload | {"oid": 77}))
    removal = asked(database, "image.rm")
    assert (removal["action"], removal["oid"]) == ("RM", 77)
    assert "<SOURCE>/ds/1</SOURCE>" in removal["message"]
    answer(database, kind, None, **(payload | {"oid": 78}))
    assert tasks(database).count("image.rm") == 1


def with_snapshots(**more: Any) -> Image:  # noqa: ANN401 (fields of many types)
    snapshots = Snapshots(orphans="YES")
    for _ in range(2):
        snapshots.add("", 10)
    return image(state=S.LOCKED, source="/x", snapshots=snapshots, **more)


@pytest.mark.parametrize(
    ("kind", "left", "active", "freed"),
    [("snap_delete", 1, -1, 10), ("snap_revert", 2, 1, 0), ("snap_flatten", 0, -1, 20)],
)
def test_snapshots(database: Database, kind: str, left: int, active: int, freed: int) -> None:
    quotas(database, used(50))
    put(database, datastore(), with_snapshots(target_snapshot=1))
    for _ in range(2):
        answer(database, f"image.{kind}", "")
    done = get(database, Image)
    assert (done.state, done.target_snapshot) == (S.READY, -1)
    assert (len(done.snapshots), done.snapshots.active) == (left, active)
    assert size_used(database) == str(50 - freed)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("snap_delete", "Error removing snapshot 1 from image 0: broken"),
        ("snap_revert", "Error reverting image 0 to snapshot 1: broken"),
        ("snap_flatten", "Error flattening image snapshot: broken"),
    ],
)
def test_snapshots_that_fail(database: Database, kind: str, message: str) -> None:
    put(database, datastore(), with_snapshots(target_snapshot=1))
    answer(database, f"image.{kind}", None)
    done = get(database, Image)
    assert (done.state, len(done.snapshots), error_of(done)) == (S.READY, 2, message)


def test_machines_that_are_gone_hold_nothing_up(database: Database) -> None:
    put(database, datastore(), image(state=S.LOCKED_USED, source="", vms={5}))
    answer(database, "image.cp", "/x raw")
    assert get(database, Image).state is S.USED


@pytest.mark.parametrize("text", [None, "no template", "TOTAL_MB=many\nFREE_MB=1\nUSED_MB=1"])
def test_a_datastore_that_cannot_be_measured_keeps_its_figures(database: Database, text: str | None) -> None:
    put(database, datastore())
    answer(database, "datastore.monitor", text)
    assert get(database, Datastore).free_mb == 1000


def test_a_datastore_is_measured_once_at_a_time(database: Database) -> None:
    put(database, datastore(), datastore("system", ds_mad="-", tm_mad="shared"))
    answer(database, "datastore.monitor", 'TOTAL_MB="9.7"\nFREE_MB=5\nUSED_MB=4\n')
    found = get(database, Datastore)
    assert (found.total_mb, found.free_mb, found.used_mb) == (9, 5, 4)
    answer(database, "datastore.monitor", "TOTAL_MB=1\nFREE_MB=1\nUSED_MB=1\n", oid=9)

    def ask(transaction: Transaction) -> None:
        for store in (found, found, system):
            monitor_datastore(transaction, store, extra="<E/>")

    system = get(database, Datastore, 1)
    run(database, ask)
    drivers = [json.loads(text)["driver"] for text in payloads(database)]
    assert drivers == ["datastore:dummy", "datastore:shared"]


FACTS = "SOURCE=/m/1\nMD5=abc\nSIZE=12\nFORMAT=raw\n"


def published(database: Database) -> None:
    """An app that is being made of an image."""
    put(database, image("source", state=S.USED, app_clones={0}), market(apps={0}), app())


def test_a_published_app_is_ready(database: Database) -> None:
    published(database)
    answer(database, "market.import", FACTS)
    made = get(database, App)
    assert (made.state, made.source, made.md5, made.size, made.format) == (
        AppState.READY,
        "/m/1",
        "abc",
        12,
        "raw",
    )
    assert (get(database, Image).state, get(database, Image).app_clones) == (S.READY, set())
    answer(database, "market.import", None)
    assert get(database, App).state is AppState.READY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Error importing app into marketplace: broken"),
        ("SOURCE=/m/1", "Error importing app into marketplace. Missing app attributes."),
        (
            "SOURCE=/m/1\nMD5=a\nFORMAT=raw\nSIZE=x",
            "Error importing app into marketplace. Missing app attributes.",
        ),
    ],
)
def test_an_app_that_cannot_be_published(database: Database, text: str | None, message: str) -> None:
    published(database)
    answer(database, "market.import", text)
    failed = get(database, App)
    assert (failed.state, error_of(failed)) == (AppState.ERROR, message)
    assert get(database, Image).state is S.READY


def test_an_answer_that_is_no_template(database: Database) -> None:
    published(database)
    answer(database, "market.import", "A = [")
    assert error_of(get(database, App)).startswith("Error importing app into marketplace. Parse error: ")


def test_data_of_an_app_that_is_gone_is_removed(database: Database) -> None:
    put(database, market(), app())
    run(database, lambda t: ask_market(t, "market.import", market(oid=0), app(oid=0), extra=image().to_xml()))
    answer(database, "market.import", FACTS, **(asked(database, "market.import") | {"oid": 7}))
    removal = asked(database, "market.delete")
    assert (removal["action"], removal["driver"]) == ("DELETE", "market:http")
    assert removal["message"].count("<SOURCE>/m/1</SOURCE>") == 1


def test_a_deleted_app_is_gone(database: Database) -> None:
    put(database, market(), app(state=AppState.READY, source="/m/1"), app("late", source="/m/2"))
    answer(database, "market.delete", None, message="<SOURCE>/m/1</SOURCE>")
    with pytest.raises(NoExistsError):
        get(database, App)
    answer(database, "market.delete", "", oid=1, message="<SOURCE></SOURCE>")
    assert get(database, App, 1).source == "/m/2"
    assert "<SOURCE>/m/2</SOURCE>" in asked(database, "market.delete")["message"]
    answer(database, "market.delete", "", oid=5)


def listing(*templates: str) -> str:
    lines = [f'APP="{base64.b64encode(text.encode()).decode()}"' for text in templates]
    return "\n".join(["TOTAL_MB=10", "FREE_MB=6", "USED_MB=4", *lines])


ALPINE = 'NAME="Alpine"\nSOURCE="http://a"\nMD5="1"\nSIZE="64"\nFORMAT="qcow2"\nVERSION="3"\nORIGIN_ID=9\nREGTIME=5\nTAG=x'


def test_listed_apps_are_taken(database: Database) -> None:
    put(database, market())
    both = listing(ALPINE, 'NAME="Tmpl"\nTYPE=VMTEMPLATE\nAPPTEMPLATE64="QQ=="\nDESCRIPTION=d')
    answer(database, "market.monitor", both)
    place, alpine, template = get(database, Market), get(database, App), get(database, App, 1)
    assert (place.total_mb, place.free_mb, place.used_mb, place.apps) == (10, 6, 4, {0, 1})
    assert (alpine.name, alpine.uid, alpine.origin_id, alpine.state) == ("Alpine", 0, -1, AppState.READY)
    assert (alpine.size, alpine.regtime, alpine.version, alpine.market) == (64, 5, "3", "market")
    assert alpine.bits == [1, 1, 0, 1, 0, 0, 1, 0, 0]
    assert alpine.template == Template([("TAG", "x"), ("VERSION", "3")])
    assert (template.type, template.apptemplate64, template.description) == (AppType.VMTEMPLATE, "QQ==", "d")
    answer(database, "market.monitor", both)
    assert get(database, Market).apps == {0, 1}


def test_listed_apps_that_changed_are_updated(database: Database) -> None:
    put(database, market())
    answer(database, "market.monitor", listing(ALPINE))
    answer(database, "market.monitor", listing(ALPINE.replace("SIZE", "LATE")))
    assert get(database, App).size == 64
    answer(database, "market.monitor", listing(ALPINE.replace('MD5="1"', 'MD5="2"').replace("64", "65")))
    assert (get(database, App).md5, get(database, App).size) == ("2", 65)


def test_a_name_belongs_to_the_first(database: Database) -> None:
    put(database, market("first"), market("second"))
    answer(database, "market.monitor", listing(ALPINE))
    answer(database, "market.monitor", listing(ALPINE.replace('MD5="1"', 'MD5="2"')), oid=1)
    assert get(database, App).md5 == "1"
    assert (get(database, Market).apps, get(database, Market, 1).apps) == ({0}, set())


def test_apps_that_are_not_listed_any_more_go_after_a_while(database: Database) -> None:
    put(database, market())
    answer(database, "market.monitor", listing(ALPINE, "NAME=b", "NAME=c"))
    for looks, left in ((1, {0, 1, 2}), (2, {0, 1, 2}), (3, {0})):
        answer(database, "market.monitor", listing(ALPINE))
        assert get(database, Market).apps == left, looks
    with pytest.raises(NoExistsError):
        get(database, App, 1)
    answer(database, "market.monitor", listing(ALPINE, "NAME=d"))
    for text in (listing(ALPINE), listing(ALPINE), listing(ALPINE, "NAME=d"), listing(ALPINE)):
        answer(database, "market.monitor", text)
    assert len(get(database, Market).apps) == 2


def test_a_listing_without_apps_drops_none(database: Database) -> None:
    put(database, market())
    answer(database, "market.monitor", listing(ALPINE))
    for text in ("TOTAL_MB=7", None, "A = ["):
        for _ in range(4):
            answer(database, "market.monitor", text)
    assert (get(database, Market).apps, get(database, Market).total_mb) == ({0}, 7)
    answer(database, "market.monitor", listing(ALPINE), oid=5)


def test_damaged_entries_and_names(database: Database) -> None:
    put(database, market())
    broken = ['APP="###"', f'APP="{base64.b64encode(b"A = [").decode()}"', "APP=[ A = 1 ]"]
    answer(database, "market.monitor", "\n".join([listing("SOURCE=x"), *broken]))
    assert (get(database, App).name, get(database, Market).apps) == ("imported--1", {0})
