"""The `festgate` command, also as `python -m festgate`."""

from festgate.kit.process import gc_paused


def main() -> None:
    """Run the command line."""
    with gc_paused():
        from festgate import cli  # noqa: PLC0415  (here it costs a sixth less)
    cli.main()


if __name__ == "__main__":
    main()
