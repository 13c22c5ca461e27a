"""`python -m engine.cli`, where the `backprop` script is not on the path."""

from engine.cli.entry import main

main()
