"""What the demo prints once it runs: where it is, who can sign in, and what waits for whom.

In:  the address, the password, the demo's folder with what the story wrote down there.
Out: one frame of text, so that nobody has to look for anything.
Never here: Django.
"""

from pathlib import Path

from gdpr_portal.demo_cast import CAST


def box(address: str, password: str, *, folder: Path) -> str:
    """The frame, as wide as its longest line."""
    lines = [
        f"The portal is at  {address}",
        "",
        f"Every account has the password  {password}",
        "",
        *(f"{player.username:<16}{player.first_name + ' ' + player.last_name:<14}{player.does}" for player in CAST),
        "",
        *(f"Sign in as {username:<14} {what}" for username, what in _waits(folder)),
        "",
        f"Everything in it is invented. Logs and data: {folder}",
        "Ctrl-C stops it all.",
    ]
    width = max(map(len, lines))
    rule = "─" * (width + 4)
    return "\n".join(["", f"╭{rule}╮", *(f"│  {line:<{width}}  │" for line in lines), f"╰{rule}╯", ""])


def _waits(folder: Path) -> list[list[str]]:
    """(user name, sentence) of everything that the story left for somebody."""
    told = folder / "waits.txt"
    return [line.split("\t", 1) for line in told.read_text().splitlines()] if told.exists() else []
