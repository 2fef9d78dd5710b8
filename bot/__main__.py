"""`python -m bot` and the console script `csms-bot`."""

from bot.cli import main

if __name__ == "__main__":
    main()
