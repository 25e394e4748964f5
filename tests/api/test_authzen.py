"""AuthZEN Authorization API 1.0: each rule of the conventions, and our profile of it."""

from typing import Any

import httpx2
import pytest

from ledger.log.entry import decode
from tests.api.conftest import Scene
from tests.network import Person

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SEARCHES = ["/access/v1/search/subject", "/access/v1/search/resource", "/access/v1/search/action"]
ABSENT = "bafyreie6pdz23o6are7nuasxawzv4mrnszzxvalczz4szycg4xy3gxev2q"


def asked(scene: Scene, who: Person, **change: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "subject": {"type": "participant", "id": who.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": scene.alice.did},
        "context": {"purpose": ["TREAT"]},
        **change,
    }


def post(scene: Scene, who: Person, path: str, body: Any, **headers: str) -> httpx2.Response:  # noqa: ANN401
    with scene.signed_in(who) as client:
        return client.post(path, json=body, headers=headers)


def batch(
    scene: Scene, who: Person, *evaluations: dict[str, Any], semantic: str = ""
) -> list[dict[str, Any]]:
    options = {"options": {"evaluations_semantic": semantic}} if semantic else {}
    answer = post(scene, who, EVALUATIONS, {**asked(scene, who), "evaluations": evaluations, **options})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["evaluations"]
    return found


def search(scene: Scene, who: Person, kind: str, **change: Any) -> list[Any]:  # noqa: ANN401
    answer = post(scene, who, f"/access/v1/search/{kind}", asked(scene, who, **change))
    assert answer.status_code == 200, answer.text
    assert answer.json()["page"] == {"next_token": "", "count": len(answer.json()["results"])}
    return list(answer.json()["results"])


def decisions(scene: Scene, start: int) -> list[dict[str, Any]]:
    """The decisions in the log from a position on."""
    entries = (decode(one.entry or b"") for one in scene.network.stack.server.gateway.journal.entries(start))
    return [entry for entry in entries if entry["kind"] == "decision"]


def log_size(scene: Scene) -> int:
    return scene.network.stack.server.gateway.journal.size


PURPOSELESS: dict[str, Any] = {"context": {}}
NOT_COVERED: dict[str, Any] = {"context": {"purpose": ["HRESCH"]}}
COVERED: dict[str, Any] = {}


class TestEvaluation:
    def test_a_deny_is_200(self, scene: Scene) -> None:
        answer = post(scene, scene.stranger, EVALUATION, asked(scene, scene.stranger))
        assert (answer.status_code, answer.json()["decision"]) == (200, False)

    @pytest.mark.parametrize(
        ("entity", "member"),
        [
            ("subject", "type"),
            ("subject", "id"),
            ("resource", "type"),
            ("resource", "id"),
            ("action", "name"),
        ],
    )
    def test_what_is_required_is_required(self, scene: Scene, entity: str, member: str) -> None:
        body = asked(scene, scene.clinic)
        del body[entity][member]
        refused = post(scene, scene.clinic, EVALUATION, body)
        assert refused.status_code == 400
        assert f"{entity}.{member}" in refused.json()["detail"]
        del body[entity]
        assert post(scene, scene.clinic, EVALUATION, body).status_code == 400

    def test_unknown_members_are_ignored(self, scene: Scene) -> None:
        body = asked(scene, scene.clinic, extension={"a": 1})
        body["subject"]["also"] = body["action"]["also"] = body["context"]["also"] = ["anything"]
        assert post(scene, scene.clinic, EVALUATION, body).json()["decision"] is True

    def test_the_context_explains_the_decision(self, scene: Scene) -> None:
        context = post(scene, scene.clinic, EVALUATION, asked(scene, scene.clinic)).json()["context"]
        assert context["basis"] == [scene.consent]
        assert {"evaluation", "time", "head", "obligations", "reason"} <= context.keys()

    @pytest.mark.parametrize("action", ["access", "use", "disclose", "collect", "correct"])
    def test_the_actions_of_the_profile_are_known(self, scene: Scene, action: str) -> None:
        body = asked(scene, scene.clinic, action={"name": action})
        assert post(scene, scene.clinic, EVALUATION, body).status_code == 200

    def test_every_decision_is_in_the_log_before_it_is_told(self, scene: Scene) -> None:
        size = log_size(scene)
        told = post(scene, scene.stranger, EVALUATION, asked(scene, scene.stranger)).json()["context"]
        assert told["evaluation"] in [entry["evaluation"] for entry in decisions(scene, size)]


class TestEvaluations:
    def test_all_are_executed_in_order(self, scene: Scene) -> None:
        found = batch(scene, scene.clinic, COVERED, NOT_COVERED, COVERED)
        assert [one["decision"] for one in found] == [True, False, True]

    @pytest.mark.parametrize(
        ("semantic", "decided"),
        [
            ("execute_all", [True, False, True]),
            ("deny_on_first_deny", [True, False]),
            ("permit_on_first_permit", [True]),
        ],
    )
    def test_a_batch_ends_where_its_semantic_says(
        self, scene: Scene, semantic: str, decided: list[bool]
    ) -> None:
        size = log_size(scene)
        found = batch(scene, scene.clinic, COVERED, NOT_COVERED, COVERED, semantic=semantic)
        assert [one["decision"] for one in found] == decided
        logged = {entry["evaluation"] for entry in decisions(scene, size)}
        assert {one["context"]["evaluation"] for one in found} <= logged

    @pytest.mark.parametrize("semantic", ["some", "", 7, ["execute_all"]])
    def test_an_unknown_semantic_is_400(self, scene: Scene, semantic: object) -> None:
        body = {**asked(scene, scene.clinic), "options": {"evaluations_semantic": semantic}}
        refused = post(scene, scene.clinic, EVALUATIONS, body)
        assert (refused.status_code, refused.json()["reason"]) == (400, "bad_semantic")

    def test_a_key_of_an_item_replaces_the_whole_default(self, scene: Scene) -> None:
        body = asked(scene, scene.clinic, context={"purpose": ["TREAT"], "reason": "kept only by default"})
        answer = post(scene, scene.clinic, EVALUATIONS, {**body, "evaluations": [COVERED, PURPOSELESS]})
        first, second = answer.json()["evaluations"]
        assert first["decision"] is True
        assert second["context"]["error"]["reason"] == "purpose_required"

    def test_items_may_bring_everything_themselves(self, scene: Scene) -> None:
        answer = post(scene, scene.clinic, EVALUATIONS, {"evaluations": [asked(scene, scene.clinic)]})
        assert [one["decision"] for one in answer.json()["evaluations"]] == [True]

    @pytest.mark.parametrize("more", [{}, {"evaluations": []}, {"evaluations": None}])
    def test_without_evaluations_it_is_the_single_call(self, scene: Scene, more: dict[str, Any]) -> None:
        answer = post(scene, scene.clinic, EVALUATIONS, {**asked(scene, scene.clinic), **more})
        assert answer.json()["decision"] is True
        assert "evaluations" not in answer.json()
        assert post(scene, scene.clinic, EVALUATIONS, more).status_code == 400

    @pytest.mark.parametrize(
        ("item", "status", "reason"),
        [
            (PURPOSELESS, 400, "purpose_required"),
            ({"subject": {"type": "participant"}}, 400, "bad_request"),
            ({"subject": None}, 400, "bad_request"),
            ({"resource": {"type": "house", "id": "1"}}, 400, "bad_resource_type"),
            ({"resource": {"type": "record", "id": ABSENT}}, 400, "no_patient_named"),
            ({"action": {"name": "burn"}}, 400, "unknown_action"),
            ({"subject": {"type": "participant", "id": "did:pkh:eip155:1:0x"}}, 403, "other_subject"),
        ],
    )
    def test_an_error_of_an_item_is_its_answer(
        self, scene: Scene, item: dict[str, Any], status: int, reason: str
    ) -> None:
        found = batch(scene, scene.clinic, COVERED, item, COVERED)
        assert [one["decision"] for one in found] == [True, False, True]
        error = found[1]["context"]["error"]
        assert (error["status"], error["reason"]) == (status, reason)
        assert isinstance(error["message"], str)
        assert [
            one["decision"]
            for one in batch(scene, scene.clinic, item, COVERED, semantic="deny_on_first_deny")
        ] == [False]

    def test_a_batch_is_bounded(self, scene: Scene) -> None:
        body = {**asked(scene, scene.stranger), "evaluations": [{}] * 1001}
        assert post(scene, scene.stranger, EVALUATIONS, body).status_code == 400

    def test_a_batch_is_in_the_log_in_one_piece(self, scene: Scene) -> None:
        found = batch(scene, scene.stranger, *[COVERED] * 5)
        places = [one["context"]["log"]["index"] for one in found]
        assert places == list(range(places[0], places[0] + 5))


class TestSearches:
    def test_the_caller_finds_itself_if_it_may(self, scene: Scene) -> None:
        found = search(scene, scene.clinic, "subject")
        assert found == [{"type": "participant", "id": scene.clinic.did}]
        assert search(scene, scene.stranger, "subject") == []

    def test_the_caller_finds_the_patients_it_may_ask_about(self, scene: Scene) -> None:
        wanted = {"resource": {"type": "patient"}}
        assert search(scene, scene.clinic, "resource", **wanted) == [
            {"type": "patient", "id": scene.alice.did}
        ]
        assert search(scene, scene.stranger, "resource", **wanted) == []

    @pytest.mark.parametrize("named", [True, False])
    def test_the_caller_finds_the_records_it_may_read(self, scene: Scene, named: bool) -> None:
        properties = {"patient": scene.alice.did} if named else {}
        wanted = {"resource": {"type": "record", "properties": properties}}
        found = search(scene, scene.clinic, "resource", **wanted)
        assert found == [{"type": "record", "id": root} for root in sorted(scene.roots)]
        assert search(scene, scene.stranger, "resource", **wanted) == []

    def test_the_caller_finds_what_it_may_do(self, scene: Scene) -> None:
        found = search(scene, scene.clinic, "action")
        assert {"name": "access"} in found
        assert found == sorted(found, key=lambda one: str(one["name"]))
        assert search(scene, scene.stranger, "action") == []

    def test_every_decision_of_a_search_is_in_the_log(self, scene: Scene) -> None:
        size = log_size(scene)
        search(scene, scene.clinic, "action")
        logged = [entry["action"] for entry in decisions(scene, size) if entry["subject"] == scene.clinic.did]
        assert logged == ["access", "collect", "correct", "disclose", "use"]

    @pytest.mark.parametrize(
        "name", ["", "not a did", "did:pkh:eip155:1:0x9858EfFD232B4033E47d90003D41EC34EcaEda94"]
    )
    def test_the_id_of_what_is_searched_is_ignored(self, scene: Scene, name: str) -> None:
        assert search(scene, scene.clinic, "subject", subject={"type": "participant", "id": name})
        assert search(scene, scene.clinic, "resource", resource={"type": "patient", "id": name})
        assert search(scene, scene.clinic, "action", action={"name": name})

    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            ("subject", {"subject": {"type": "house"}}),
            ("subject", {"resource": {"type": "patient", "id": "nobody"}}),
            ("subject", {"resource": {"type": "house", "id": "1"}}),
            ("subject", {"resource": {"type": "record", "id": ABSENT}}),
            ("subject", {"action": {"name": "burn"}}),
            ("resource", {"resource": {"type": "house"}}),
            ("resource", {"resource": {"type": "record", "properties": {"patient": "nobody"}}}),
            ("resource", {"resource": {"type": "patient", "properties": {"class": ["labs"]}}}),
            ("resource", {"subject": {"type": "house", "id": "1"}}),
            ("resource", {"subject": {"type": "participant", "id": "nobody"}}),
            ("resource", {"action": {"name": "burn"}}),
            ("action", {"subject": {"type": "participant", "id": "nobody"}}),
            ("action", {"resource": {"type": "patient", "id": "nobody"}}),
            ("action", {"resource": {"type": "record", "id": "x"}}),
        ],
    )
    def test_unknown_ids_and_types_give_nothing(
        self, scene: Scene, kind: str, change: dict[str, Any]
    ) -> None:
        assert search(scene, scene.clinic, kind, **change) == []

    def test_a_search_for_another_subject_finds_nothing_and_logs_nothing(self, scene: Scene) -> None:
        size = log_size(scene)
        other = {"subject": {"type": "participant", "id": scene.clinic.did}}
        assert search(scene, scene.stranger, "action", **other) == []
        assert search(scene, scene.stranger, "resource", resource={"type": "patient"}, **other) == []
        assert decisions(scene, size) == []

    @pytest.mark.parametrize("path", SEARCHES)
    def test_a_purpose_is_needed(self, scene: Scene, path: str) -> None:
        refused = post(scene, scene.clinic, path, asked(scene, scene.clinic, context={}))
        assert (refused.status_code, refused.json()["reason"]) == (400, "purpose_required")

    def test_a_made_up_token_is_refused(self, scene: Scene) -> None:
        body = asked(scene, scene.clinic, resource={"type": "patient"}, page={"token": "c29tZXRoaW5n"})
        refused = post(scene, scene.clinic, SEARCHES[1], body)
        assert (refused.status_code, refused.json()["reason"]) == (400, "bad_cursor")


class TestErrors:
    @pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, *SEARCHES])
    @pytest.mark.parametrize(
        ("content", "media"),
        [
            (b"", "application/json"),
            (b"{", "application/json"),
            (b"[]", "application/json"),
            (b"null", "application/json"),
            (b'{"subject": 7}', "application/json"),
            (b"\xff", "application/json"),
            (b"{}", "text/plain"),
            (b"a=b", "application/x-www-form-urlencoded"),
        ],
    )
    def test_a_body_that_is_none_is_400_with_a_message(
        self, scene: Scene, path: str, content: bytes, media: str
    ) -> None:
        with scene.signed_in(scene.clinic) as client:
            refused = client.post(path, content=content, headers={"Content-Type": media})
        assert refused.status_code == 400
        assert refused.json()["detail"]

    @pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, *SEARCHES])
    def test_a_good_body_of_another_type_is_400(self, scene: Scene, path: str) -> None:
        with scene.signed_in(scene.clinic) as client:
            client.headers["Content-Type"] = "text/plain"
            body = httpx2.Request("POST", "http://x", json=asked(scene, scene.clinic)).content
            assert client.post(path, content=body).status_code == 400

    @pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, *SEARCHES])
    def test_without_a_sign_in_it_is_401(self, scene: Scene, path: str) -> None:
        with scene.http(None) as client:
            refused = client.post(path, json=asked(scene, scene.clinic))
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")

    def test_another_subject_is_403(self, scene: Scene) -> None:
        refused = post(scene, scene.stranger, EVALUATION, asked(scene, scene.clinic))
        assert (refused.status_code, refused.json()["reason"]) == (403, "other_subject")

    @pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, *SEARCHES])
    def test_the_request_id_is_echoed(self, scene: Scene, path: str) -> None:
        for body in (asked(scene, scene.clinic), {}):
            answer = post(scene, scene.clinic, path, body, **{"X-Request-ID": "bfe9eb29-ab87"})
            assert answer.headers["X-Request-ID"] == "bfe9eb29-ab87"


class TestConfiguration:
    def test_it_names_the_configured_url_and_what_is_served(self, scene: Scene) -> None:
        url = scene.network.stack.url
        with scene.http(None) as client:
            shown = client.get("/.well-known/authzen-configuration", headers={"Host": "evil.example"}).json()
            assert shown.pop("policy_decision_point") == url
            assert sorted(shown.values()) == sorted(
                f"{url}{path}" for path in (EVALUATION, EVALUATIONS, *SEARCHES)
            )
            for endpoint in shown.values():
                assert client.post(endpoint, json={}).status_code == 401
