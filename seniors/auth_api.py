"""`/api/v1/auth/`: log in, who am I, log out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from .login import InvalidCredentials, SecondFactorRequired, TooManyFailures, attempt_login, end_session
from .models import Staff
from .permissions import IsPerson
from .problems import Problem

if TYPE_CHECKING:
    from rest_framework.request import Request


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=500, trim_whitespace=False)
    code = serializers.CharField(max_length=64, required=False, allow_null=True)


class PersonSerializer(serializers.ModelSerializer[Staff]):
    class Meta:
        model = Staff
        fields = ["staff_id", "email", "full_name", "role"]


class LoginView(APIView):
    # no session is asked for, so no CSRF token is either
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=LoginSerializer, responses={200: PersonSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        try:
            staff = attempt_login(request._request, values["email"], values["password"], values.get("code"))
        except InvalidCredentials as error:
            raise Problem(401, "invalid_credentials", "the e-mail or the password is wrong") from error
        except SecondFactorRequired as error:
            raise Problem(401, "mfa_required", "send the code of your second factor as `code`") from error
        except TooManyFailures as error:
            raise Problem(
                429, "throttled", "too many failed log-ins; wait", headers={"Retry-After": str(error.retry_after_s)}
            ) from error
        get_token(request._request)
        return Response(PersonSerializer(staff).data)


class LogoutView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(request=None, responses={204: OpenApiResponse(description="logged out; its sockets close")})
    def post(self, request: Request) -> Response:
        end_session(request._request)
        return Response(status=204)


class MeView(APIView):
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: PersonSerializer})
    def get(self, request: Request) -> Response:
        get_token(request._request)
        if not isinstance(request.user, Staff):
            if request.user.is_authenticated:
                raise Problem(403, "forbidden", "this is for people who log in")
            raise NotAuthenticated
        return Response(PersonSerializer(request.user).data)
