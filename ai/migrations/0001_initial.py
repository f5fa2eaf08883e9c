import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("seniors", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True, verbose_name="이름")),
                ("key_prefix", models.CharField(max_length=32, unique=True)),
                ("key_hash", models.CharField(max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="생성일"),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="폐기일")),
            ],
            options={
                "verbose_name": "서비스 계정",
                "verbose_name_plural": "서비스 계정",
                "db_table": "service_accounts",
            },
        ),
        migrations.CreateModel(
            name="AIWeight",
            fields=[
                ("weight_id", models.AutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(verbose_name="버전")),
                ("storage_path", models.CharField(max_length=300, verbose_name="저장 경로")),
                ("is_active", models.BooleanField(default=False, verbose_name="사용 중")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="생성일"),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.IntegerField(verbose_name="크기")),
                ("trained_from", models.DateTimeField(verbose_name="학습 시작")),
                ("trained_to", models.DateTimeField(verbose_name="학습 끝")),
                ("metrics", models.JSONField(default=dict, verbose_name="지표")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "사용 중"),
                            ("pending", "대기"),
                            ("rejected", "거절됨"),
                            ("superseded", "교체됨"),
                        ],
                        max_length=16,
                        verbose_name="상태",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="사유")),
                (
                    "senior",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="weights",
                        to="seniors.senior",
                        verbose_name="어르신",
                    ),
                ),
            ],
            options={
                "verbose_name": "가중치",
                "verbose_name_plural": "가중치",
                "db_table": "ai_weights",
                "ordering": ["senior", "-version"],
            },
        ),
        migrations.CreateModel(
            name="WeightActivation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "activated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="시각"),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="사유")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="직원",
                    ),
                ),
                (
                    "senior",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="seniors.senior"
                    ),
                ),
                (
                    "weight",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="activations", to="ai.aiweight"
                    ),
                ),
            ],
            options={
                "verbose_name": "가중치 교체 기록",
                "verbose_name_plural": "가중치 교체 기록",
                "db_table": "weight_activations",
            },
        ),
        migrations.AddConstraint(
            model_name="aiweight",
            constraint=models.UniqueConstraint(fields=("senior", "version"), name="one_row_a_version"),
        ),
        migrations.AddConstraint(
            model_name="aiweight",
            constraint=models.UniqueConstraint(fields=("senior", "sha256"), name="one_row_a_content"),
        ),
        migrations.AddConstraint(
            model_name="aiweight",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True)), fields=("senior",), name="one_active_a_senior"
            ),
        ),
        migrations.AddConstraint(
            model_name="aiweight",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_active", True), ("status", "active")),
                    models.Q(("is_active", False), models.Q(("status", "active"), _negated=True)),
                    _connector="OR",
                ),
                name="active_is_said_once",
            ),
        ),
        migrations.AddIndex(
            model_name="weightactivation",
            index=models.Index(fields=["senior", "-activated_at"], name="weight_activations_of_senior"),
        ),
    ]
