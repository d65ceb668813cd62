"""``manage.py doctor``: checks this deployment and says what to do about each finding."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gdpr_portal import doctor

VERSION = 1


class Command(BaseCommand):
    """Ends with 1 when anything fails; a warning alone ends with 0."""

    help = "Check database, migrations, guards, queue, keys, reports, connectors, clock, storage, ledger and people."
    #: Django's own checks would end the command before it could say what to do.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in doctor.examine():
            findings.append(finding)
            if not options["json"]:
                self._tell(finding)
        failed, warned = (sum(one.level == level for one in findings) for level in ("fail", "warn"))
        if options["json"]:
            listed = [asdict(finding) for finding in findings]
            self.stdout.write(json.dumps({"version": VERSION, "ok": not failed, "findings": listed}, indent=2))
        else:
            self.stdout.write(f"\n{failed} to mend, {warned} to know about, {len(findings)} findings in all.")
        if failed:
            sys.exit(1)

    def _tell(self, finding: doctor.Finding) -> None:
        style = {"ok": self.style.SUCCESS, "warn": self.style.WARNING, "fail": self.style.ERROR}[finding.level]
        self.stdout.write(f"{style(f'{finding.level:5}')} {finding.check:11} {finding.says}")
        if finding.do:
            self.stdout.write(f"{'':17} → {finding.do}")
