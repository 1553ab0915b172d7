"""Benchmarks: ./dev bench NAME. They report and do not judge."""
