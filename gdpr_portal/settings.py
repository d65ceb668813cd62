"""Every setting of the portal, in one file, read from a typed environment.

In:  environment variables (each one is described in ``docs/configuration.md``; a test compares the two).
Out: Django's settings.
Never here: a secret with a default. Without ``PORTAL_SECRET_KEY`` and ``PORTAL_KEKS`` the portal does not start.
"""

from pathlib import Path

import environ
from django.utils.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
VAR_DIR = Path(env.str("PORTAL_VAR_DIR", default=str(BASE_DIR / "var")))

# --- identity of this deployment -------------------------------------------------------------------------------------
DEBUG = False
DEMO = env.bool("DEMO", default=False)
SECRET_KEY = env.str("PORTAL_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("PORTAL_SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("PORTAL_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("PORTAL_ORIGINS", default=[])
BEHIND_TLS = env.bool("PORTAL_TLS", default=not DEMO)

# --- keys that are never in the database -----------------------------------------------------------------------------
#: ``epoch:base64 key`` pairs; the highest epoch wraps new keys, the others still open old ones.
PORTAL_KEKS = env.list("PORTAL_KEKS")
#: ``id:base64 key`` pairs for the blind index; the highest id writes.
PORTAL_INDEX_KEYS = env.list("PORTAL_INDEX_KEYS")
#: ``id:base64 key`` pairs for the digests that outlive a person's data; the highest id writes.
PORTAL_DIGEST_KEYS = env.list("PORTAL_DIGEST_KEYS")

# --- how the portal works --------------------------------------------------------------------------------------------
PORTAL_NAME = env.str("PORTAL_NAME", default="GDPR Portal")
#: Country in which national telephone numbers are read (ISO 3166-1 alpha-2).
PORTAL_REGION = env.str("PORTAL_REGION", default="GB")
#: Jurisdiction profile a new request starts with.
PORTAL_JURISDICTION = env.str("PORTAL_JURISDICTION", default="UK")
#: Hours between an approval and the first deletion, in which it can be withdrawn by one click.
PORTAL_APPROVAL_DELAY_HOURS = env.float("PORTAL_APPROVAL_DELAY_HOURS", default=0 if DEMO else 12)
#: Days that a frozen plan may wait for its approval.
PORTAL_PLAN_VALID_DAYS = env.int("PORTAL_PLAN_VALID_DAYS", default=14)
#: Days after the first read-back until everything is read back again.
PORTAL_VERIFY_AGAIN_DAYS = env.int("PORTAL_VERIFY_AGAIN_DAYS", default=7)
#: Interactions handled in one run of a task; the next run goes on.
PORTAL_RUN_BUDGET = env.int("PORTAL_RUN_BUDGET", default=5000)
#: Seconds after which a run ends between two calls; far below PORTAL_TASK_TIMEOUT, which ends it anywhere.
PORTAL_RUN_SECONDS = env.int("PORTAL_RUN_SECONDS", default=100)
#: Hours after which no further content of an interaction is expected. Younger ones are deleted file by file.
PORTAL_SETTLED_HOURS = env.int("PORTAL_SETTLED_HOURS", default=24)
#: Seconds a worker may hold a request or an account before another may take over.
PORTAL_LEASE_SECONDS = env.int("PORTAL_LEASE_SECONDS", default=120)
#: Tries for one item before a person must look at it.
PORTAL_MAX_ATTEMPTS = env.int("PORTAL_MAX_ATTEMPTS", default=5)
#: Runs on one request that may die in a row without getting on; then a person must start it again.
PORTAL_MAX_STARTS = env.int("PORTAL_MAX_STARTS", default=5)
#: Minutes for which a passed test of a system's credentials counts.
PORTAL_SELF_TEST_MINUTES = env.int("PORTAL_SELF_TEST_MINUTES", default=10)
#: Working days before the deadline at which nothing is tried again by itself any more, so that people have time.
PORTAL_HAND_OVER_DAYS = env.int("PORTAL_HAND_OVER_DAYS", default=5)
#: Items one plan may delete before a second supervisor must release it; never cut.
PORTAL_PLAN_CAP = env.int("PORTAL_PLAN_CAP", default=20_000)
#: Items that may be deleted in one day; what is beyond waits for the next one, or for a release.
PORTAL_DAY_CAP = env.int("PORTAL_DAY_CAP", default=100_000)
#: The same, of lists that one person approved.
PORTAL_APPROVER_CAP = env.int("PORTAL_APPROVER_CAP", default=50_000)
#: Items above which an approval asks for their number to be typed.
PORTAL_TYPED_ABOVE = env.int("PORTAL_TYPED_ABOVE", default=100)
#: Keep below the vendor's limits (150 reads and 14 deletes a minute an account). Off only for a sandbox.
PORTAL_RATE_LIMIT = env.bool("PORTAL_RATE_LIMIT", default=not DEMO)
#: Seconds for one whole call to an outside system.
PORTAL_CALL_DEADLINE = env.float("PORTAL_CALL_DEADLINE", default=30.0)

#: A ClamAV daemon that looks at every document first: the path of its Unix socket, or host:port. Empty: none.
PORTAL_CLAMD = env.str("PORTAL_CLAMD", default="")

#: Documents that one person may add within 24 hours.
PORTAL_UPLOADS_A_DAY = env.int("PORTAL_UPLOADS_A_DAY", default=200)

# --- reports ---------------------------------------------------------------------------------------------------------
#: A PKCS#12 file with key and certificate. Empty: the portal makes a certificate for itself.
PORTAL_REPORT_CERTIFICATE = env.str("PORTAL_REPORT_CERTIFICATE", default="")
PORTAL_REPORT_CERTIFICATE_PASSWORD = env.str("PORTAL_REPORT_CERTIFICATE_PASSWORD", default="")

# --- how long what is kept (docs/retention.md) -----------------------------------------------------------------------
#: Years after the end of a person's last request until the portal forgets them.
PORTAL_CASE_YEARS = env.int("PORTAL_CASE_YEARS", default=3)
#: Days that a document may be kept at most, however long its request takes.
PORTAL_EVIDENCE_DAYS = env.int("PORTAL_EVIDENCE_DAYS", default=30)
#: Days that the portal remembers who looked at personal data.
PORTAL_ACCESS_LOG_DAYS = env.int("PORTAL_ACCESS_LOG_DAYS", default=365)
#: Days after forgetting in which the portal still knows that somebody asked before. 0: not at all.
PORTAL_ASKED_BEFORE_DAYS = env.int("PORTAL_ASKED_BEFORE_DAYS", default=365)
#: Years until somebody must look whether an entry of the suppression list is still needed.
PORTAL_SUPPRESSION_REVIEW_YEARS = env.int("PORTAL_SUPPRESSION_REVIEW_YEARS", default=3)

# --- the first contact centre account --------------------------------------------------------------------------------
VCC_GATEWAY_URL = env.str("VCC_GATEWAY_URL", default="")
VCC_AUTH_URL = env.str("VCC_AUTH_URL", default="")
VCC_HISTORY_DAYS = env.int("VCC_HISTORY_DAYS", default=365)
VCC_CLIENT_AUTH = env.str("VCC_CLIENT_AUTH", default="basic")
# VCC_CLIENT_ID and VCC_CLIENT_SECRET are read when a connector is made (content_app.systems), like those of every
# other account, so that they never lie about in the settings.

# --- applications ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "gdpr_portal.apps.PortalConfig",
    "gdpr_portal.apps.PortalAdminConfig",
    "content_app",
    "requests_app",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_q",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "gdpr_portal.restored.stay_shut",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "gdpr_portal.wrong_method.explain",
]

ROOT_URLCONF = "gdpr_portal.urls"
WSGI_APPLICATION = "gdpr_portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gdpr_portal.admin_site.frame",
            ],
        },
    },
]

# --- database --------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # FULL, because an intent must be on the disk before the act; secure_delete, because forgetting must reach the file.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # No server-side cursors: one that is dropped half read is closed whenever the garbage collector comes, in the midst
    # of another statement, on a lock of psycopg's that its own thread holds. The process would hang for ever.
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True, DISABLE_SERVER_SIDE_CURSORS=True)

# Shared by the processes of one host; several hosts need a shared one (docs/operations.md).
CACHES = {"default": env.cache_url("CACHE_URL", default=f"filecache://{VAR_DIR / 'cache'}")}

# --- ledger ----------------------------------------------------------------------------------------------------------
PORTAL_LEDGER_DIR = Path(env.str("PORTAL_LEDGER_DIR", default=str(VAR_DIR / "ledger")))
PORTAL_LEDGER_KEYS_DIR = Path(env.str("PORTAL_LEDGER_KEYS_DIR", default=str(VAR_DIR / "ledger-keys")))
#: The origin of each year's log is this name and the year. It must be this installation's alone.
PORTAL_LEDGER_NAME = env.str("PORTAL_LEDGER_NAME", default=f"{ALLOWED_HOSTS[0]}/audit" if ALLOWED_HOSTS else "audit")
PORTAL_HIGH_ASSURANCE = env.bool("PORTAL_HIGH_ASSURANCE", default=True)
#: Seconds that a worker which cannot sign waits for the loop's next checkpoint.
PORTAL_PUBLISH_PATIENCE = env.int("PORTAL_PUBLISH_PATIENCE", default=15)
PORTAL_WITNESS_URL = env.str("PORTAL_WITNESS_URL", default="")
PORTAL_WITNESS_VKEY = env.str("PORTAL_WITNESS_VKEY", default="")

# --- queue -----------------------------------------------------------------------------------------------------------
TASK_TIMEOUT = env.int("PORTAL_TASK_TIMEOUT", default=300)
TASK_WORKERS = env.int("PORTAL_WORKERS", default=2)
#: What a cluster is called on the operators' page. Empty: host and process id. One name for one cluster.
PORTAL_NODE = env.str("PORTAL_NODE", default="")
Q_CLUSTER = {
    "name": "gdpr",
    "broker_class": "content_app.broker.Broker",
    "orm": "default",
    "workers": TASK_WORKERS,
    "queue_limit": TASK_WORKERS,
    "bulk": 1,
    "timeout": TASK_TIMEOUT,
    "retry": TASK_TIMEOUT * 3 + 60,  # above timeout × (1 + ⌈(queue_limit + 1) ÷ workers⌉), or the queue doubles tasks
    "max_attempts": 1,  # our own rows decide about another try
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 200,
    "max_rss": 400_000,
    "poll": 0.5,
}

# --- monitoring ------------------------------------------------------------------------------------------------------
#: What a scraper of /metrics shows as its bearer token. Empty: there is no such page.
PORTAL_METRICS_TOKEN = env.str("PORTAL_METRICS_TOKEN", default="")

# --- people ----------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "gdpr_portal.accounts.ClosedAccountAdapter"
MFA_ADAPTER = "gdpr_portal.accounts.EncryptedMFAAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
# `key` is generous: a tighter one would let anyone lock a colleague out by failing on purpose.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/5m/ip,20/5m/key"}
# Behind a proxy everybody has the proxy's address: ten slips by anyone would shut the door for all.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("PORTAL_PROXIES", default=1 if BEHIND_TLS else 0)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- what a browser may do -------------------------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "form-action": [CSP.SELF],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_NAME = "portal_session"
CSRF_COOKIE_NAME = "portal_csrf"
if BEHIND_TLS:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- files -----------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": str(VAR_DIR / "evidence"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Evidence never touches the disk unencrypted: uploads stay in memory, and larger ones are refused before.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# --- language and time -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("PORTAL_TIME_ZONE", default="Europe/London")
USE_I18N = True
FORMAT_MODULE_PATH = "gdpr_portal.formats"
USE_TZ = True

# --- logs ------------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "gdpr_portal.log_redaction.RedactPersonalData"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]}},
    "root": {"handlers": ["console"], "level": env.str("PORTAL_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
        # httpx logs whole addresses, and the address of a search holds a telephone number.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
