"""Bodies of access checks as the hot path reads them: what `api.models` takes, and less of it.

What does not decode here may still be good, or gets its refusal from the model of the same name.
"""

from typing import Annotated, Any

import msgspec

Kind = Annotated[str, msgspec.Meta(max_length=64)]
Name = Annotated[str, msgspec.Meta(max_length=256)]


class Entity(msgspec.Struct):
    """See `api.models.AuthzenEntity`."""

    type: Kind
    id: Name
    properties: dict[str, Any] = {}


class Action(msgspec.Struct):
    """See `api.models.AuthzenAction`."""

    name: Kind
    properties: dict[str, Any] = {}


class Evaluation(msgspec.Struct):
    """See `api.models.EvaluationBody`."""

    subject: Entity
    action: Action
    resource: Entity
    context: dict[str, Any] = {}


class Part(msgspec.Struct):
    """One evaluation of a batch, as far as it differs from the rest."""

    subject: Entity | msgspec.UnsetType = msgspec.UNSET
    action: Action | msgspec.UnsetType = msgspec.UNSET
    resource: Entity | msgspec.UnsetType = msgspec.UNSET
    context: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Evaluations(Part, kw_only=True):
    """See `api.models.EvaluationsBody`; what has no evaluations is none of these."""

    evaluations: Annotated[list[Part], msgspec.Meta(min_length=1, max_length=1000)]
    options: dict[str, Any] = {}

    def whole(self) -> list[Evaluation] | None:
        """Each evaluation with the rest; None if one of them lacks something."""
        found = []
        for part in self.evaluations:
            subject = self.subject if part.subject is msgspec.UNSET else part.subject
            action = self.action if part.action is msgspec.UNSET else part.action
            resource = self.resource if part.resource is msgspec.UNSET else part.resource
            context = self.context if part.context is msgspec.UNSET else part.context
            if subject is msgspec.UNSET or action is msgspec.UNSET or resource is msgspec.UNSET:
                return None
            found.append(Evaluation(subject, action, resource, {} if context is msgspec.UNSET else context))
        return found
