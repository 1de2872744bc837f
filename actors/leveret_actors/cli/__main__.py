"""`python -m leveret_actors.cli`."""

from leveret_actors.cli import main

if __name__ == "__main__":
    main()
