"""Settings of the portal. Every value that differs between installations comes from the environment; what
`manage.py up` found or made stands in for what is not set there (portal/runtime.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django_stubs_ext
import environ
from botocore.config import Config as S3Config
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from kombu import Exchange, Queue

from portal import runtime
from portal.logging import configure_logging

# classes such as ModelAdmin take no type parameters by themselves
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]
# set by portal.settings.ai before it takes this module over: an AI worker never reads the backend's credentials
RUNTIME_KIND = os.environ.get("ANBU_RUNTIME_KIND", "backend")
env = environ.Env()
env.ENVIRON = {**runtime.read(RUNTIME_KIND), **os.environ}
# Loadable before any server exists, so that `up`, `check` and `makemigrations` run on a fresh machine.
UNCONFIGURED = "postgres://unconfigured:unconfigured@127.0.0.1:1/unconfigured"

DEBUG = env.bool("ANBU_DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "unconfigured-" + os.urandom(24).hex())
ANBU_KEY_PEPPER = env.str("ANBU_KEY_PEPPER", "")
# secrets, the newest first: the first encrypts entry codes, all of them decrypt
ANBU_ENTRY_CODE_KEYS = env.list("ANBU_ENTRY_CODE_KEYS", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
ALLOWED_HOSTS = env.list("ANBU_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("ANBU_TRUSTED_ORIGINS", default=[])
# On behind TLS, which a server installation has and a laptop's demo has not.
SECURE = env.bool("ANBU_TLS", False)
# Addresses of the proxy in front, whose X-Forwarded-For is believed; unset: nobody's.
TRUSTED_PROXIES = env.list("ANBU_TRUSTED_PROXIES", default=[])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [] if SECURE else ["security.W004", "security.W008", "security.W012", "security.W016"]

INSTALLED_APPS = [
    # daphne takes over `runserver`; elsewhere it would only cost each process Twisted's start
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "portal.apps.PortalConfig",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "csp",
    "timescale",
    "seniors",
    "devices",
    "monitoring",
    "ai",
]
MIDDLEWARE = [
    "portal.request_log.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.language.ProfileLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
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
            ],
        },
    }
]

# -- databases: people and emergencies in one, sensor events in the other; no foreign key across
DB_POOL = env.int("ANBU_DB_POOL", 0)


def database(variable: str, engine: str) -> dict[str, object]:
    options: dict[str, object] = {"connect_timeout": 5}
    if DB_POOL:
        options["pool"] = {"min_size": 1, "max_size": DB_POOL, "timeout": 3}
    return {
        **env.db_url(variable, default=UNCONFIGURED),
        "ENGINE": engine,
        "OPTIONS": options,
        # kept open where one thread lives on (Celery's children); an ASGI thread of each request would leak its own
        "CONN_MAX_AGE": 60 if "ANBU_WORKER" in env.ENVIRON else 0,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {
    "default": database("DATABASE_URL", "django.db.backends.postgresql"),
    "timeseries": database("TIMESERIES_URL", "portal.timescale"),
}
DATABASE_ROUTERS = ["portal.database_router.TimeSeriesRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis or Valkey: broker, channel layer, weight cache, emergencies stream; nothing is trusted to it alone
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:1/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # redis-py 8 would time out a quiet consumer's blocking read; said here too, should the pin ever go
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "capacity": 1000},
    }
}

# -- object storage: weights
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "weights": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env.str("S3_BUCKET", "anbu"),
            "endpoint_url": env.str("S3_ENDPOINT_URL", "") or None,
            "access_key": env.str("S3_ACCESS_KEY", "") or None,
            "secret_key": env.str("S3_SECRET_KEY", "") or None,
            "region_name": env.str("S3_REGION", "us-east-1"),
            "file_overwrite": True,
            "querystring_auth": True,
            # a store that hangs must not outlast a scoring tick
            "client_config": S3Config(
                connect_timeout=3,
                read_timeout=5,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                signature_version="s3v4",
            ),
        },
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = runtime.data_dir() / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# -- people
AUTH_USER_MODEL = "seniors.Staff"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"
# Dotted path of a callable (staff, code) -> bool | None that decides a second factor; None = the account has none.
ANBU_SECOND_FACTOR = env.str("ANBU_SECOND_FACTOR", "")

# -- language and time: Korean first, one time zone for what people read
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("한국어")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["portal.formats"]

# -- mail; without a server it lands as files that `doctor` names
EMAIL_FILE_PATH = str(runtime.data_dir() / "mail")
if env.str("EMAIL_URL", ""):
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("ANBU_MAIL_FROM", "anbu@localhost")
EMAIL_TIMEOUT = 10

# -- channels beyond the browser's page; what is not set up is not offered, and `doctor` says so
ANBU_PUBLIC_URL = env.str("ANBU_PUBLIC_URL", env.str("ANBU_BACKEND_URL", "http://127.0.0.1:8000")).rstrip("/")
ANBU_VAPID_PRIVATE_KEY = env.str("ANBU_VAPID_PRIVATE_KEY", "")
ANBU_VAPID_SUBJECT = env.str("ANBU_VAPID_SUBJECT", f"mailto:{DEFAULT_FROM_EMAIL}")
# hosts to which push messages are sent, those below them too; an origin with its port is meant exactly
ANBU_PUSH_SERVICES = env.list(
    "ANBU_PUSH_SERVICES",
    default=["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"],
)
ANBU_SOLAPI = {
    "url": env.str("ANBU_SOLAPI_URL", "https://api.solapi.com"),
    "api_key": env.str("ANBU_SOLAPI_API_KEY", ""),
    "api_secret": env.str("ANBU_SOLAPI_API_SECRET", ""),
    "sender": env.str("ANBU_SOLAPI_SENDER", ""),
    "channel": env.str("ANBU_SOLAPI_CHANNEL", ""),
    "template": env.str("ANBU_SOLAPI_TEMPLATE", ""),
}
# apprise's names of the hosted messengers that people may enter
ANBU_MESSENGERS = env.list(
    "ANBU_MESSENGERS", default=["tgram", "slack", "discord", "gchat", "line", "pover", "threema"]
)
ANBU_OPERATOR_URLS = env.list("ANBU_OPERATOR_URLS", default=[])
ANBU_HEARTBEAT_URL = env.str("ANBU_HEARTBEAT_URL", "")

# -- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.session_authentication.StaffSessionAuthentication",
        "devices.authentication.HubKeyAuthentication",
        "ai.authentication.ServiceKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["seniors.permissions.IsCareStaff"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.json_parser.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "seniors.pagination.PageNumbers",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.errors.answer_problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "안부 API",
    "DESCRIPTION": "Safety for old people who live alone: hubs, AI workers and staff.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.api.schema.add_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "EmergencyStatus": "monitoring.models.EmergencyLog.Status",
        "ChannelKind": "monitoring.notification.models.ChannelKind",
        "HubStatus": "devices.models.IoTHub.Status",
        "SafetyCheckStatus": "devices.models.SafetyCheck.Status",
        "EmergencyOutcome": "monitoring.models.Outcome",
        "TaskOutcome": "monitoring.notice_models.DueTask.Outcome",
        "TaskKind": "monitoring.notice_models.DueTask.Kind",
        "NoticeKind": "monitoring.notice_models.Notice.Kind",
        "AbsenceKind": "monitoring.absence_models.Absence.Kind",
    },
}
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api/docs/"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# -- Celery: one broker; each kind of worker has its own book of unacknowledged tasks, else the one with the short
# visibility time-out hands out the others' running tasks again
WORKER = env.str("ANBU_WORKER", "portal")
VISIBILITY_S = {"scoring": 30, "training": 6 * 3600, "portal": 3600}.get(WORKER, 3600)
CELERY = {
    "broker_url": REDIS_URL,
    "task_ignore_result": True,
    "task_default_queue": "portal",
    # an exchange each, so that a worker needs no other queue's binding
    "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in ("scoring", "training", "portal")],
    "task_routes": {
        "ai.tasks.score_shard": {"queue": "scoring"},
        "ai.tasks.plan_training": {"queue": "training"},
        "ai.tasks.train_seniors": {"queue": "training"},
    },
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_time_limit": 20 if WORKER == "scoring" else 3600,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "visibility_timeout": VISIBILITY_S,
        "unacked_key": f"unacked.{WORKER}",
        "unacked_index_key": f"unacked.{WORKER}.index",
        "unacked_mutex_key": f"unacked.{WORKER}.mutex",
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "health_check_interval": 10,
        "socket_connect_timeout": 3,
    },
    "timezone": TIME_ZONE,
    "beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler",
    "beat_max_loop_interval": 1,
    "beat_schedule": {
        "scheduled calls and visits": {
            "task": "monitoring.tasks.open_scheduled_tasks",
            # each hour: a risk that rises in the morning has its call due the same day
            "schedule": crontab(minute="5"),
            "options": {"queue": "portal", "expires": 3000},
        },
        "alarm storms": {
            "task": "ai.tasks.roll_back_storms",
            "schedule": 60,
            "options": {"queue": "portal", "expires": 55},
        },
        "shadow runs": {
            "task": "ai.tasks.run_shadows",
            "schedule": crontab(hour="6", minute="15"),
            "options": {"queue": "portal", "expires": 3600},
        },
        "retraining": {
            "task": "ai.tasks.plan_training",
            "schedule": crontab(hour="0-5", minute="*/10"),
            "options": {"queue": "portal", "expires": 540},
        },
    },
}
SCORING_SHARDS = env.int("ANBU_SCORING_SHARDS", 2)
SCORING_INTERVAL_S = 5
for shard in range(SCORING_SHARDS):
    CELERY["beat_schedule"][f"scoring {shard}"] = {
        "task": "ai.tasks.score_shard",
        "schedule": SCORING_INTERVAL_S,
        "args": [shard, SCORING_SHARDS],
        "options": {"queue": "scoring", "expires": SCORING_INTERVAL_S},
    }
DJANGO_CELERY_BEAT_TZ_AWARE = True

# -- the contract's limits
HEARTBEAT_INTERVAL_S = 10
BATCH_MAX_EVENTS = 1000
BATCH_MAX_DELAY_S = 5
MAX_BODY_BYTES = 1_048_576

# -- the camera: how connections are found through NAT, and what may be said through it
ICE_SERVERS = env.json("ANBU_ICE_SERVERS", [])  # as RTCPeerConnection takes them: [{"urls": ..., "username": ..., ...}]
TURN_URLS = env.list("TURN_URLS", default=[])  # turn:turn.example:3478?transport=udp,turns:turn.example:5349
TURN_SECRET = env.str("TURN_SECRET", "")  # coturn's static-auth-secret
RELAY_ADDRESSES = env.list("ANBU_RELAY_ADDRESSES", default=[])  # where the relay is reached; empty: all but loopback
TALK_ENABLED = env.bool("ANBU_TALK", False)  # a caseworker may speak through the robot

ANBU_BACKEND_URL = env.str("ANBU_BACKEND_URL", "http://127.0.0.1:8000")
ANBU_SERVICE_KEY = env.str("ANBU_SERVICE_KEY", "")

LOGGING_CONFIG = None
configure_logging(json=env.bool("ANBU_LOG_JSON", True), level=env.str("ANBU_LOG_LEVEL", "INFO"))
