"""A Ray cluster on this machine: a head that has no place for work, and two nodes with one CPU each."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    # Workers with the priority of the tests: Ray's default lets them wait for everything else on a busy machine.
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"})
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture
def two_nodes(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The nodes; RAY_ADDRESS names their cluster. A test may kill them."""
    for _ in range(2 - len(cluster.worker_nodes)):
        cluster.add_node(**NODE)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return list(cluster.worker_nodes)
