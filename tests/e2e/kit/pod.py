"""What the tests ask of a pod, from the API's JSON: the client's own models take 6 ms of CPU a pod, the node's."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Container:
    """`id` is containerd's; empty, as `image`, while there is none. `state`: waiting, running or terminated."""

    name: str
    id: str
    image: str
    restarts: int
    state: str
    started: bool

    @classmethod
    def of(cls, status: dict[str, Any]) -> Self:
        return cls(
            name=status["name"],
            id=status.get("containerID", "").removeprefix("containerd://"),
            image=status["imageID"],
            restarts=status["restartCount"],
            state=next(iter(status.get("state", {})), "waiting"),
            started=bool(status.get("started")),
        )


@dataclass(frozen=True)
class Pod:
    """`conditions` are those that hold; `leaving` is one that was deleted and has not gone."""

    name: str
    uid: str
    made: str
    leaving: bool
    node: str
    conditions: frozenset[str]
    containers: tuple[Container, ...]

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        meta, status = item["metadata"], item["status"]
        return cls(
            name=meta["name"],
            uid=meta["uid"],
            made=meta["creationTimestamp"],
            leaving="deletionTimestamp" in meta,
            node=item["spec"].get("nodeName", ""),
            conditions=frozenset(
                one["type"] for one in status.get("conditions", ()) if one["status"] == "True"
            ),
            containers=tuple(map(Container.of, status.get("containerStatuses", ()))),
        )

    @property
    def ready(self) -> bool:
        return "Ready" in self.conditions

    @property
    def restarts(self) -> int:
        """How often its containers were started again."""
        return sum(container.restarts for container in self.containers)
