"""Labels of the forms that Django's admin draws: as everywhere in the portal, without a colon.

In:  a form's class that names this one first.
Out: the form.
Never here: a word of a label.
"""

from __future__ import annotations

from typing import Any


class Plain:
    """Put before ``forms.ModelForm`` or one of Django's own forms."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
