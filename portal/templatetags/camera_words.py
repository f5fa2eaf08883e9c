"""The camera's panel, for whichever page shows a senior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from portal.pages.camera import describe_camera

if TYPE_CHECKING:
    from django.template import RequestContext

    from seniors.models import Senior

register = template.Library()


@register.simple_tag(takes_context=True)
def camera_of(context: RequestContext, senior: Senior) -> dict[str, Any]:
    """`{% camera_of senior as camera %}`: what the panel says of this senior's camera to the person of this request."""
    return describe_camera(context["request"].user, senior)
