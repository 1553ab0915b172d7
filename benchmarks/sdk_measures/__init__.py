"""The parts of ./dev bench sdk: each measures one thing and gives rows."""
