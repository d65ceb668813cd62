"""Invents requests by the million: whole stories of people who do not exist, as rows.

In:  how many, a seed, the colleagues and the system that are there.
Out: rows of every table that a page, an export or a check reads, and entries whose hashes, digests and roots hold.
Never here: a name, a number or an address of anybody. Addresses end in ``scale.example`` (RFC 2606).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from content_app.models import (
    Coverage,
    Errand,
    Intent,
    Item,
    Plan,
    Receipt,
    ReceiptItem,
    Step,
    StepItem,
    Verification,
)
from gdpr_portal.seeding_tables import NULL, Table
from requests_app import keys, tlog
from requests_app.models import (
    AccessLogEntry,
    Approval,
    ApprovalBar,
    Checkpoint,
    DataSubject,
    Finding,
    Identifier,
    LedgerIndex,
    LedgerLeaf,
    Party,
    Request,
    SubjectKey,
)
from requests_app.states import PATH, State

#: Of a thousand requests: how many are still open, and what the others came to.
OPEN_OF_1000 = 20
_OPEN = (
    [State.RECEIVED] * 30 + [State.VALIDATED] * 20 + [State.PLANNED] * 20 + [State.APPROVED] * 5
    + [State.EXECUTED] * 5 + [State.VERIFIED] * 20
)  # fmt: skip
_ENDED = [State.CLOSED] * 88 + [State.REFUSED] * 4 + [State.WITHDRAWN] * 4 + [State.NOT_IDENTIFIED] * 4
_RIGHTS = ["erasure"] * 70 + ["access"] * 15 + ["rectification"] * 5 + ["restriction"] * 3 + ["portability"] * 3
_RIGHTS += ["objection"] * 3 + ["automated_decision"]
_CHANNELS = ["phone"] * 50 + ["email"] * 25 + ["web_form"] * 15 + ["post"] * 5 + ["chat"] * 5
_PLACES = ["UK"] * 40 + ["EU-DE"] * 20 + ["EU-FR"] * 12 + ["EU-ES"] * 10 + ["EU-IT"] * 8 + ["EU-NL"] * 5
_PLACES += ["EU-IE"] * 4 + ["EU"]
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Interactions on a list, and the classes of what is kept of each.
INTERACTIONS, CLASSES = 6, ("callRecording", "transcript")
#: Entries from one checkpoint to the next.
EACH = 100
HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff: the account, the pseudonym in the ledger, the role."""

    pk: int
    pseudonym: str
    role: str


@dataclass(frozen=True, slots=True)
class World:
    """What the stories take place in. ``sign`` makes a checkpoint's note of a size and a root."""

    system: str
    staff: list[Colleague]
    supervisors: list[Colleague]
    epoch: int
    log: str
    sign: Callable[[int, bytes], str]
    first_ms: int
    last_ms: int


def dashed(pk: str) -> str:
    """An id as the ledger writes it."""
    return f"{pk[:8]}-{pk[8:12]}-{pk[12:16]}-{pk[16:20]}-{pk[20:]}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=256)
def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(" ", "microseconds")[:26]


def _iso(moment: str) -> str:
    return f"{moment[:10]}T{moment[11:]}Z"


class Inventor:
    """Tells one story after the other; what it tells lies in ``tables`` until they are flushed."""

    def __init__(self, world: World, *, count: int, seed: int, edge: tlog.Edge):
        self._world, self._count, self._edge = world, count, edge
        self._random = random.Random(seed)  # noqa: S311  invented people, no secret
        self._bits, self._choice = self._random.getrandbits, self._random.choice
        self._references: set[str] = set()
        self._make_tables()

    def _make_tables(self) -> None:
        epoch = str(self._world.epoch)
        self.subjects = Table(DataSubject, "id", "created_at", kind="customer")
        self.keys = Table(SubjectKey, "subject_id", "purpose", "wrapped", epoch_id=epoch)
        self.requests = Table(
            Request, "id", "reference", "group", "subject_id", "right", "channel", "jurisdiction", "scope_as_of",
            "state", "outcome", "received_at", "captured_at", "closed_at", "opened_by_id", "validated_by_id",
            "approved_by_id", "plan_digest",
        )  # fmt: skip
        self.parties = Table(Party, "id", "request_id", "name_enc", "contact_enc", role="requester")
        self.identifiers = Table(
            Identifier, "id", "subject_id", "kind", "value_enc", "blind_index", "created_at",
            index_key_id=str(max(keys.index_keys())),
        )  # fmt: skip
        self.findings = Table(
            Finding, "id", "request_id", "by_id", "at", method="callback", level="IAL-2", result="passed"
        )
        self.bars = Table(ApprovalBar, "request_id", "user_id", "ground", "at")
        self.approvals = Table(Approval, "id", "request_id", "plan_id", "digest", "by_id", "at", "execute_after")
        self.views = Table(AccessLogEntry, "id", "user_id", "object_id", "at", what="request", reason="casework")
        self._make_workshop_tables(self._world.system)

    def _make_workshop_tables(self, system: str) -> None:
        self.plans = Table(
            Plan, "id", "request_id", "digest", "salt", "scope_as_of", "created_by_id", "created_at", "expires_at",
            version="1",
        )  # fmt: skip
        self.items = Table(
            Item, "id", "plan_id", "content_class", "external_id", "content_key", "occurred_at", "commitment",
            system_id=system, length="60000", direction="inbound", line="+442079460000", action="delete_interaction",
            ground="own_identifier",
        )  # fmt: skip
        self.coverage = Table(
            Coverage, "plan_id", "content_class", system_id=system, disposition="delete", count=str(INTERACTIONS)
        )
        self.errands = Table(Errand, "request_id", "next_at", "seen", "again_at", "attention")
        self.steps = Table(Step, "id", "plan_id", "created_at", system_id=system, kind="batch", fence="1")
        self.step_items = Table(StepItem, "step_id", "item_id")
        self.intents = Table(Intent, "id", "step_id", "leaf_id", "at", fence="1")
        self.receipts = Table(Receipt, "id", "intent_id", "hash", "leaf_id", "at", status="done")
        self.receipt_items = Table(ReceiptItem, "receipt_id", "item_id", outcome="deleted")
        self.readings = Table(Verification, "item_id", "leaf_id", "at", result="verified_absent")
        self.leaves = Table(LedgerLeaf, "id", "leaf", "hash", "type", "at", "actor", "object_id")
        self.numbers = Table(LedgerIndex, "seq", "leaf_id")
        self.checkpoints = Table(Checkpoint, "id", "size", "root", "note", "at", log_id=self._world.log)

    @property
    def tables(self) -> list[Table]:
        return [one for one in vars(self).values() if isinstance(one, Table)]

    def _id(self, ms: int) -> str:
        """A UUIDv7 of that millisecond."""
        rest = f"{self._bits(72):018x}"
        return f"{ms:012x}7{rest[:3]}8{rest[3:]}"

    # --- a story -----------------------------------------------------------------------------------------------------

    def tell(self, number: int) -> None:
        """The story of the request with this number, the oldest first."""
        world = self._world
        ms = world.first_ms + (world.last_ms - world.first_ms) * number // self._count
        is_open = number >= self._count - max(1, self._count * OPEN_OF_1000 // 1000)
        state = self._choice(_OPEN if is_open else _ENDED)
        pk, subject, reference = self._id(ms), self._id(ms), self._reference()
        opener, validator = self._random.sample(world.staff, 2)
        self._person(number, pk, subject, ms)
        right, channel, place = self._choice(_RIGHTS), self._choice(_CHANNELS), self._choice(_PLACES)
        self._entry(
            ms, pk, opener, "request.received",
            f'"channel":"{channel}","identifiers":2,"jurisdiction":"{place}","received_at":"{_iso(_moment(ms))}"'
            f',"right":"{right}"',
        )  # fmt: skip
        self.bars.rows.append((pk, opener.pk, "opened", _moment(ms)))
        validated = state != State.RECEIVED and state != State.NOT_IDENTIFIED
        if validated:
            self._validated(ms + HOUR, pk, validator)
        approver, digest = None, ""
        if state in PATH[PATH.index(State.PLANNED) :]:
            approver, digest = self._list(pk, ms, state, validator)
        ended = ms + 12 * HOUR if state not in PATH[:-1] else None
        if ended:
            seen = "verified" if state == State.CLOSED else "validated" if validated else "received"
            self._moved(ended, pk, validator, seen, state)
        self.requests.rows.append((
            pk, reference, pk, subject, right, channel, place, _moment(ms + HOUR) if validated else NULL, state.value,
            "answered" if state == State.CLOSED else "", _moment(ms), _moment(ms), _moment(ended) if ended else NULL,
            opener.pk, validator.pk if validated else NULL, approver.pk if approver else NULL, digest,
        ))  # fmt: skip
        self._errand(pk, ms, state, is_open=is_open)
        self.views.rows.append((self._id(ms + HOUR), validator.pk, dashed(pk), _moment(ms + HOUR)))

    def _reference(self) -> str:
        while True:
            text = "".join(self._random.choices(_ALPHABET, k=8))
            if text not in self._references:
                self._references.add(text)
                return f"DSR-{text[:4]}-{text[4:]}"

    def _person(self, number: int, request: str, subject: str, ms: int) -> None:
        """A data subject with two identifiers and a name, sealed as the portal seals them."""
        at = _moment(ms)
        self.subjects.rows.append((subject, at))
        key, wrapped = keys.fresh_key(dashed(subject), SubjectKey.Purpose.IDENTIFIERS)
        self.keys.rows.append((subject, "identifiers", f"\\\\x{wrapped.hex()}"))
        email = f"person{number}@scale.example"
        for kind, value in (("email", email), ("customer_number", f"SC{number:09d}")):
            row, (index, _) = self._id(ms), keys.blind_index(kind, value)
            sealed = self._sealed(key, value, self.identifiers, "value_enc", row)
            self.identifiers.rows.append((row, subject, kind, sealed, f"\\\\x{index.hex()}", at))
        row = self._id(ms)
        name = self._sealed(key, f"Invented Person {number}", self.parties, "name_enc", row)
        self.parties.rows.append((row, request, name, self._sealed(key, email, self.parties, "contact_enc", row)))

    def _sealed(self, key: bytes, text: str, table: Table, column: str, row: str) -> str:
        return f"\\\\x{keys.seal_cell(key, text, table=table.name, column=column, row_id=dashed(row)).hex()}"

    def _validated(self, ms: int, pk: str, validator: Colleague) -> None:
        self.findings.rows.append((self._id(ms), pk, validator.pk, _moment(ms)))
        self.bars.rows.append((pk, validator.pk, "validated", _moment(ms)))
        self._moved(ms, pk, validator, "received", State.VALIDATED)

    def _errand(self, pk: str, ms: int, state: State, *, is_open: bool) -> None:
        """Whoever waits for a person was looked at a moment ago; what was deleted is read back a week later."""
        if state == State.RECEIVED:
            return
        again = ms + 7 * 24 * HOUR
        later = state in (State.VERIFIED, State.CLOSED) and again > self._world.last_ms
        attention = "undecided" if state == State.VALIDATED and is_open and not self._bits(2) else ""
        next_at = self._world.last_ms + 300 * 24 * HOUR if is_open else ms + 12 * HOUR
        self.errands.rows.append((pk, _moment(next_at), state.value, _moment(again) if later else NULL, attention))

    # --- a list and what became of it --------------------------------------------------------------------------------

    def _list(self, pk: str, ms: int, state: State, author: Colleague) -> tuple[Colleague | None, str]:
        """The list, and as much of its way as the state says. Returns who approved it, and its digest."""
        frozen, plan = ms + 2 * HOUR, self._id(ms + 2 * HOUR)
        items = self._items(plan, frozen)
        digest = self._digest(plan, pk, frozen, items)
        self.plans.rows.append((
            plan, pk, digest, f"\\\\x{'00' * 32}", _moment(ms + HOUR), author.pk, _moment(frozen),
            _moment(frozen + 720 * HOUR),
        ))  # fmt: skip
        self.coverage.rows += [(plan, name) for name in CLASSES]
        count = len(items)
        self._entry(
            frozen, pk, author, "plan.frozen",
            f'"delete":{count},"digest":"{digest}","keep":0,"kind":"main","plan":"{dashed(plan)}","version":1',
        )  # fmt: skip
        self._moved(frozen, pk, author, "validated", State.PLANNED, plan=plan, digest=digest)
        if state == State.PLANNED:
            return None, digest
        given, approver = ms + 3 * HOUR, self._choice(self._world.supervisors)
        self.approvals.rows.append((self._id(given), pk, plan, digest, approver.pk, _moment(given), _moment(given)))
        self._entry(
            given, pk, approver, "approval.given",
            f'"digest":"{digest}","execute_after":"{_iso(_moment(given))}","plan":"{dashed(plan)}"',
        )  # fmt: skip
        self._moved(given, pk, approver, "planned", State.APPROVED)
        if state != State.APPROVED:
            self._deleted(pk, plan, ms + 4 * HOUR, [item for item, *_ in items])
            self._moved(ms + 4 * HOUR, pk, None, "approved", State.EXECUTED)
        if state in (State.VERIFIED, State.CLOSED):
            self._read_back(pk, plan, ms + 5 * HOUR, [item for item, *_ in items])
            self._moved(ms + 5 * HOUR, pk, None, "executed", State.VERIFIED)
        return approver, digest

    def _items(self, plan: str, ms: int) -> list[tuple[str, str, str, str, str, str]]:
        """(id, class, interaction, key, moment, commitment), in the order of the digest."""
        found = []
        for number in range(INTERACTIONS):
            guid, at = f"{self._bits(128):032x}", _moment(ms - (number + 2) * 24 * HOUR)
            for name in CLASSES:
                found.append((self._id(ms), name, guid, f"{guid[:12]}-{name}", at, _sha256(guid)))
        self.items.rows += [(row[0], plan, *row[1:]) for row in found]
        return sorted(found, key=lambda row: (row[2], row[3]))

    def _digest(self, plan: str, pk: str, frozen: int, items: list[tuple[str, str, str, str, str, str]]) -> str:
        """As ``content_app.plan_digest`` makes it, without a row to read."""
        system, at = dashed(self._world.system), _iso(_moment(frozen))
        lines = [
            f'{{"created_at":"{at}","expires_at":"{_iso(_moment(frozen + 720 * HOUR))}","format":"portal-plan-v1",'
            f'"items":{len(items)},"kind":"main","plan":"{dashed(plan)}","request":"{dashed(pk)}",'
            f'"scope_as_of":"{_iso(_moment(frozen - HOUR))}","version":1}}'
        ]
        lines += [
            f'{{"action":"delete_interaction","class":"{name}","commitment":"{bound}","ground":"own_identifier",'
            f'"interaction":"{guid}","key":"{key}","occurred_at":"{_iso(then)}","shared":false,"system":"{system}"}}'
            for _, name, guid, key, then, bound in items
        ]
        return _sha256("\n".join(lines))

    def _deleted(self, pk: str, plan: str, ms: int, items: list[str]) -> None:
        at, step, receipt, intent = _moment(ms), self._id(ms), self._id(ms), self._id(ms)
        named = [dashed(item) for item in items]
        intended = _sha256("[" + ",".join([f'"{item}"' for item in named]) + "]")
        came = _sha256("[" + ",".join([f'["{item}","deleted",""]' for item in named]) + "]")
        both = f'"plan":"{dashed(plan)}"'
        told = self._entry(
            ms, pk, None, "deletion.intended",
            f'"digest":"{intended}","fence":1,"items":{len(items)},"kind":"batch",{both},"step":"{dashed(step)}"',
        )  # fmt: skip
        ended = self._entry(
            ms, pk, None, "deletion.receipt",
            f'"already_gone":0,"deleted":{len(items)},"digest":"{came}","failed":0,"fence":1,{both},"probed":0,'
            f'"status":"done","step":"{dashed(step)}"',
        )  # fmt: skip
        self.steps.rows.append((step, plan, at))
        self.step_items.rows += [(step, item) for item in items]
        self.intents.rows.append((intent, step, told, at))
        self.receipts.rows.append((receipt, intent, came, ended, at))
        self.receipt_items.rows += [(receipt, item) for item in items]

    def _read_back(self, pk: str, plan: str, ms: int, items: list[str]) -> None:
        digest = _sha256("\n".join(sorted([f"{dashed(item)} verified_absent" for item in items])))
        leaf = self._entry(
            ms, pk, None, "deletion.verified",
            f'"absent":{len(items)},"digest":"{digest}","not_verifiable":0,"plan":"{dashed(plan)}","reappeared":0,'
            f'"round":1',
        )  # fmt: skip
        at = _moment(ms)
        self.readings.rows += [(item, leaf, at) for item in items]

    # --- the ledger --------------------------------------------------------------------------------------------------

    def _moved(
        self, ms: int, pk: str, actor: Colleague | None, seen: str, to: State, *, plan: str = "", digest: str = ""
    ) -> None:
        listed = f'"digest":"{digest}","plan":"{dashed(plan)}",' if plan else ""
        self._entry(ms, pk, actor, "request.moved", f'{listed}"seen":"{seen}","to":"{to}"')

    def _entry(self, ms: int, pk: str, actor: Colleague | None, entry_type: str, facts: str) -> str:
        """One entry with its number, at times a checkpoint. ``facts`` are canonical JSON; no actor is the worker."""
        leaf_id, at = self._id(ms), _moment(ms)
        who, role = (actor.pseudonym, actor.role) if actor else ("machine:worker", "machine")
        about = dashed(pk)
        leaf = (
            f'{{"actor":"{who}","at":"{_iso(at)}","facts":{{{facts}}},"id":"{dashed(leaf_id)}","object":"{about}",'
            f'"role":"{role}","type":"{entry_type}","v":1}}'
        ).encode()
        hashed = tlog.leaf_hash(leaf)
        self.leaves.rows.append((leaf_id, f"\\\\x{leaf.hex()}", f"\\\\x{hashed.hex()}", entry_type, at, who, about))
        self.numbers.rows.append((self._edge.size, leaf_id))
        self._edge.add(hashed)
        if self._edge.size % EACH == 0:
            root = self._edge.root()
            note = self._world.sign(self._edge.size, root).replace("\n", "\\n")
            self.checkpoints.rows.append((self._id(ms), self._edge.size, f"\\\\x{root.hex()}", note, at))
        return leaf_id
