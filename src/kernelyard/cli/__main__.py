"""``python -m kernelyard.cli`` is the command ``kernelyard``."""

from kernelyard.cli.main import main

if __name__ == "__main__":
    main()
