"""Who may ask for what: users, their feature permissions, and the credentials made from them.

In: an interaction or a content type. Out: seen or not seen.
Never here: HTTP. Invisible is silent: a caller is not told that there was something to see.
"""

from dataclasses import dataclass, field

from .interaction import IVR_AUDIO, SCREEN, Content, Interaction

READ, DELETE, STATS = "interaction-content:read", "interaction-content:delete", "stats"
SUPERVISOR_SCOPES = frozenset({READ, "users:read"})
ADMIN_SCOPES = SUPERVISOR_SCOPES | {
    DELETE, STATS, "users:write", "interactions:write", "agents-availability:read", "globalpci",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class User:
    """One VCC user. `lines` and `groups` are None when nothing is narrowed; groups override lines."""

    name: str
    inbound: bool = True
    outbound: bool = True
    screen_recordings: bool = True
    ivr_data: bool = True
    delete_content: bool = True
    lines: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def reaches(self, interaction: Interaction) -> bool:
        """Direction and line, or the agents' groups, which take a deleted agent's interactions away."""
        if not (self.inbound if interaction.direction == "inbound" else self.outbound):
            return False
        if self.groups is not None:
            return any(agent.group in self.groups for agent in interaction.handlingAgents)
        return self.lines is None or interaction.line in self.lines

    def sees_type(self, content_type: str) -> bool:
        if content_type == SCREEN:
            return self.screen_recordings
        return self.ivr_data if content_type == IVR_AUDIO else True

    def visible(self, interaction: Interaction) -> list[Content]:
        if not self.reaches(interaction):
            return []
        return [content for content in interaction.content if self.sees_type(content.type)]

    def sees_all_of(self, interaction: Interaction) -> bool:
        return len(self.visible(interaction)) == len(interaction.content)


@dataclass(frozen=True, slots=True)
class Credential:
    client_id: str
    user: User
    scopes: frozenset[str] = field(default=ADMIN_SCOPES)

    @property
    def client_secret(self) -> str:
        return f"{self.client_id}-secret"


def credentials(first_line: str, groups: frozenset[str]) -> dict[str, Credential]:
    """Make the built-in credentials; the account's first line and agent groups narrow two of them."""
    users = [
        User("admin"),
        User("supervisor", screen_recordings=False, ivr_data=False, delete_content=False),
        User("no-screen", screen_recordings=False),
        User("no-ivr", ivr_data=False),
        User("no-inbound", inbound=False),
        User("no-outbound", outbound=False),
        User("no-delete", delete_content=False),
        User("one-line", lines=frozenset({first_line})),
        User("groups", groups=groups),
    ]
    made = [
        Credential(f"sandbox-{user.name}", user, SUPERVISOR_SCOPES if user.name == "supervisor" else ADMIN_SCOPES)
        for user in users
    ]
    return {credential.client_id: credential for credential in made}
