"""All settings, in one file. Each value that an operator may change is read by a typed helper and runs as it is."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from cresta_app import env
from cresta_app.file_storage import file_storage
from cresta_app.unfold import UNFOLD as UNFOLD
from tenants.queues import BACKGROUND, DEFAULT

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(BASE_DIR / ".env")
from cresta_app.stack import programs  # noqa: E402  reads the environment, too

DATA_DIR = env.folder("DATA_DIR", BASE_DIR / ".data", shown=".data")

# The embedded PostgreSQL and Redis write down where they listen; an explicit URL wins.
_services_file = DATA_DIR / "services.json"
_services: dict[str, str] = json.loads(_services_file.read_text()) if _services_file.is_file() else {}

DEBUG = env.flag("DEBUG", False)
# Commands that need no secret (check, help) run before there is a data folder; nothing is served with this one.
NO_SECRET_KEY = "not-for-serving-" + "0" * 50
SECRET_KEY = env.text("SECRET_KEY") or _services.get("secret_key", "") or NO_SECRET_KEY
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", (".localhost", "localhost", "127.0.0.1", "testserver"))
PLATFORM_DOMAIN = env.text("PLATFORM_DOMAIN", "localhost")
HTTPS_ONLY = env.flag("HTTPS_ONLY", False)

# --- Apps -----------------------------------------------------------------------------------------------

SHARED_APPS = [
    "daphne",
    "tenants",  # before django_tenants: its create_tenant command is ours
    "django_tenants",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "cresta_app.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "accounts",
    "channels",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "cresta_app",
]
TENANT_APPS = [
    "unfold.apps.BasicAppConfig",
    "cresta_app.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "accounts",
    "providers",
    "conversations",
    "knowledge",
    "moments",
    "qa",
    "coaching",
    "integrations",
    "analytics",
    "desk",
    "demo",
]
INSTALLED_APPS = SHARED_APPS + [app for app in TENANT_APPS if app not in SHARED_APPS]

# --- Tenancy --------------------------------------------------------------------------------------------

TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
TENANT_LIMIT_SET_CALLS = True
TENANT_BASE_SCHEMA = "template"
TENANT_CREATION_FAKES_MIGRATIONS = True
PUBLIC_SCHEMA_URLCONF = "cresta_app.urls_platform"
ROOT_URLCONF = "cresta_app.urls"
SHOW_PUBLIC_IF_NO_TENANT_FOUND = False

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Before the company is looked up: pages that refuse a host need their style sheets, too.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.TenantMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.navigation",
            ]
        },
    }
]

ASGI_APPLICATION = "cresta_app.asgi.application"

# --- Database -------------------------------------------------------------------------------------------


def database(url: str) -> dict[str, object]:
    """Translate `postgresql://user:password@host:port/name?host=/socket/folder` for Django."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise env.EnvError("DATABASE_URL must begin with postgresql://")
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", "") or parts.hostname or "")
    return {
        "ENGINE": "django_tenants.postgresql_backend",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


DATABASE_URL = env.text("DATABASE_URL") or _services.get(
    "database_url", "postgresql://cresta@localhost/cresta"
)
DATABASES = {"default": database(DATABASE_URL)}
# The web process serves each request in a thread of its own; a pool keeps connections between them.
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 0, minimum=0)
if DATABASE_POOL_SIZE:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"]["pool"] = {  # type: ignore[index]
        "min_size": min(2, DATABASE_POOL_SIZE),
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 10,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

# --- Redis: streams, layer, broker and cache can be scaled apart ----------------------------------------

REDIS_URL = env.text("REDIS_URL") or _services.get("redis_url", "redis://localhost:6379")


def redis_database(number: int) -> str:
    parts = urlsplit(REDIS_URL)
    return urlunsplit(parts._replace(path=f"/{number}"))


REDIS_STREAMS_URL = env.text("REDIS_STREAMS_URL") or redis_database(0)
REDIS_LAYER_URL = env.text("REDIS_LAYER_URL") or redis_database(1)
REDIS_BROKER_URL = env.text("REDIS_BROKER_URL") or redis_database(2)
REDIS_CACHE_URL = env.text("REDIS_CACHE_URL") or redis_database(3)

CHANNEL_PREFIX = "cresta"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_LAYER_URL], "prefix": CHANNEL_PREFIX},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_FUNCTION": "tenants.names.cache_key",
        "REVERSE_KEY_FUNCTION": "tenants.names.cache_key_reverse",
    }
}

# --- Celery ---------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = DEFAULT
CELERY_TASK_ROUTES = {
    name: {"queue": BACKGROUND} for name in ("qa.tasks.rescore_run_step", "conversations.tasks.jobs_run")
}
# In how many lanes long work is split (see `tenants.queues`).
BACKGROUND_WORKERS = programs.BACKGROUND_WORKERS
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

# --- People ---------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# E-mail addresses are unique without regard to case, by a constraint that this check cannot see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY else None
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "SAMEORIGIN"
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_SECURITY = env.choice("EMAIL_SECURITY", "none", ("none", "starttls", "tls"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "cresta@localhost")
# Who is told when a conversation cannot be checked for what must be hidden; nobody: alerts and webhooks alone.
ON_CALL_EMAIL = env.names("ON_CALL_EMAIL")

# --- Words, times, files --------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["cresta_app.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
_packages = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/tabler", _packages / "@tabler/core/dist"),
    ("vendor/tabler-icons", _packages / "@tabler/icons-webfont/dist"),
    ("vendor/htmx", _packages / "htmx.org/dist"),
    ("vendor/echarts", _packages / "echarts/dist"),
]
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = DATA_DIR / "files"
STORAGES = {
    "default": file_storage(MEDIA_ROOT),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["cresta_app.sealed_bodies.SealedUploads"]
# What a request may have that is no upload of calls.
WEB_MAX_BODY_BYTES = env.integer("WEB_MAX_BODY_BYTES", 32 * 1024 * 1024, minimum=1)

# --- Uploaded calls -------------------------------------------------------------------------------------

UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", 256 * 1024 * 1024, minimum=1)
UPLOAD_MAX_REQUEST_BYTES = env.integer("UPLOAD_MAX_REQUEST_BYTES", 1024 * 1024 * 1024, minimum=1)
UPLOAD_MAX_FILES = env.integer("UPLOAD_MAX_FILES", 500, minimum=1)
UPLOAD_MAX_SECONDS = env.integer("UPLOAD_MAX_SECONDS", 4 * 3600, minimum=1)
# What one company may upload in a day (UTC), unpacked.
UPLOAD_DAILY_BYTES = env.integer("UPLOAD_DAILY_BYTES", 20 * 1024 * 1024 * 1024, minimum=1)
UPLOADS_PER_HOUR = env.integer("UPLOADS_PER_HOUR", 120, minimum=1)
# What hears uploaded calls, and what they pass: functions without arguments.
UPLOAD_EARS = "cresta_app.live.ears"
UPLOAD_STAGES = "cresta_app.live.stages"
# How many uploaded calls one process hears at once.
UPLOAD_CALLS_AT_ONCE = env.integer("UPLOAD_CALLS_AT_ONCE", 2, minimum=1)
# How long a file whose call could not be heard waits for somebody to try again.
UPLOAD_KEPT_DAYS = env.integer("UPLOAD_KEPT_DAYS", 7, minimum=0)

# --- Language models ------------------------------------------------------------------------------------

# How many days the row of a model's call is kept; what a month took, all told, stays.
MODEL_CALL_DAYS = env.integer("MODEL_CALL_DAYS", 180, minimum=1)

# --- Documents of the knowledge -------------------------------------------------------------------------

KNOWLEDGE_MAX_BYTES = env.integer("KNOWLEDGE_MAX_BYTES", 50 * 1024 * 1024, minimum=1)
KNOWLEDGE_MAX_REQUEST_BYTES = env.integer("KNOWLEDGE_MAX_REQUEST_BYTES", 256 * 1024 * 1024, minimum=1)
KNOWLEDGE_MAX_FILES = env.integer("KNOWLEDGE_MAX_FILES", 2000, minimum=1)
# What a company may keep: documents that are not withdrawn, and all texts with their versions.
KNOWLEDGE_QUOTA_DOCUMENTS = env.integer("KNOWLEDGE_QUOTA_DOCUMENTS", 50_000, minimum=1)
KNOWLEDGE_QUOTA_BYTES = env.integer("KNOWLEDGE_QUOTA_BYTES", 2 * 1024 * 1024 * 1024, minimum=1)

# --- The live way ---------------------------------------------------------------------------------------

KEY_FILE = env.folder("KEY_FILE", DATA_DIR / "platform.key", shown=".data/platform.key")
SPEECH_PROVIDER = env.text("SPEECH_PROVIDER", "pocketsphinx")
SPEECH_OPTIONS = json.loads(env.text("SPEECH_OPTIONS", "{}"))
SPEECH_PROCESSES = env.integer("SPEECH_PROCESSES", 2, minimum=1)
# Whisper models that companies may choose, by the path of a folder or a name; each takes memory in every worker.
SPEECH_WHISPER_MODELS = env.names("SPEECH_WHISPER_MODELS")
SPEECH_WHISPER_THREADS = env.integer("SPEECH_WHISPER_THREADS", 2, minimum=1)
# Whether a company's admins may name servers in private networks, such as a self-hosted recogniser.
PROVIDER_ALLOW_PRIVATE_URLS = env.flag("PROVIDER_ALLOW_PRIVATE_URLS", False)
LIVE_CALLS_PER_WORKER = env.integer("LIVE_CALLS_PER_WORKER", 16, minimum=1)
# Chats need no recogniser, and so no room among the calls.
LIVE_CHATS_PER_WORKER = env.integer("LIVE_CHATS_PER_WORKER", 500, minimum=1)
# A chat in which nobody has written for so long ends by itself.
CHAT_IDLE_MINUTES = env.integer("CHAT_IDLE_MINUTES", 240, minimum=1)
# A worker that has not been heard of for this long has lost its calls to another.
LIVE_CLAIM_IDLE_MS = env.integer("LIVE_CLAIM_IDLE_MS", 5_000, minimum=200)
# How long a call waits for its recognisers when all of them are away, before it ends as incomplete.
LIVE_SPEECH_PATIENCE_SECONDS = env.decimal("LIVE_SPEECH_PATIENCE_SECONDS", 3600.0)
# A call whose transcript is this far behind what is being said gets a second recogniser for that; 0: never.
LIVE_SECOND_LANE_SECONDS = env.decimal("LIVE_SECOND_LANE_SECONDS", 15.0)
# How much Redis may hold before the audio of calls goes, sealed as it is, to the file storage; 0: no limit of ours.
AUDIO_BUFFER_MEMORY_BYTES = env.integer("AUDIO_BUFFER_MEMORY_BYTES", 1024**3)
# How long a call whose line broke waits for its client to come back before it ends as incomplete.
INGEST_RESUME_SECONDS = env.decimal("INGEST_RESUME_SECONDS", 30.0)
# How long an open line may send nothing at all.
INGEST_IDLE_SECONDS = env.decimal("INGEST_IDLE_SECONDS", 20.0)
INGEST_MAX_MESSAGE_BYTES = env.integer("INGEST_MAX_MESSAGE_BYTES", 256 * 1024)
INGEST_MAX_CALL_SECONDS = env.integer("INGEST_MAX_CALL_SECONDS", 4 * 3600)
# Seconds of audio that may be missing in one place, and that a vendor's line may run ahead of the clock.
INGEST_MAX_GAP_SECONDS = env.decimal("INGEST_MAX_GAP_SECONDS", 600.0)
INGEST_AHEAD_SECONDS = env.decimal("INGEST_AHEAD_SECONDS", 10.0)
# Calls that one reader of Kinesis Video Streams follows at once, each with a thread or two; and how long a call's
# stream may bring nothing before the call ends.
KVS_CALLS_PER_READER = env.integer("KVS_CALLS_PER_READER", 32, minimum=1)
KVS_QUIET_SECONDS = env.decimal("KVS_QUIET_SECONDS", 60.0)
INGEST_URL = env.text("INGEST_URL", "ws://127.0.0.1:8001")
RECORDING_CODEC = env.choice("RECORDING_CODEC", "flac", ("flac", "opus"))
SUMMARY_CONFIRM_SECONDS = env.integer("SUMMARY_CONFIRM_SECONDS", 600, minimum=1)

# --- Out of the house -----------------------------------------------------------------------------------

# Scheme and port under which other systems reach our pages and API; the host is each company's own.
WEB_URL = env.text("WEB_URL", "http://127.0.0.1:8000")
# Hosts and networks that requests to addresses of companies' choice may go to although they are not public.
EGRESS_ALLOW = env.names("EGRESS_ALLOW")
# Whether such addresses may begin with http://.
EGRESS_ALLOW_HTTP = env.flag("EGRESS_ALLOW_HTTP", False)

# --- API ------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.Allowed"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.TimeCursor",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsers.PlainJSONParser"],
    "EXCEPTION_HANDLER": "accounts.api.errors.handle",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cresta App API",
    "DESCRIPTION": "Conversations, what was understood in them, and how they were judged. One company per host.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "SpeakerEnum": "conversations.models.Speaker",
        "SummaryOriginEnum": "conversations.models.Summary.Origin",
        "SummaryWayEnum": "conversations.models.SummaryLine.Way",
        "RedactionActionEnum": ["mask", "last_four", "hash", "keep"],
        "CallPhaseEnum": "conversations.models.CallPhase.Phase",
        "ConversationStateEnum": "conversations.models.Conversation.State",
        "RedactionCheckStateEnum": "conversations.models.RedactionCheck.State",
        "RetentionKindEnum": "conversations.models.RetentionRule.Kind",
        "CriterionKindEnum": "qa.models.Criterion.Kind",
        "EvaluationKindEnum": "qa.models.Evaluation.Kind",
        "EvaluationStateEnum": "qa.models.Evaluation.State",
        "CalibrationStateEnum": "qa.models.CalibrationSession.State",
        "CalibrationReferenceHowEnum": "qa.models.CalibrationReference.How",
        "CriterionDecisionEnum": "qa.models.CriterionDecision.Decision",
        "PeriodEnum": ["day", "week", "month"],
        "MomentKindEnum": "moments.models.MomentDefinition.Kind",
        "MomentSpeakerEnum": "moments.models.MomentDefinition.Who",
        "ListedNameKindEnum": "moments.models.ListedName.Kind",
        "ClassifierStateEnum": "moments.models.Classifier.State",
        "ClipStateEnum": "coaching.models.Clip.State",
        "ClipShareKindEnum": "coaching.models.ClipShare.Kind",
        "BacktestStateEnum": "coaching.models.Backtest.State",
        "ExperimentOutcomeEnum": "coaching.models.Experiment.Outcome",
        "ExperimentStateEnum": "coaching.models.Experiment.State",
        "CoachingPlanStateEnum": "coaching.models.CoachingPlan.State",
        "CoachingSessionStateEnum": "coaching.models.CoachingSession.State",
        "AgendaItemKindEnum": "coaching.models.AgendaItem.Kind",
        "AgendaItemWhyEnum": "coaching.models.AgendaItem.Why",
        "NextStepWhoEnum": "coaching.models.NextStep.Who",
        "SkillVerdictEnum": ["better", "worse", "same", "few"],
        "PolicyStateEnum": "coaching.models.Policy.State",
        "WebhookDeliveryStateEnum": "integrations.webhooks.models.WebhookDelivery.State",
        "ChannelEnum": "conversations.models.Conversation.Channel",
        "DocumentOutcomeEnum": "integrations.documents.models.Outcome",
        "DocumentFileStateEnum": "integrations.documents.models.DocumentFile.State",
        "DocumentVersionStateEnum": "knowledge.models.DocumentVersion.State",
        "SearchTestRunStateEnum": "knowledge.models.SearchTestRun.State",
        "SearchTestChangeEnum": "knowledge.models.SearchTestResult.Change",
        "PassageUseKindEnum": "knowledge.models.PassageUse.Kind",
        "UploadSourceEnum": "integrations.uploads.models.Upload.Source",
        "PreparedAnswerStateEnum": "knowledge.models.PreparedAnswer.State",
        "KnowledgeFindingKindEnum": "knowledge.models.Finding.Kind",
        "KnowledgeFindingStateEnum": "knowledge.models.Finding.State",
        "KnowledgeGapStateEnum": "knowledge.models.Gap.State",
        "KnowledgeSourceStateEnum": "integrations.documents.models.KnowledgeSource.State",
        "KnowledgeSourceKindEnum": "integrations.documents.models.KnowledgeSource.Kind",
    },
    "REDOC_DIST": "SIDECAR",
}

# --- Logs: events and ids, never what customers say -----------------------------------------------------

LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING_CONFIG = "cresta_app.logs.configure"
LOGGING = {"level": LOG_LEVEL}
DEFAULT_EXCEPTION_REPORTER = "cresta_app.error_reports.WithoutRows"
DEFAULT_EXCEPTION_REPORTER_FILTER = "cresta_app.error_reports.NoValues"
