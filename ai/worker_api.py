"""What the workers report besides weights and risk: how far training is, and weights that they would not use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.problems import Problem

from .authentication import IsServiceAccount
from .models import AIWeight, TrainingJob, TrainingRun
from .training_runs import JobResult, note_results
from .weight_problems import note_problem

if TYPE_CHECKING:
    from rest_framework.request import Request


class JobResultSerializer(serializers.Serializer[Any]):
    senior_id = serializers.IntegerField(min_value=1)
    status = serializers.ChoiceField(choices=[value for value in TrainingJob.Status.values if value != "queued"])
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    version = serializers.IntegerField(required=False, allow_null=True, default=None)


class JobResultsSerializer(serializers.Serializer[Any]):
    results = serializers.ListField(child=JobResultSerializer(), max_length=1000)


class JobCountSerializer(serializers.Serializer[Any]):
    updated = serializers.IntegerField()


class ProblemReportSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(max_length=300)


class TrainingView(APIView):
    permission_classes = [IsServiceAccount]

    @extend_schema(
        operation_id="report_training", request=JobResultsSerializer, responses=JobCountSerializer, tags=["ai"]
    )
    def post(self, request: Request, run_id: int) -> Response:
        """How far the seniors of a training run are. A job that has ended stays as it ended."""
        body = JobResultsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if not TrainingRun.objects.filter(pk=run_id).exists():
            raise Problem(404, "no_such_run", "there is no such training run")
        return Response(
            {"updated": note_results(run_id, [JobResult(**each) for each in body.validated_data["results"]])}
        )


class WeightProblemView(APIView):
    permission_classes = [IsServiceAccount]

    @extend_schema(
        operation_id="report_weight_problem", request=ProblemReportSerializer, responses={204: None}, tags=["ai"]
    )
    def post(self, request: Request, weight_id: int) -> Response:
        """These registered weights are not to be used: missing, corrupt, foreign, or of a newer program."""
        body = ProblemReportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            note_problem(weight_id, body.validated_data["detail"])
        except AIWeight.DoesNotExist as error:
            raise Problem(404, "no_such_weights", "there are no such weights") from error
        return Response(status=204)
