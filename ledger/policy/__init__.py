"""Decisions, policy ``deny-overrides/1``: documents compiled to rules, rules matched against requests. Pure.

How DESIGN §5 is read where one sentence allows two readings:

* **Inheritance.** A nested provision names what differs from the one it stands in; what it does not name
  (actor, purpose, action, class, code, security label, data, data period) holds as in the enclosing one. So
  an exception never reaches beyond its own consent, and may still widen it on purpose (the IHE example
  "normal data, and mental health for one practitioner"). An inherited confidentiality keeps its direction;
  missing and mixed facts are read by the effect of the rule itself. Periods always intersect: no exception
  outlives its consent.
* **Deepest.** In each branch the deepest matching provision speaks; where branches disagree, deny wins.
* **Labels.** A security label of either kind (confidentiality, sensitivity) is enough for a deny; a permit
  that names both kinds needs both. A permit for sensitivity labels needs a record that has one.
* **Several purposes** in one request: a permit must cover all, a deny any.
* **Partial record dates** in a data period: a permit must contain the whole span, a deny any of it.
"""
