"""Editing a policy in admin: its draft in sentences, checked while it is edited, tried, and played over past calls."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from accounts.errors import Conflict
from accounts.models import User
from accounts.throttle import Limit, address_of, note, seconds_left
from coaching.backtest import backtest_cancel, backtest_resume, backtest_start
from coaching.backtest_report import LAST_CHOICES, backtest_examples, backtest_report, rule_label
from coaching.builder import RuleBuilder, calls_to_try, document_sent, document_told
from coaching.models import Backtest, Policy
from coaching.trying import draft_try
from tenants.scope import current_schema

TRIES = Limit("policy-try", times=120, seconds=60)
RUNS_SHOWN = 12


class EditingAdmin:
    """Goes before the policies' own admin class: the pages and answers that the rule builder needs."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **more: Any) -> Any:
        """The form, whose builder knows which policy it edits and for whom."""
        made = super().get_form(request, obj, change=change, **more)  # type: ignore[misc]
        builder = RuleBuilder()
        builder.policy_id, builder.user = (obj.pk if obj is not None else None), _user(request)
        made.base_fields["draft"].widget = builder
        return made

    def get_urls(self) -> list[Any]:
        """Beside the usual ones: a draft checked and tried, and the pages of one policy."""
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        own = [
            path("draft/check/", view(self.check_view), name="coaching_policy_draft_check"),
            path("draft/try/", view(self.try_view), name="coaching_policy_draft_try"),
            path("<uuid:policy_id>/try/", view(self.try_page), name="coaching_policy_try"),
            path("<uuid:policy_id>/backtest/", view(self.backtest_page), name="coaching_policy_backtest"),
            path(
                "<uuid:policy_id>/backtest/<uuid:run_id>/rule/<str:rule_key>/",
                view(self.examples_page),
                name="coaching_policy_backtest_rule",
            ),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    @action(description=gettext_lazy("Try it"), url_path="open-try", icon="play_circle", permissions=["view"])
    def open_try(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:coaching_policy_try", args=[object_id]))

    @action(
        description=gettext_lazy("On past calls"),
        url_path="open-backtest",
        icon="history_edu",
        permissions=["view"],
    )
    def open_backtest(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:coaching_policy_backtest", args=[object_id]))

    # --- The draft while it is edited ---

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with the draft that is sent, and what it does in words. Nothing is stored."""
        if (refused := self._refused(request)) is not None:
            return refused
        try:
            sent = document_sent(request.body)
            policy = self._policy(sent.get("policy"))
            told = document_told(sent.get("document"), policy, sent.get("channels"))
        except ValidationError as error:
            return JsonResponse({"error": {"message": " ".join(error.messages)}}, status=400)
        return JsonResponse(told, headers={"Cache-Control": "no-store"})

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """A dialogue or a past call played through the draft that is sent. Neither stored nor logged."""
        if (refused := self._refused(request)) is not None:
            return refused
        data = request.POST
        try:
            trial = draft_try(
                document=document_sent(data.get("document", "")),
                user=_user(request),
                policy=self._policy(data.get("policy")),
                dialogue=data.get("dialogue", ""),
                conversation_id=data.get("conversation") or None,
            )
        except ValidationError as error:
            context = {"error": " ".join(error.messages)}
            return TemplateResponse(request, "admin/coaching/try_steps.html", context, status=400)
        return TemplateResponse(
            request, "admin/coaching/try_steps.html", {"trial": trial}, headers={"Cache-Control": "no-store"}
        )

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        """Why an answer is not given: not allowed, by another method, or too often."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if request.method != "POST":
            return JsonResponse({"error": {"message": _("This address takes POST.")}}, status=405)
        who, where = str(request.user.pk), current_schema()
        if seconds_left(TRIES, address=who, place=where):
            return JsonResponse({"error": {"message": _("Too many tries. Wait a minute.")}}, status=429)
        note(TRIES, address=who, place=where)
        return None

    # --- Pages of one policy ---

    def try_page(self, request: HttpRequest, policy_id: UUID) -> HttpResponse:
        """The saved draft tried, without a script, and from links of backtests (`?conversation=`)."""
        policy = self._allowed(request, policy_id)
        given = request.POST if request.method == "POST" else request.GET
        dialogue, conversation = given.get("dialogue", ""), given.get("conversation", "")
        trial, error = None, ""
        if dialogue.strip() or conversation:
            try:
                trial = draft_try(
                    document=policy.draft,
                    user=_user(request),
                    policy=policy,
                    dialogue=dialogue,
                    conversation_id=conversation or None,
                )
            except ValidationError as wrong:
                error = " ".join(wrong.messages)
        context = {
            "policy": policy,
            "trial": trial,
            "error": error,
            "dialogue": dialogue,
            "conversation": conversation,
            "calls": calls_to_try(_user(request)),
        }
        return self._page(
            request, "try_page", _("Try it: %(policy)s") % {"policy": policy}, context, bool(error)
        )

    def backtest_page(self, request: HttpRequest, policy_id: UUID) -> HttpResponse:
        """What the draft would have done: start, progress, figures. `?run=` shows an earlier one."""
        policy = self._allowed(request, policy_id)
        if request.method == "POST":
            return self._backtest_do(request, policy)
        runs = list(policy.backtests.select_related("started_by", "against").defer("document")[:RUNS_SHOWN])
        wanted = request.GET.get("run", "")
        run = next((one for one in runs if str(one.pk) == wanted), runs[0] if runs else None)
        context = {
            "policy": policy,
            "runs": runs,
            "run": run,
            "percent": round(100 * run.done / run.total) if run and run.total else 0,
            "report": backtest_report(run) if run and run.calls else None,
            "choices": LAST_CHOICES,
            "elsewhere": None if run and run.is_open else _open_elsewhere(),
        }
        if request.headers.get("X-Part"):
            return TemplateResponse(request, "admin/coaching/backtest_run.html", context)
        return self._page(request, "backtest", _("On past calls: %(policy)s") % {"policy": policy}, context)

    def _backtest_do(self, request: HttpRequest, policy: Policy) -> HttpResponse:
        """Start, cancel or resume, and lead back to the page."""
        self._may_change(request)
        data, actor, address = request.POST, _user(request), address_of(request) or None
        do = data.get("do", "start")
        try:
            if do == "start":
                last = data.get("last", "")
                count = int(last) if last.isdecimal() and len(last) < 7 else 0
                backtest_start(policy=policy, last=count, actor=actor, address=address)
            else:
                run = _run(policy, data.get("run", ""))
                change = {"cancel": backtest_cancel, "resume": backtest_resume}.get(do)
                if change is None:
                    raise Http404("no such thing to do")
                change(run_id=run.pk, actor=actor, address=address)
        except ValidationError as error:
            for words in error.messages:
                messages.error(request, words)
        except Conflict as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:coaching_policy_backtest", args=[policy.pk]))

    def examples_page(
        self, request: HttpRequest, policy_id: UUID, run_id: UUID, rule_key: str
    ) -> HttpResponse:
        """Where one rule would have acted: the words, whether that was right, and what it did before."""
        policy = self._allowed(request, policy_id)
        run = _run(policy, str(run_id))
        here = reverse("admin:coaching_policy_backtest_rule", args=[policy.pk, run.pk, rule_key])
        if request.method == "POST":
            self._may_change(request)
            rule_label(
                run=run,
                rule_key=rule_key,
                hit_id=request.POST.get("hit", ""),
                right={"right": True, "wrong": False}.get(request.POST.get("label", "")),
                actor=_user(request),
            )
            return HttpResponseRedirect(f"{here}?{request.GET.urlencode()}#hit-{request.POST.get('hit', '')}")
        only = request.GET.get("only", "")
        context = {
            "policy": policy,
            "run": run,
            "only": only,
            **backtest_examples(run, rule_key, _user(request), only),
        }
        return self._page(request, "backtest_examples", context["name"], context)

    # --- What they share ---

    def _page(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any], wrong: bool = False
    ) -> TemplateResponse:
        whole = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "title": title,
            **context,
        }
        return TemplateResponse(request, f"admin/coaching/{name}.html", whole, status=400 if wrong else 200)

    def _allowed(self, request: HttpRequest, policy_id: UUID) -> Policy:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        policy = Policy.objects.filter(pk=policy_id).first()
        if policy is None:
            raise Http404("no such policy")
        return policy

    def _may_change(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied

    def _policy(self, policy_id: Any) -> Policy | None:
        try:
            return Policy.objects.filter(pk=UUID(str(policy_id))).first() if policy_id else None
        except ValueError:
            return None


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _run(policy: Policy, run_id: str) -> Backtest:
    try:
        run = policy.backtests.filter(pk=UUID(run_id)).first()
    except ValueError:
        run = None
    if run is None:
        raise Http404("no such backtest")
    return run


def _open_elsewhere() -> Backtest | None:
    return Backtest.objects.filter(is_open=True).select_related("policy").defer("document").first()
