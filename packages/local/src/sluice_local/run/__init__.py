"""`sluice run`: the whole pipeline on one machine, with the real services as child processes."""
