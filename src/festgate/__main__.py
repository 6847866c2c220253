"""`python -m festgate` is the `festgate` command."""

from festgate.cli import main

if __name__ == "__main__":
    main()
