"""The work itself: what the doors call, and what goes on behind them."""
