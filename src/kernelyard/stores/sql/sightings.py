"""What was last seen of images, and the changes that a new sighting tells, in SQL."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, select, update

from kernelyard.model.sightings import Seen, Sighting, seen_then
from kernelyard.stores.sql.moves import Values, write_changes
from kernelyard.stores.sql.rows import json_text, plain
from kernelyard.stores.sql.tables import changes, sightings

MOST_KEPT = 10_000
"""Changes of images; those before are dropped."""
_ROW = sightings.c.no == 1
# Several servers may have seen the same: each waits for the one before, and then finds it told.
_SEEN = select(sightings.c.began, sightings.c.version, sightings.c.images).where(_ROW)
_KEEP = update(sightings).where(_ROW)
_OF_IMAGES = changes.c.kernel_no.is_(None)
_OLDEST_KEPT = (
    select(changes.c.number)
    .where(_OF_IMAGES)
    .order_by(changes.c.number.desc())
    .offset(MOST_KEPT - 1)
    .limit(1)
)
_DROP = delete(changes).where(_OF_IMAGES, changes.c.number < _OLDEST_KEPT.scalar_subquery())


def sight(connection: Connection, sighting: Sighting) -> int:
    """Keep a sighting and write down what it tells; return how many changes that is."""
    began, version, kept = connection.execute(_SEEN.with_for_update()).one()
    before = Seen(began, version, **_read(kept)) if kept else Seen(began, version)
    outcome = seen_then(before, sighting)
    if outcome is None:
        return 0
    seen, told = outcome
    images = json_text({"images": seen.images, "unknown": sorted(seen.unknown)})
    connection.execute(_KEEP, {"began": seen.began, "version": seen.version, "images": images})
    if told:
        connection.execute(_DROP)
        rows: list[Values] = [
            {
                "at": sighting.at,
                "owner": "",
                "state": str(one.state),
                "reason": plain(one.reason),
                "image": plain(one.image),
            }
            for one in told
        ]
        write_changes(connection, rows)
    return len(told)


def _read(kept: str) -> dict[str, Any]:
    found = json.loads(kept)
    return {"images": found["images"], "unknown": frozenset(found["unknown"])}
