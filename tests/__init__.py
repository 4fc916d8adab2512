"""The tests, by kind: unit, property, golden, simulator, process, browser."""
