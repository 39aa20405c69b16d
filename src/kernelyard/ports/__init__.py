"""What the yard asks of the world: engines, agent links, stores, a bell, a clock."""
