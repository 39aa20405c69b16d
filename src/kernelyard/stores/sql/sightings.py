"""What was last seen of images, and the changes that a new sighting tells, in SQL."""

from __future__ import annotations

import json

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
    began, version, images = connection.execute(_SEEN.with_for_update()).one()
    outcome = seen_then(Seen(began, version, json.loads(images) if images else None), sighting)
    if outcome is None:
        return 0
    seen, told = outcome
    kept = {"began": seen.began, "version": seen.version, "images": json_text(seen.images)}
    connection.execute(_KEEP, kept)
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
