"""What authors of plugins, and we ourselves, test with: conformance suites and a clock to move."""
