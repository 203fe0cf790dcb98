"""One module a command. Each has `app`, a typer application, and is imported only when it runs."""
