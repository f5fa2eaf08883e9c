"""The ASGI application: hub batches first, then Django; sockets by path."""

from __future__ import annotations

import gc
import os
import sys

from django.conf import settings
from django.core.asgi import get_asgi_application

# A thread that waits for the interpreter gets it after this time, not after 5 ms: raising an emergency is some twenty
# statements on a database thread, and while hubs flood the event loop each would wait twice.
sys.setswitchinterval(0.0005)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - the apps must be loaded first

from devices.routing import websocket_urlpatterns as hub_sockets  # noqa: E402
from monitoring.ingest_app import IngestApp  # noqa: E402
from monitoring.routing import websocket_urlpatterns as staff_sockets  # noqa: E402
from portal.client_address import believe_proxy  # noqa: E402
from portal.unknown_sockets import refuse_unknown  # noqa: E402

application = believe_proxy(
    ProtocolTypeRouter(
        {
            "http": IngestApp(django_application),
            # a plain list of django.urls.path() entries, which is what URLRouter's own documentation gives it
            "websocket": refuse_unknown(URLRouter([*hub_sockets, *staff_sockets])),  # type: ignore[list-item]
        }
    ),
    settings.TRUSTED_PROXIES,
)

# What was made until now lives as long as the process: the collector need not walk through all of it again and again,
# which cost a small request a tenth of its time.
gc.collect()
gc.freeze()
