"""Whatever is killed, stopped, or told the wrong time: nothing is lost, deleted twice, or deleted without intent."""

import json
import os
import subprocess
import sys

import pytest

from tests import needs

pytestmark = pytest.mark.timeout(900)


def long(test):
    """``make chaos`` runs it, on the server that it has beside."""
    return pytest.mark.long(pytest.mark.postgresql(test))


def campaign(*words):
    """A portal of its own on a PostgreSQL of its own, and what became of it."""
    command = [sys.executable, "-m", "tests.chaos.campaign", "--json", "--patience=500", *words]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["faults"] == [], f"{told}\n{done.stderr[-4000:]}"
    assert told["figures"]["items on approved lists"] >= 60
    return told


def test_twenty_kills_lose_nothing_and_repeat_nothing():
    told = campaign("--kills=20", "--items=60", "--pace=0.8", "--upsets=4")
    assert told["kills"] == 20


@long
def test_a_sleeper_that_wakes_after_its_lease_sends_nothing():
    told = campaign("--kills=0", "--items=60", "--sleepers=4")
    assert told["done"]["sleeper"] == 4
    assert told["figures"]["acts that another worker settled"], "nobody slept in the middle of an act"


@long
def test_where_several_deletes_may_fly_a_sleeper_sends_nothing_either():
    told = campaign("--kills=0", "--items=60", "--sleepers=4", "--width=3")
    assert told["done"]["sleeper"] == 4
    assert told["figures"]["acts that another worker settled"], "nobody slept in the middle of an act"


@long
def test_hosts_whose_clocks_are_a_day_off_work_as_their_neighbours_do():
    campaign("--kills=6", "--items=60", "--skew=1")


@pytest.mark.needs(needs.NAMESPACES)
@long
def test_two_hosts_share_an_account_one_delete_at_a_time():
    told = campaign("--kills=6", "--items=60", "--two-hosts")
    assert all(told["by host"].values()), "one host did all the work"
