"""The SQL store. Statements are the same for every database; what differs stands in one file each."""
