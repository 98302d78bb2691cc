"""`python -m firewarden` is `firewarden`."""

from firewarden.cli.main import main

if __name__ == "__main__":
    main()
