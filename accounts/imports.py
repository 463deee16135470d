"""People, teams and telephony identities from a CSV file: first what it would change, then the change itself.

Columns, in any order, `email` alone being required: email, name, role, team, queues, provider, agent_id, active. An
empty cell, like an absent column, leaves what is there; `-` as the team takes a person out of theirs. Several queues,
and the several teams that a supervisor looks after, are parted by `|`. Teams and queues that do not exist are made.
Importing the same file again changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import AuditEvent, Queue, Team, TelephonyIdentity, User
from accounts.permissions import Role
from accounts.services import audit
from tenants.scope import current_schema

MAX_BYTES = 2 * 1024 * 1024
MAX_ROWS = 10_000
COLUMNS = ("email", "name", "role", "team", "queues", "provider", "agent_id", "active")
_YES = {"yes", "y", "true", "1", "active"}
_NO = {"no", "n", "false", "0", "inactive"}
_NONE = "-"


class RowError(Exception):
    """What is wrong with one row, in words for the person who made the file."""


@dataclass
class Row:
    """What one line of the file would do. `outcome`: create, update, unchanged or error."""

    line: int
    email: str
    outcome: str = "unchanged"
    changes: list[str] = field(default_factory=list)
    problem: str = ""
    # What `people_import` writes: fields of the user, teams to look after, queues, (provider, agent id).
    user: User | None = None
    is_new: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    team: str | None = None
    supervises: set[str] | None = None
    queues: dict[str, str] = field(default_factory=dict)
    queue_teams: set[str] = field(default_factory=set)
    identity: tuple[str, str] | None = None


@dataclass
class Plan:
    """What a file would change."""

    rows: list[Row]

    @property
    def totals(self) -> dict[str, int]:
        """Number of rows by outcome."""
        counted = Counter(row.outcome for row in self.rows)
        return {outcome: counted[outcome] for outcome in ("create", "update", "unchanged", "error")}

    @property
    def errors(self) -> list[Row]:
        return [row for row in self.rows if row.outcome == "error"]

    @property
    def changes(self) -> list[Row]:
        return [row for row in self.rows if row.outcome in {"create", "update"}]


def csv_text(data: bytes) -> str:
    """Decode an uploaded file. Raises `ValidationError` when it is too long or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise ValidationError(_("The file is larger than 2 MB. Split it."))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(
            _("The file is not UTF-8 (byte %(at)d). Save it as “CSV UTF-8”."), params={"at": error.start + 1}
        ) from None


def _lines(text: str) -> Iterable[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of each row that holds anything."""
    text = text.removeprefix("\ufeff")
    if len(text.encode()) > MAX_BYTES:
        raise ValidationError(_("The file is larger than 2 MB. Split it."))
    head = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ","
    )
    try:
        columns = [cell.strip().lower().replace(" ", "_") for cell in next(reader, [])]
        _check_columns(columns)
        count = 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MAX_ROWS:
                raise ValidationError(_("The file has more than 10,000 rows. Split it."))
            row = {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
            if len(cells) > len(columns):
                row[""] = "more cells than columns"
            yield reader.line_num, row
    except csv.Error as error:
        raise ValidationError(
            _("Line %(line)d cannot be read as CSV: %(error)s."),
            params={"line": reader.line_num, "error": str(error)},
        ) from None


def _check_columns(columns: list[str]) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    if "email" not in columns:
        raise ValidationError(_("The first line must name the columns, and one of them must be “email”."))
    if unknown:
        raise ValidationError(
            _("Unknown column: %(unknown)s. Known are %(known)s."),
            params={"unknown": ", ".join(unknown), "known": ", ".join(COLUMNS)},
        )
    if len(set(columns)) < len(columns):
        raise ValidationError(_("A column appears twice in the first line."))


def _check_cells(cells: dict[str, str]) -> None:
    if "" in cells:
        raise RowError(_("There are more cells than columns."))
    for column, value in cells.items():
        if any(ord(letter) < 32 for letter in value):
            raise RowError(_("%(column)s holds a control character.") % {"column": column})
        # A spreadsheet that opens a later export would run it.
        formula = value[:1] in {"=", "@"} or (
            value[:1] in {"+", "-"} and len(value) > 1 and not value[1:2].isdigit()
        )
        if formula:
            raise RowError(_("%(column)s begins like a formula.") % {"column": column})


class _Planner:
    """Holds what the company has against the file, row by row. Reads the database once."""

    def __init__(self, actor: User) -> None:
        self.actor = actor
        self.users = {user.email.lower(): user for user in User.objects.select_related("team")}
        self.teams = set(Team.objects.values_list("name", flat=True))
        self.team_names = {name.lower(): name for name in sorted(self.teams)}
        self.team_queues = set(Queue.teams.through.objects.values_list("team__name", "queue__key"))
        self.supervised: dict[Any, set[str]] = {}
        for user_id, team in Team.supervisors.through.objects.values_list("user_id", "team__name"):
            self.supervised.setdefault(user_id, set()).add(team)
        self.identities = {
            (item.user_id, item.provider): item.agent_id for item in TelephonyIdentity.objects.all()
        }
        self.holders = {
            (item.provider, item.agent_id): item for item in TelephonyIdentity.objects.select_related("user")
        }
        self.seen: dict[str, int] = {}
        self.seen_identities: dict[tuple[str, str], int] = {}
        self.roles = {role.value: role for role in Role if role is not Role.PLATFORM}
        self.roles |= {str(role.label).lower(): role for role in self.roles.values()}

    def row(self, line: int, cells: dict[str, str]) -> Row:
        row = Row(line=line, email=cells.get("email", "").lower())
        try:
            self._plan(row, cells)
        except RowError as error:
            row.outcome, row.problem, row.changes = "error", str(error), []
        except ValidationError as error:
            row.outcome, row.changes = "error", []
            row.problem = " ".join(
                f"{name}: {' '.join(words)}" if name != "__all__" else " ".join(words)
                for name, words in error.message_dict.items()
            )
        return row

    def _plan(self, row: Row, cells: dict[str, str]) -> None:
        # 1. The row by itself
        _check_cells(cells)
        if not row.email:
            raise RowError(_("The e-mail address is missing."))
        if row.email in self.seen:
            raise RowError(_("Line %(line)d has this address already.") % {"line": self.seen[row.email]})
        self.seen[row.email] = row.line
        known = self.users.get(row.email)
        user = known or User(email=row.email, role=Role.AGENT)
        row.is_new = known is None
        row.before = {name: getattr(user, name) for name in ("name", "role", "is_active")}
        row.before["team"] = user.team.name if user.team else ""
        # 2. The person
        self._person(row, user, cells)
        # 3. Teams, queues, who they are in the telephony
        self._team(row, user, cells.get("team", ""))
        self._queues(row, user, cells.get("queues", ""))
        self._identity(row, user, cells.get("provider", ""), cells.get("agent_id", ""))
        if known is None:
            user.set_unusable_password()
        user.clean_fields(exclude=["password", "team"])
        row.user = user
        row.outcome = "create" if known is None else "update" if row.changes else "unchanged"

    def _person(self, row: Row, user: User, cells: dict[str, str]) -> None:
        if row.is_new and not cells.get("name"):
            raise RowError(_("A new person needs a name."))
        if name := cells.get("name"):
            self._set(row, user, "name", name, _("name"))
        if role := cells.get("role", "").lower():
            if role not in self.roles:
                raise RowError(
                    _("Role “%(role)s” is not one of agent, supervisor, analyst, admin.") % {"role": role}
                )
            self._set(row, user, "role", str(self.roles[role]), _("role"))
        if active := cells.get("active", "").lower():
            if active not in _YES | _NO:
                raise RowError(_("Active is yes or no, not “%(value)s”.") % {"value": active})
            self._set(row, user, "is_active", active in _YES, _("active"))
        if user.pk == self.actor.pk and (user.role != row.before["role"] or not user.is_active):
            raise RowError(_("You cannot take away your own access."))

    @staticmethod
    def _set(row: Row, user: User, name: str, value: Any, label: str) -> None:
        before = getattr(user, name)
        if before == value:
            return
        setattr(user, name, value)
        row.changes.append(_moved(label, "" if row.is_new else _shown(before), _shown(value)))

    def _team(self, row: Row, user: User, cell: str) -> None:
        if not cell:
            return
        names = [self._team_name(part) for part in ([] if cell == _NONE else cell.split("|")) if part.strip()]
        if user.role == Role.SUPERVISOR:
            if set(names) != self.supervised.get(user.pk, set()):
                row.supervises = set(names)
                row.changes.append(
                    _("looks after: %(teams)s") % {"teams": ", ".join(sorted(names)) or _("no team")}
                )
            return
        if len(names) > 1:
            raise RowError(_("Only a supervisor can have several teams."))
        before, wanted = row.before["team"], names[0] if names else ""
        if wanted != before:
            row.team = wanted
            was = "" if row.is_new else before or _("none")
            row.changes.append(_moved(_("team"), was, self._team_words(wanted)))

    def _team_name(self, part: str) -> str:
        """The team's name as the company writes it, or as the file first does, whatever its capitals here."""
        name = part.strip()
        if len(name) > 80:
            raise RowError(_("A team's name has at most 80 characters."))
        return self.team_names.setdefault(name.lower(), name)

    def _team_words(self, name: str) -> str:
        if not name:
            return _("none")
        return name if name in self.teams else _("%(team)s (new)") % {"team": name}

    def _queues(self, row: Row, user: User, cell: str) -> None:
        if not cell:
            return
        if user.role == Role.SUPERVISOR:
            teams = self.supervised.get(user.pk, set()) if row.supervises is None else row.supervises
        else:
            teams = {row.before["team"] if row.team is None else row.team} - {""}
        if not teams:
            raise RowError(_("Queues belong to a team, and this person has none."))
        row.queue_teams = teams
        for part in cell.split("|"):
            key = slugify(part)[:60]
            if key and any((team, key) not in self.team_queues for team in teams):
                row.queues[key] = part.strip()[:80]
                row.changes.append(_("queue for the team: %(queue)s") % {"queue": key})

    def _identity(self, row: Row, user: User, provider: str, agent_id: str) -> None:
        if not agent_id:
            return
        provider = provider.lower() or "native"
        if len(provider) > 40 or len(agent_id) > 120:
            raise RowError(_("A provider has at most 40 characters, an agent id at most 120."))
        if user.role != Role.AGENT:
            raise RowError(_("Only an agent can have an agent id."))
        pair = (provider, agent_id)
        if pair in self.seen_identities:
            raise RowError(
                _("Line %(line)d gives this agent id to somebody else.")
                % {"line": self.seen_identities[pair]}
            )
        self.seen_identities[pair] = row.line
        # Lists of leavers name their old ids; nobody who cannot sign in takes calls.
        if not user.is_active or self.identities.get((user.pk, provider)) == agent_id:
            return
        row.identity = pair
        holder = self.holders.get(pair)
        words = f"{provider}: {agent_id}"
        row.changes.append(
            _("%(id)s, until now %(name)s’s") % {"id": words, "name": holder.user.name} if holder else words
        )


def _moved(label: str, before: str, after: str) -> str:
    return f"{label}: {before} → {after}" if before else f"{label}: {after}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def people_plan(*, text: str, actor: User) -> Plan:
    """What the file would change, without changing it. Raises `ValidationError` for a file that is none."""
    planner = _Planner(actor)
    plan = Plan([planner.row(line, cells) for line, cells in _lines(text)])
    if not plan.rows:
        raise ValidationError(_("The file has no rows below its first line."))
    return plan


def people_import(*, text: str, actor: User, address: str | None = None) -> Plan:
    """Apply the file, all of it or nothing, and return what was done.

    Raises `ValidationError` when a row has an error, `Conflict` when somebody changed the same people meanwhile.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # Two imports at once would plan against the same past.
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                    [f"{current_schema()}:people"],
                )
            plan = people_plan(text=text, actor=actor)
            if plan.errors:
                raise ValidationError(
                    [
                        _("Line %(line)d: %(problem)s") % {"line": row.line, "problem": row.problem}
                        for row in plan.errors
                    ]
                )
            _write(plan)
            _write_audit(plan, actor, address)
    except IntegrityError:
        raise Conflict(_("People changed while the file was read. Look at it again.")) from None
    return plan


def _write(plan: Plan) -> None:
    rows = plan.changes
    # 1. Teams and queues that do not exist yet
    names = {row.team for row in rows if row.team} | {name for row in rows for name in row.supervises or ()}
    names |= {name for row in rows for name in row.queue_teams}
    teams = {team.name: team for team in Team.objects.all()}
    new = [Team(name=name) for name in sorted(names - set(teams))]
    teams |= {team.name: team for team in Team.objects.bulk_create(new)}
    wanted = {key: label for row in rows for key, label in row.queues.items()}
    Queue.objects.bulk_create(
        [Queue(key=key, name=label) for key, label in sorted(wanted.items())], ignore_conflicts=True
    )
    # 2. People
    for row in rows:
        assert row.user is not None
        if row.team is not None:
            row.user.team = teams[row.team] if row.team else None
    User.objects.bulk_create(
        [row.user for row in rows if row.user and row.outcome == "create"], batch_size=500
    )
    User.objects.bulk_update(
        [row.user for row in rows if row.user and row.outcome == "update"],
        ["name", "role", "is_active", "team"],
        batch_size=500,
    )
    # 3. What hangs on them
    queues = {queue.key: queue for queue in Queue.objects.filter(key__in=wanted)}
    for row in rows:
        if row.user is None:
            continue
        if row.supervises is not None:
            row.user.supervised_teams.set([teams[name] for name in row.supervises])
        for key in row.queues:
            queues[key].teams.add(*[teams[name] for name in row.queue_teams])
    _write_identities([(row.user, *row.identity) for row in rows if row.user and row.identity])


def _write_identities(wanted: list[tuple[User, str, str]]) -> None:
    """Give each person their agent id at the provider; what was known of either before goes."""
    taken = {(provider, agent_id) for _user, provider, agent_id in wanted}
    people = {(provider, user.pk) for user, provider, _agent_id in wanted}
    gone = [
        item.pk
        for item in TelephonyIdentity.objects.filter(provider__in={provider for provider, _agent_id in taken})
        if (item.provider, item.agent_id) in taken or (item.provider, item.user_id) in people
    ]
    TelephonyIdentity.objects.filter(pk__in=gone).delete()
    TelephonyIdentity.objects.bulk_create(
        [
            TelephonyIdentity(user=user, provider=provider, agent_id=agent_id)
            for user, provider, agent_id in wanted
        ],
        batch_size=500,
    )


def _write_audit(plan: Plan, actor: User, address: str | None) -> None:
    """One entry for the import, one for each person whom it changed."""
    audit(actor=actor, action="people.import", thing=actor, changes=plan.totals, address=address)
    entries = []
    for row in plan.changes:
        assert row.user is not None
        after = {name: getattr(row.user, name) for name in ("name", "role", "is_active")}
        after["team"] = row.user.team.name if row.user.team else ""
        entries.append(
            AuditEvent(
                actor=actor,
                action=f"user.{row.outcome}",
                object_type=User._meta.label_lower,
                object_id=str(row.user.pk),
                address=address,
                changes=after
                if row.outcome == "create"
                else {
                    name: [before, after[name]]
                    for name, before in row.before.items()
                    if before != after[name]
                },
            )
        )
    AuditEvent.objects.bulk_create(entries, batch_size=500)
