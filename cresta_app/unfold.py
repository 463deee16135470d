"""How the admin looks and what its side bar holds: groups as a person thinks, not as the code is cut."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

# (group, [(app.model, icon)]); icons are Material Symbols, which come with the admin. A model that a room registers
# without being named here shows at the end of the group of its room.
GROUPS: list[tuple[Any, list[tuple[str, str]]]] = [
    (
        _("People"),
        [
            ("accounts.user", "person"),
            ("accounts.team", "groups"),
            ("accounts.queue", "call_split"),
            ("conversations.customer", "contacts"),
        ],
    ),
    (
        _("Guidance"),
        [
            ("coaching.policy", "rule"),
            ("coaching.experiment", "science"),
            ("moments.momentdefinition", "target"),
            ("moments.listedname", "sell"),
            ("moments.classifier", "category"),
            ("moments.trainingset", "dataset"),
            ("coaching.nextstepversion", "route"),
            ("coaching.guidance", "tips_and_updates"),
            ("coaching.guidancesettings", "tune"),
            ("coaching.guidancemute", "notifications_off"),
            ("coaching.alert", "notification_important"),
            ("coaching.teamalerts", "campaign"),
            ("moments.momentoccurrence", "graphic_eq"),
        ],
    ),
    (
        _("Quality"),
        [
            ("qa.scorecardtemplate", "checklist"),
            ("qa.evaluation", "grading"),
            ("qa.samplingplan", "shuffle"),
            ("qa.rescore", "history"),
            ("qa.calibrationsession", "groups"),
            ("qa.criteriondecision", "gavel"),
            ("qa.qualitysettings", "tune"),
            ("conversations.disposition", "label"),
        ],
    ),
    (
        _("Knowledge"),
        [
            ("knowledge.collection", "folder_open"),
            ("knowledge.document", "description"),
            ("knowledge.preparedanswer", "quick_reference_all"),
            ("knowledge.synonyms", "join"),
            ("knowledge.searchtest", "fact_check"),
            ("knowledge.finding", "difference"),
            ("knowledge.gap", "help_center"),
            ("integrations.knowledgesource", "travel_explore"),
            ("integrations.documentfile", "upload_file"),
        ],
    ),
    (
        _("Integrations"),
        [
            ("integrations.telephonyconnection", "phone_in_talk"),
            ("integrations.attributemapping", "swap_horiz"),
            ("integrations.uploadedcall", "upload_file"),
            ("integrations.kvsstream", "stream"),
            ("accounts.telephonyidentity", "headset_mic"),
            ("accounts.apikey", "key"),
            ("conversations.voicesettings", "settings_voice"),
            ("desk.panelsettings", "view_sidebar"),
            ("desk.panelsession", "devices"),
            ("conversations.waitingmetadata", "pending"),
            ("conversations.callphase", "timeline"),
            ("integrations.webhookendpoint", "webhook"),
            ("integrations.webhookdelivery", "outgoing_mail"),
            ("providers.provideraccount", "speech_to_text"),
            ("providers.route", "route"),
            ("providers.keyterm", "spellcheck"),
            ("providers.chatserver", "smart_toy"),
            ("providers.languageroute", "alt_route"),
            ("providers.promptrevision", "edit_note"),
            ("providers.evaluationcase", "fact_check"),
            ("providers.promptevaluation", "grade"),
            ("conversations.summarytemplate", "summarize"),
            ("conversations.summarysettings", "edit_note"),
            ("providers.modelbudget", "savings"),
            ("providers.modelcall", "receipt_long"),
            ("providers.searchserver", "manage_search"),
        ],
    ),
    (
        _("Data & privacy"),
        [
            ("conversations.conversation", "forum"),
            ("conversations.redactionpolicy", "ink_eraser"),
            ("conversations.redactioncheck", "rule_settings"),
            ("conversations.redactionrun", "history_toggle_off"),
            ("conversations.pcipause", "credit_card_off"),
            ("conversations.consentrule", "handshake"),
            ("conversations.consentrecord", "how_to_reg"),
            ("conversations.retentionrule", "auto_delete"),
            ("conversations.legalhold", "gavel"),
            ("conversations.retentionrun", "summarize"),
            ("accounts.auditevent", "history"),
        ],
    ),
    (
        _("Platform"),
        [
            ("tenants.tenant", "apartment"),
            ("tenants.domain", "dns"),
            ("conversations.callledger", "fact_check"),
            ("conversations.outboxjob", "outbox"),
        ],
    ),
]
_HOME = {
    "accounts": 0,
    "coaching": 1,
    "moments": 1,
    "qa": 2,
    "knowledge": 3,
    "providers": 4,
    "integrations": 4,
    "conversations": 5,
    "tenants": 6,
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with what is registered and this person may see; the installation's own host shows its part only."""
    from django.contrib import admin

    registered = {model._meta.label_lower: found for model, found in admin.site._registry.items()}
    named = {label for _title, items in GROUPS for label, _icon in items}
    groups = [(title, list(items)) for title, items in GROUPS]
    for label in sorted(set(registered) - named):
        groups[_HOME.get(label.partition(".")[0], len(groups) - 1)][1].append((label, "table_rows"))
    shown = []
    for title, items in groups:
        links = [
            {
                "title": _capital(registered[label].model._meta.verbose_name_plural),
                "icon": icon,
                "link": reverse(f"admin:{label.replace('.', '_')}_changelist"),
            }
            for label, icon in items
            if label in registered and registered[label].has_view_permission(request)
        ]
        if links:
            shown.append({"title": title, "items": links})
    return shown


def _capital(words: Any) -> str:
    text = str(words)
    return text[:1].upper() + text[1:]


def environment_name(request: HttpRequest) -> str:
    """Whose admin this is: the company's name, so that nobody changes the wrong one."""
    tenant = getattr(request, "tenant", None)
    return str(tenant.name) if tenant else ""


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Cresta App",
    "SITE_HEADER": "Cresta App",
    "SITE_SUBHEADER": environment_name,
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("img/favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "4px",
    "STYLES": [lambda request: static("css/tokens.css"), lambda request: static("css/admin.css")],
    "SCRIPTS": [lambda request: static("js/admin_theme.js")],
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": sidebar,
    },
    # The values of static/css/tokens.css, in the steps that the admin's own style sheet asks for.
    "COLORS": {
        "base": {
            "50": "#f2f4f5",
            "100": "#edf0f2",
            "200": "#dfe3e6",
            "300": "#c5cbd0",
            "400": "#97a1a9",
            "500": "#5b656d",
            "600": "#3f4850",
            "700": "#434b53",
            "800": "#2c3238",
            "900": "#181c20",
            "950": "#101316",
        },
        "primary": {
            "50": "#e1eff4",
            "100": "#d4e7ee",
            "200": "#a4cddb",
            "300": "#8acce1",
            "400": "#67b7d1",
            "500": "#67b7d1",
            "600": "#0b6480",
            "700": "#084e64",
            "800": "#173440",
            "900": "#12303b",
            "950": "#06212b",
        },
        "font": {
            "subtle-light": "#5b656d",
            "subtle-dark": "#97a1a9",
            "default-light": "#3f4850",
            "default-dark": "#bcc4ca",
            "important-light": "#171c20",
            "important-dark": "#e9ecee",
        },
    },
}
