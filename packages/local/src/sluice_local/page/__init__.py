"""The page of `sluice run`: what the pipeline does right now, in a browser on this machine.

What it shows came from strangers, so it is cut, and made visible where it would steer the display, before it leaves
this process; the browser only ever takes it as text. Served on loopback, without a build step or anything from outside.
"""

from sluice_local.page.page import Page

__all__ = ["Page"]
